"""A build's model and folding again, of what another FPGA has."""

from fewbit.host.build import Build
from fewbit.hw.target import Target

from .project import Project

__all__ = ["rebuilt", "target_of"]


def target_of(directory):
    """``(Build, the name of its target)`` of a folder that `fewbit build` wrote."""
    build = Build(directory)
    return build, build.manifest.get("target", "portable")


def rebuilt(build, folder, luts, report):
    """The `Project` of a `host.build.Build`, generated into ``folder`` for ``luts`` (`hw.target.Luts`).

    ``ValueError`` if the model or the folding is not there, or is no longer that of the build.
    """
    directory, model, folding = build.directory, build.directory / "model.onnx", build.directory / "folding.json"
    for path in model, folding:
        if not path.is_file():
            raise ValueError(f"{path}: no such file; make it with `fewbit build MODEL.onnx -o {directory}`")
    project = Project(
        model, output=build.manifest["output_option"], folding=folding, directory=folder, target=Target(luts=luts)
    )
    if project.identity != build.manifest["identity"]:
        raise ValueError(f"{directory} is not as it was built: model.onnx or folding.json changed; build it again")
    with report.working("generating Verilog"):
        fresh = project.generate()
    report.step("Verilog", fresh, project.directory / "verilog")
    return project
