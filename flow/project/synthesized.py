"""What a build costs by Yosys, layer by layer and in all."""

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.longest_path import LongestPath
from fewbit.flow.eda.resources import Resources
from fewbit.flow.eda.synth import synthesize, synthesize_parts
from fewbit.flow.jobs import run_jobs
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, or_empty
from fewbit.host.build import Build
from fewbit.hw.shell.names import top_name
from fewbit.hw.targets.named import USUAL, all_parts, all_targets
from fewbit.hw.targets.part_choice import few_of, find_part
from fewbit.hw.targets.part_list import parts_with
from fewbit.sim.folders import locked

from .rebuild import target_of

__all__ = ["Synthesized", "Used", "synth_build"]

ASSUMED = ("before place and route, out of context", "a LUT6_2 is one LUT; small LUTs are not yet packed into one")


@dataclass(frozen=True, kw_only=True)
class Used(JsonResult):
    """What a part of a design takes, as `flow.eda.resources.Resources` has it."""

    lut: int
    lutram: int
    ff: int
    carry4: int
    carry8: int
    muxf: int
    bram18: int
    bram36: int
    dsp: int
    path: LongestPath | None = or_empty()

    @classmethod
    def of(cls, resources: Resources) -> "Used":
        """Return that part of the resources of a design that is shown."""
        return cls(**{name: getattr(resources, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Synthesized(JsonResult):
    """A build as Yosys made it: in all, flattened, with the shares of a part that it uses, and stage by stage."""

    directory: Path
    written: str
    target: str
    part: str
    family: str
    total: Used
    use: dict[str, float]
    assumed: list[str]
    stages: dict[str, Used]


@dataclass(frozen=True, kw_only=True)
class _Design:
    """What is synthesized of a build.

    Attributes
    ----------
    folder : str
        Folder of the Verilog.
    ip : bool
        Whether it is the IP block.
    outer : str
        What follows the name of the top in that of the module whose parts are shown.
    command : str
        The command that makes it.
    written : str
        Name of the file of results.
    """

    folder: str
    ip: bool
    outer: str
    command: str
    written: str

    def verilog(self, directory: Path) -> Path:
        """Return the Verilog of the design in the folder of a build.

        Raises
        ------
        ValueError
            If the folder is no build, or the design was not made in it.
        """
        none = f"{directory} is no build: make one with `fewbit {self.command} MODEL.onnx -o {directory}`"
        if not (directory / "manifest.json").is_file():
            raise ValueError(none)
        found = directory / self.folder / f"{top_name(Build(directory).prefix, ip=self.ip)}.v"
        if not found.is_file():
            raise ValueError(none)
        return found


_ACCELERATOR = _Design(folder="verilog", ip=False, outer=".accelerator", command="build", written="synth.json")
_IP = _Design(folder="ip", ip=True, outer="", command="verilog", written="synth-ip.json")


def synth_build(
    directory: Path, part: str, report: Report, *, ip: bool = False, parts: Path | None = None
) -> Synthesized:
    """Synthesize the Verilog of a build and write ``synth.json`` beside it; return what that says.

    Parameters
    ----------
    directory : path
        A folder that ``fewbit build`` wrote.
    part : str
        Name of a `hw.targets.parts.Part`, as `hw.targets.part_choice.find_part` takes it.
    report : flow.reporting.Report
    ip : bool
        Instead the IP block with its registers, part by part, into ``synth-ip.json``.
    parts : path, optional
        A file of further parts, as `hw.targets.part_list.read_parts` reads it.

    Raises
    ------
    ValueError
        If the folder is no build, there is no such part, or the build is not for it.
    flow.eda.synth.SynthesisError
        If Yosys fails.
    """
    design = _IP if ip else _ACCELERATOR
    design.verilog(directory)
    device = find_part(part, (*all_parts().values(), *parts_with(parts)))
    with locked(directory):
        return _synthesized_build(directory, device, report, design)


def _synthesized_build(directory, device, report, design):
    verilog, (_, target) = design.verilog(directory), target_of(directory)
    if not target.suits(device):
        raise ValueError(_unsuited(directory, target, device))
    top, outer = verilog.stem, verilog.stem + design.outer
    inside = re.findall(rf"^module \\{re.escape(outer)}\.([^. ]+) ", verilog.read_text(), re.MULTILINE)
    parts = {name: f"{outer}.{name}" for name in inside}
    whole, found = _synthesized(verilog, top, parts, device.family, report)
    result = Synthesized(
        directory=directory, written=design.written, target=target.name, part=device.name, family=device.family,
        total=Used.of(whole), use={name: round(share, 4) for name, share in device.use(whole).items()},
        assumed=[*ASSUMED, *target.assumed],
        stages={name or "the rest": Used.of(resources) for name, resources in found.items()},
    )  # fmt: skip
    atomic_write(directory / design.written, json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def _unsuited(directory, target, device):
    """Return what to do with a build of a target whose primitives a device does not have."""
    other = next((t for t in (USUAL, *all_targets()) if t.suits(device)), None)
    if other is None:
        return (
            f"{device.name} has no cells that fewbit synth can count; of ECP5, `fewbit pnr {directory}` does: choose "
            f"another part ({', '.join(few_of(target.parts))})"
        )
    return (
        f"{directory} is made of {target.own_cells}, which {device.name} does not have: rebuild it with --target "
        f"{other.name}, or choose a part of {target.title} ({', '.join(few_of(target.parts))})"
    )


def _synthesized(verilog, top, parts, family, report):
    """Return the resources of the whole, flattened, and of its parts by name.

    Both are synthesized at the same time, as Yosys takes one core.
    """
    runs = {
        "all together": partial(synthesize, verilog, top, family=family),
        "layer by layer": partial(synthesize_parts, verilog, top, parts, family=family),
    }

    def work(name, job):
        return runs[name](progress=lambda _, step: job.now(step))

    return run_jobs(report, "Yosys", list(runs), 1, work).values()
