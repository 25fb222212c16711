"""``fewbit build``: from a model to Verilog and its manifest."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fewbit.flow.results import JsonResult, flat

if TYPE_CHECKING:
    from fewbit.flow.project.project import Project

from .options import Delivering, Json, Making, Model
from .registry import command
from .report import Reporter

__all__ = ["Built", "show_built"]


@dataclass(frozen=True, kw_only=True)
class Built(JsonResult):
    """A build: its folder, and what software needs to know of it."""

    directory: Path
    up_to_date: bool
    manifest: dict[str, Any] = flat()


@command(rank=10, epilog="Example: `fewbit build examples/digits/w1a1.onnx -o build/mine`")
def build(*, model: Model, making: Making, delivering: Delivering, json: Json = False):
    """Import, fold, and write Verilog and manifest."""
    report = Reporter(json)
    project = making.project(model, delivering)
    with report.working("generating Verilog"):
        fresh = project.generate()
    show_built(report, project, fresh)


def show_built(report: Reporter, project: "Project", fresh: bool) -> None:
    """Print what was built of a project; ``fresh`` says whether anything had to be done."""
    report.step("Verilog", fresh, project.directory / "verilog")
    report.show(Built(directory=project.directory, up_to_date=not fresh, manifest=project.manifest()), _table)


def _table(report, built):
    rows = [
        (name, f"{p['inputs']} → {p['neurons']}", p["activations"], p["weights"], p["pe"], p["simd"], p["cycles"],
         p["weights_in"], p["products_in"])
        for name, p in built.manifest["layers"].items()
    ]  # fmt: skip
    heads = ["layer", "size", "activations", "weights", "PE", "SIMD", "cycles", "weights in", "products in"]
    report.table(heads, rows)
    report.notes(built.manifest["notes"])
    c = built.manifest["cycles"]
    report.line(f"latency {c['latency']} cycles, interval {c['interval']} cycles (bound {c['bound']})")
    report.line(f"written to {built.directory}")
