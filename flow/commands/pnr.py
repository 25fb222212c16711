"""``fewbit pnr``: the clock of a build by place and route, and the path that limits it."""

import json

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda.path_names import describe, hierarchy
from fewbit.flow.eda.pnr import DEVICES, place
from fewbit.flow.project.rebuild import rebuilt, target_of
from fewbit.hw.targets.named import DEFAULT
from fewbit.sim.folders import locked

__all__ = ["pnr_build"]


def pnr_build(directory, device, speed, seed, goal, report):
    """Place and route the Verilog of a build and write ``pnr.json`` beside it; returns what ``--json`` prints.

    Parameters
    ----------
    directory : path
        As ``fewbit build`` writes it. One of Xilinx primitives is generated again of operators, into ``pnr``, since
        an ECP5 does not have them.
    device, speed, seed, goal : as `flow.eda.pnr.place`
    """
    verilog = directory / "verilog" / "accelerator.v"
    if not verilog.is_file() or not (directory / "manifest.json").is_file():
        raise ValueError(f"{directory} is no build: make one with `fewbit build MODEL.onnx -o {directory}`")
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    with locked(directory):
        return _placed_build(directory, verilog, device, speed, seed, goal, report)


def _placed_build(directory, verilog, device, speed, seed, goal, report):
    build, target = target_of(directory)
    placed_as = DEFAULT if target.netlists else target
    if placed_as != target:
        verilog = rebuilt(build, directory / "pnr", placed_as, report).verilog
    with report.stepping("place and route") as progress:
        found = place(verilog, "accelerator", device=device, speed=speed, seed=seed, goal=goal, progress=progress)
    result = {
        "directory": str(directory), "device": device, "speed": speed, "seed": seed, "goal_mhz": goal,
        "target": placed_as.name, "built_for": target.name,
        **placed(found, verilog.read_text(), "accelerator", build.manifest.get("layers", ())),
    }  # fmt: skip
    atomic_write(directory / "pnr.json", json.dumps(result, indent=2) + "\n")
    return result


def placed(found, verilog_text, top, layers=()):
    """What `flow.eda.pnr.place` found, as numbers to print: frequency, what is used and its share, path in words."""
    return {
        "fmax_mhz": found["fmax_mhz"],
        "used": found["used"],
        "use": {kind: round(n / max(1, found["available"][kind]), 4) for kind, n in found["used"].items()},
        "critical_path": describe(found["critical"], hierarchy(verilog_text, top), layers),
    }
