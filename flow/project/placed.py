"""The clock of a build by place and route, and the path that limits it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.cache import atomic_write
from fewbit.flow.eda import pnr
from fewbit.flow.eda.path_names import PathInWords, describe, hierarchy
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat
from fewbit.host.build import Build
from fewbit.hw.shell.names import top_name
from fewbit.hw.targets.named import DEFAULT
from fewbit.sim.folders import locked

from .rebuild import rebuilt, target_of

__all__ = ["Placed", "PlacedBuild", "placed", "pnr_build"]


@dataclass(frozen=True, kw_only=True)
class Placed(JsonResult):
    """What place and route found of a module: the frequency, what is used and its share, and the path in words."""

    fmax_mhz: float
    used: dict[str, int]
    use: dict[str, float]
    critical_path: PathInWords


@dataclass(frozen=True, kw_only=True)
class PlacedBuild(JsonResult):
    """A build that was placed and routed: for what, of which primitives, and what was found."""

    directory: Path
    device: str
    speed: int
    seed: int
    goal_mhz: float
    target: str
    built_for: str
    placed: Placed = flat()


def pnr_build(directory: Path, device: str, speed: int, seed: int, goal: float, report: Report) -> PlacedBuild:
    """Place and route the Verilog of a build and write ``pnr.json`` beside it; return what that says.

    Parameters
    ----------
    directory : path
        A folder that ``fewbit build`` wrote. A build of Xilinx primitives is generated again of operators, into
        ``pnr``, since an ECP5 does not have them.
    device, speed, seed, goal
        As `flow.eda.pnr.place` takes them.
    report : flow.reporting.Report

    Raises
    ------
    ValueError
        If the folder is no build, or there is no such device.
    flow.eda.pnr.PlaceError
        If a tool fails, or takes too long.
    """
    if not (directory / "manifest.json").is_file():
        raise ValueError(f"{directory} is no build: make one with `fewbit build MODEL.onnx -o {directory}`")
    verilog = directory / "verilog" / f"{top_name(Build(directory).prefix)}.v"
    if not verilog.is_file():
        raise ValueError(f"{verilog}: no such file: make it with `fewbit build MODEL.onnx -o {directory}`")
    if device not in pnr.DEVICES:
        raise ValueError(f"device must be one of {', '.join(pnr.DEVICES)}, not {device!r}")
    with locked(directory):
        return _placed_build(directory, verilog, device, speed, seed, goal, report)


def _placed_build(directory, verilog, device, speed, seed, goal, report):
    build, target = target_of(directory)
    placed_as = DEFAULT if target.netlists else target
    if placed_as != target:
        verilog = rebuilt(build, directory / "pnr", placed_as, report).verilog
    with report.stepping("place and route") as progress:
        found = pnr.place(verilog, verilog.stem, device=device, speed=speed, seed=seed, goal=goal, progress=progress)
    result = PlacedBuild(
        directory=directory, device=device, speed=speed, seed=seed, goal_mhz=goal, target=placed_as.name,
        built_for=target.name,
        placed=placed(found, verilog.read_text(), verilog.stem, build.manifest.get("layers", ())),
    )  # fmt: skip
    atomic_write(directory / "pnr.json", json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def placed(found: pnr.PlacedDesign, verilog_text: str, top: str, layers: Iterable[str] = ()) -> Placed:
    """Return what `flow.eda.pnr.place` found of the module ``top``, its path in words.

    ``layers`` are the names of the network's layers.
    """
    return Placed(
        fmax_mhz=found.fmax_mhz, used=found.used,
        use={kind: round(n / max(1, found.available[kind]), 4) for kind, n in found.used.items()},
        critical_path=describe(found.critical, hierarchy(verilog_text, top), layers),
    )  # fmt: skip
