"""A build's model and folding again, of what another FPGA has."""

from fewbit.golden.model_file.source import SourceFile
from fewbit.host.build import Build
from fewbit.hw.targets.named import DEFAULT, target_named

from .project import Project

__all__ = ["rebuilt", "target_of"]


def target_of(directory):
    """Return ``(Build, its target)`` of a folder that `fewbit build` wrote; a manifest that names none is of the
    default one."""
    build = Build(directory)
    return build, target_named(build.manifest.get("target", DEFAULT.name))


def rebuilt(build, folder, target, report):
    """The `Project` of a `host.build.Build`, generated into ``folder`` for a `hw.targets.target.Target`.

    ``ValueError`` if the model or the folding is not there, or is no longer that of the build.
    """
    directory, folding = build.directory, build.directory / "folding.json"
    model = SourceFile.kept_in(directory)
    for path in model, folding:
        if not path.is_file():
            raise ValueError(f"{path}: no such file; make it with `fewbit build MODEL.onnx -o {directory}`")
    project = Project(model, output=build.manifest["output_option"], folding=folding, directory=folder, target=target)
    if project.identity != build.manifest["identity"]:
        raise ValueError(f"{directory} is not as it was built: {model.name} or folding.json changed; build it again")
    with report.working("generating Verilog"):
        fresh = project.generate()
    report.step("Verilog", fresh, project.directory / "verilog")
    return project
