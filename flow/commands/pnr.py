"""``fewbit pnr``: the clock of a build by place and route, and the path that limits it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.extras import needs
from fewbit.flow.eda.path_names import PathInWords, describe, hierarchy
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat
from fewbit.hw.shell.names import top_name

from .kinds import MHZ
from .options import Build, Json, PlacementSeed
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.eda.pnr import PlacedDesign

__all__ = ["Placed", "PlacedBuild", "pnr_build", "placed"]

KINDS = {"lut4": "LUT4", "ff": "FFs", "lutram": "RAM blocks of LUTs", "bram": "BRAM (DP16KD)", "dsp": "DSPs"}
"""What `flow.eda.pnr.summarize` counts, as tables name it."""


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


@command(rank=50, epilog="Example: `fewbit pnr build/w1a1 --device ecp5-45k --speed 6`")
def pnr(
    *, directory: Build,
    device: Annotated[str, typer.Option("--device", help="`ecp5-25k`, `ecp5-45k` or `ecp5-85k`.")] = "ecp5-85k",
    speed: Annotated[int, typer.Option("--speed", min=6, max=8, help="Speed grade; 8 is the fastest.")] = 8,
    seed: PlacementSeed = 1,
    goal: Annotated[float, typer.Option("--goal", **MHZ, help="MHz that place and route works for.")] = 200.0,
    json: Json = False,
):  # fmt: skip
    """Place and route a build for a Lattice ECP5: maximum frequency, and the path that limits it."""
    needs("pnr")
    report = Reporter(json)
    report.show(pnr_build(directory, device, speed, seed, goal, report), _table)


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
    from fewbit.flow.eda.pnr import DEVICES
    from fewbit.host.build import Build as HostBuild
    from fewbit.sim.folders import locked

    if not (directory / "manifest.json").is_file():
        raise ValueError(f"{directory} is no build: make one with `fewbit build MODEL.onnx -o {directory}`")
    verilog = directory / "verilog" / f"{top_name(HostBuild(directory).prefix)}.v"
    if not verilog.is_file():
        raise ValueError(f"{verilog}: no such file: make it with `fewbit build MODEL.onnx -o {directory}`")
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    with locked(directory):
        return _placed_build(directory, verilog, device, speed, seed, goal, report)


def _placed_build(directory, verilog, device, speed, seed, goal, report):
    from fewbit.flow.cache import atomic_write
    from fewbit.flow.eda.pnr import place
    from fewbit.flow.project.rebuild import rebuilt, target_of
    from fewbit.hw.targets.named import DEFAULT

    build, target = target_of(directory)
    placed_as = DEFAULT if target.netlists else target
    if placed_as != target:
        verilog = rebuilt(build, directory / "pnr", placed_as, report).verilog
    with report.stepping("place and route") as progress:
        found = place(verilog, verilog.stem, device=device, speed=speed, seed=seed, goal=goal, progress=progress)
    result = PlacedBuild(
        directory=directory, device=device, speed=speed, seed=seed, goal_mhz=goal, target=placed_as.name,
        built_for=target.name,
        placed=placed(found, verilog.read_text(), verilog.stem, build.manifest.get("layers", ())),
    )  # fmt: skip
    atomic_write(directory / "pnr.json", json.dumps(result.to_dict(), indent=2) + "\n")
    return result


def placed(found: "PlacedDesign", verilog_text: str, top: str, layers: Iterable[str] = ()) -> Placed:
    """Return what `flow.eda.pnr.place` found of the module ``top``, its path in words.

    ``layers`` are the names of the network's layers.
    """

    return Placed(
        fmax_mhz=found.fmax_mhz, used=found.used,
        use={kind: round(n / max(1, found.available[kind]), 4) for kind, n in found.used.items()},
        critical_path=describe(found.critical, hierarchy(verilog_text, top), layers),
    )  # fmt: skip


def _table(report, r):
    found = r.placed
    rows = [(text, f"{found.used[kind]:,}", f"{found.use[kind]:.1%}") for kind, text in KINDS.items()]
    report.table([f"{r.device}, speed {r.speed}", "used", "share"], rows)
    if r.built_for != r.target:
        report.line(f"generated again of operators: the build's {r.built_for} primitives are not an ECP5's")
    report.line(f"maximum frequency {found.fmax_mhz:g} MHz, out of context (register to register)")
    report.line(f"critical path: {found.critical_path.words}")
    report.line(f"written to {r.directory}/pnr.json")
