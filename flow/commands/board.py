"""``fewbit board``: a complete design for a board; its bitstream too, where that needs no vendor tool."""

from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults

from .kinds import MHZ
from .options import Baud, Build, PlacementSeed, Showing
from .pnr import KINDS
from .registry import command

__all__ = ["board"]


@command(rank=60, epilog="Example: `fewbit board ulx3s build/w1a1` makes build/w1a1/board-ulx3s/top.bit.")
def board(
    *, name: Annotated[str, typer.Argument(help="`ulx3s`, `arty-a7-35`, `pynq-z2` or `arty-z7`.")], directory: Build,
    clock: Annotated[float | None, typer.Option("--clock", **MHZ, help="MHz; default: the board's own.")] = None,
    baud: Baud = defaults.BAUD, seed: PlacementSeed = defaults.PLACEMENT_SEED,
    run: Annotated[bool, typer.Option("--run/--files", help="Make the bitstream, or only write the design.")] = True,
    showing: Showing,
):  # fmt: skip
    """Write a complete design for a board, pins and clocks included; for the ULX3S make its bitstream too."""
    needs("board")
    from fewbit.flow.boards.board import DesignOptions
    from fewbit.flow.boards.designs import build_board

    report = showing.reporter()
    options = DesignOptions(clock=clock, baud=baud, seed=seed, run=run)
    report.show(build_board(name, directory, report, options), _table)


def _table(report, r):
    rows = [("clock", f"{r.clock_mhz:g} MHz")]
    rows += [("serial port", f"{r.baud:,} baud, 8 bits, no parity")] if r.baud is not None else []
    for clock in r.clocks or ():
        rows.append(("reached by nextpnr", f"{clock['fmax_mhz']:g} MHz, wanted {clock['goal_mhz']:g} MHz"))
    rows += [(KINDS[kind], f"{n:,} ({r.use[kind]:.1%})") for kind, n in (r.used or {}).items()]
    rows += [("bitstream", r.bitstream)] if r.bitstream is not None else []
    report.table([r.board, ""], rows)
    report.line(f"next: {r.next}")
    report.line(f"written to {r.directory}")
