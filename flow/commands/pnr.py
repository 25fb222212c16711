"""``fewbit pnr``: the clock of a build by place and route, and the path that limits it."""

from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults

from .kinds import MHZ
from .options import Build, PlacementSeed, Showing
from .registry import command

__all__ = ["KINDS", "pnr"]

KINDS = {"lut4": "LUT4", "ff": "FFs", "lutram": "RAM blocks of LUTs", "bram": "BRAM (DP16KD)", "dsp": "DSPs"}
"""What `flow.eda.pnr.summarize` counts, as tables name it."""


@command(rank=50, epilog="Example: `fewbit pnr build/w1a1 --device ecp5-45k --speed 6`")
def pnr(
    *, directory: Build,
    device: Annotated[
        str, typer.Option("--device", help="`ecp5-25k`, `ecp5-45k` or `ecp5-85k`.")
    ] = defaults.ECP5_DEVICE,
    speed: Annotated[
        int, typer.Option("--speed", min=6, max=8, help="Speed grade; 8 is the fastest.")
    ] = defaults.ECP5_SPEED,
    seed: PlacementSeed = defaults.PLACEMENT_SEED,
    goal: Annotated[
        float, typer.Option("--goal", **MHZ, help="MHz that place and route works for.")
    ] = defaults.CLOCK_MHZ,
    showing: Showing,
):  # fmt: skip
    """Place and route a build for a Lattice ECP5: maximum frequency, and the path that limits it."""
    needs("pnr")
    from fewbit.flow.project.placed import pnr_build

    report = showing.reporter()
    report.show(pnr_build(directory, device, speed, seed, goal, report), _table)


def _table(report, r):
    found = r.placed
    rows = [(text, f"{found.used[kind]:,}", f"{found.use[kind]:.1%}") for kind, text in KINDS.items()]
    report.table([f"{r.device}, speed {r.speed}", "used", "share"], rows)
    if r.built_for != r.target:
        report.line(f"generated again of operators: the build's {r.built_for} primitives are not an ECP5's")
    report.line(f"maximum frequency {found.fmax_mhz:g} MHz, out of context (register to register)")
    report.line(f"critical path: {found.critical_path.words}")
    report.line(f"written to {r.directory}/pnr.json")
