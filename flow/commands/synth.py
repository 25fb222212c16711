"""``fewbit synth``: what a build costs by Yosys, layer by layer and in all."""

import json
import re
from dataclasses import asdict
from functools import partial

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.synth import synthesize, synthesize_parts
from fewbit.flow.jobs import run_jobs
from fewbit.flow.project.rebuild import target_of
from fewbit.hw.targets.named import USUAL, all_parts, all_targets
from fewbit.sim.folders import locked

__all__ = ["synth_build"]

ASSUMED = ("before place and route, out of context", "a LUT6_2 is one LUT; small LUTs are not yet packed into one")
# By --ip: folder and top module, the module whose parts are shown, and the command that makes it.
_DESIGNS = {
    False: ("verilog", "accelerator", "accelerator.accelerator", "build"),
    True: ("ip", "accelerator_ip", "accelerator_ip", "verilog"),
}
_KINDS = ("lut", "lutram", "ff", "carry4", "carry8", "muxf", "bram18", "bram36", "dsp")


def synth_build(directory, part, report, *, ip=False):
    """Synthesize the Verilog of a build, print it, and write ``synth.json`` beside it; returns what ``--json`` prints.

    Parameters
    ----------
    directory : path
        As ``fewbit build`` writes it.
    part : str
        Name of a `hw.targets.parts.Part`.
    ip : bool
        Instead the IP block with its registers, part by part, into ``synth-ip.json``.
    """
    folder, top, _, command = _DESIGNS[ip]
    verilog = directory / folder / f"{top}.v"
    if not verilog.is_file() or not (directory / "manifest.json").is_file():
        raise ValueError(f"{directory} is no build: make one with `fewbit {command} MODEL.onnx -o {directory}`")
    parts = all_parts()
    if part.lower() not in parts:
        raise ValueError(f"part must be one of {', '.join(parts)}, not {part!r}")
    with locked(directory):
        return _synthesized_build(directory, parts[part.lower()], report, ip)


def _synthesized_build(directory, device, report, ip):
    folder, top, outer, _ = _DESIGNS[ip]
    verilog, (_, target) = directory / folder / f"{top}.v", target_of(directory)
    if device not in target.parts:
        raise ValueError(_unsuited(directory, target, device))
    inside = re.findall(rf"^module \\{re.escape(outer)}\.([^. ]+) ", verilog.read_text(), re.MULTILINE)
    parts = {name: f"{outer}.{name}" for name in inside}
    whole, found = _synthesized(verilog, top, parts, device.family, report)
    result = {
        "directory": str(directory),
        "written": "synth-ip.json" if ip else "synth.json",
        "target": target.name,
        "part": device.name,
        "family": device.family,
        "total": _row(whole),
        "use": {name: round(share, 4) for name, share in device.use(whole).items()},
        "assumed": [*ASSUMED, *target.assumed],
        "stages": {name or "the rest": _row(resources) for name, resources in found.items()},
    }
    atomic_write(directory / result["written"], json.dumps(result, indent=2) + "\n")
    return result


def _unsuited(directory, target, device):
    """What to do with a build of a target whose primitives a device does not have."""
    other = next(t for t in (USUAL, *all_targets()) if device in t.parts)
    return (
        f"{directory} is made of {target.own_cells}, which {device.name} does not have: rebuild it with --target "
        f"{other.name}, or choose a part of {target.title} ({', '.join(p.name.lower() for p in target.parts)})"
    )


def _synthesized(verilog, top, parts, family, report):
    """`Resources` of the whole, flattened, and of its parts by name, both at the same time: Yosys takes one core."""
    runs = {
        "all together": partial(synthesize, verilog, top, family=family),
        "layer by layer": partial(synthesize_parts, verilog, top, parts, family=family),
    }

    def work(name, job):
        return runs[name](progress=lambda _, step: job.now(step))

    return run_jobs(report, "Yosys", list(runs), 1, work).values()


def _row(resources):
    numbers = asdict(resources)
    return {kind: numbers[kind] for kind in _KINDS} | {"path": numbers["path"]}
