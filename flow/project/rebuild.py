"""A build's model and folding again, of what another FPGA has."""

from pathlib import Path

from fewbit.flow.ip.destination import Destination
from fewbit.flow.reporting import Report
from fewbit.golden.model_file.source import SourceFile
from fewbit.host.build import Build
from fewbit.hw.targets.named import DEFAULT, target_named
from fewbit.hw.targets.target import Target

from .project import Project

__all__ = ["kept_project", "project_in", "rebuilt", "target_of"]


def target_of(directory: Path | str) -> tuple[Build, Target]:
    """Return the build in a folder that `fewbit build` wrote, and its target.

    A manifest that names no target is of the default one.

    Raises
    ------
    host.build.HostError
        If the folder is no build.
    """
    build = Build(directory)
    return build, target_named(build.manifest.get("target", DEFAULT.name))


def kept_project(build: Build, folder: Path | str, target: Target, destination: Destination | None = None) -> Project:
    """Return the project of a build, whose own folder is ``folder``, for a target; nothing is generated.

    ``destination`` says what part and clock its scripts are for, and how modules are named; None is as the folder says.

    Raises
    ------
    ValueError
        If the model or the folding is not there, or is no longer that of the build.
    """
    directory, folding = build.directory, build.directory / "folding.json"
    model = SourceFile.kept_in(directory)
    for path in model, folding:
        if not path.is_file():
            raise ValueError(f"{path}: no such file; make it with `fewbit build MODEL.onnx -o {directory}`")
    project = Project(
        model, output=build.manifest["output_option"], folding=folding, directory=folder, target=target,
        destination=destination,
    )  # fmt: skip
    if project.identity != build.manifest["identity"]:
        raise ValueError(f"{directory} is not as it was built: {model.name} or folding.json changed; build it again")
    return project


def project_in(folder: Path | str) -> Project:
    """Return the project that the build in a folder is of, with the same folder and target.

    Raises
    ------
    host.build.HostError
        If the folder is no build.
    ValueError
        As `kept_project`.
    """
    build, target = target_of(folder)
    return kept_project(build, build.directory, target)


def rebuilt(
    build: Build, folder: Path | str, target: Target, report: Report, destination: Destination | None = None
) -> Project:
    """Return the project of a build, generated into ``folder`` for another target.

    Names have no prefix; ``destination`` says what part and clock its scripts are for.

    Raises
    ------
    ValueError
        As `kept_project`.
    """
    project = kept_project(build, folder, target, destination or Destination())
    with report.working("generating Verilog"):
        fresh = project.generate()
    report.step("Verilog", fresh, project.directory / "verilog")
    return project
