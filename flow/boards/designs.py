"""``fewbit board``: complete designs for boards, with pins and clocks, down to a bitstream where that needs no vendor.

A board folder, ``build/<model>/board-<name>``, holds the accelerator built of what the board's FPGA has, the design
around it, what its tools read, and ``board.json`` with the figures. A board is a file of `flow.boards.kinds`,
and how designs for boards of its class are made is one of `flow.boards.makers`.
"""

from pathlib import Path

from fewbit.flow.reporting import Report
from fewbit.golden.registry import import_all
from fewbit.host.build import Build
from fewbit.sim.folders import locked

from . import kinds, makers
from .board import REGISTERED, BoardDesign, DesignOptions, design_of

__all__ = ["build_board"]

import_all(makers)
import_all(kinds)


def build_board(name: str, directory: Path | str, report: Report, options: DesignOptions | None = None) -> BoardDesign:
    """Write the design of a board for the build in ``directory``, and make its bitstream if no vendor tool is needed.

    Parameters
    ----------
    name : str
        A name that a board registered under.
    directory : path
        A folder that ``fewbit build`` wrote.
    report : flow.reporting.Report
    options : DesignOptions or None

    Raises
    ------
    ValueError
        If there is no such board, it cannot have that clock or baud rate, or the folder is not as it was built.
    host.build.HostError
        If the folder is no build.
    flow.boards.bitstream.BitstreamError
        If a tool fails, the design does not fit, or it is too slow.
    """
    if name not in REGISTERED:
        raise ValueError(f"board must be one of {', '.join(REGISTERED)}, not {name!r}")
    Build(directory)  # refuses what is none before anything is written
    with locked(directory):
        board = REGISTERED[name]
        return design_of.of(board)(name, board, Build(directory), report, options or DesignOptions())
