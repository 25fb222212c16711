"""A project is built: its Verilog and manifest, and what software needs to know of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat

from .project import Project

__all__ = ["Built", "build_project"]


@dataclass(frozen=True, kw_only=True)
class Built(JsonResult):
    """A build: its folder, and what software needs to know of it."""

    directory: Path
    up_to_date: bool
    manifest: dict[str, Any] = flat()


def build_project(project: Project, report: Report, *, ip: bool = False) -> Built:
    """Generate what is made of a project, the IP block too if ``ip``, and return what that is.

    Raises
    ------
    ValueError
        If there is no hardware for the network in its folding.
    """
    with report.working("generating Verilog"):
        fresh = project.generate()
    if ip:
        with report.working("generating the IP block"):
            fresh_ip = project.generate_ip()
        report.step("IP block", fresh_ip, project.ip_verilog.parent)
    report.step("Verilog", fresh, project.directory / "verilog")
    return Built(directory=project.directory, up_to_date=not fresh, manifest=project.manifest())
