"""What boards have in common: where they register, and what a design of one is."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewbit.flow.cache import atomic_write
from fewbit.flow.defaults import BAUD, PLACEMENT_SEED
from fewbit.flow.results import JsonResult, maybe
from fewbit.golden.registry import ByClass

__all__ = ["REGISTERED", "BoardDesign", "DesignOptions", "design_of", "register"]

REGISTERED: dict[str, Any] = {}
"""The boards, each of a class that `design_of` knows, by the names that users give them."""

# A function ``(name, board, build, report, options)`` that writes the design of a board of the class for a
# `host.build.Build`, with `DesignOptions`; it returns a `BoardDesign`.
design_of = ByClass("design of a board")


def register(name: str, board: object) -> None:
    """Register a board, of a class that `design_of` knows, under the name that users give it.

    Raises
    ------
    ValueError
        If another board has that name.
    """
    if name in REGISTERED:
        raise ValueError(f"board {name!r} is registered already")
    REGISTERED[name] = board


@dataclass(frozen=True, kw_only=True)
class DesignOptions:
    """What a user asks of a design.

    Attributes
    ----------
    clock : float or None
        MHz; None takes the board's own choice.
    baud : int
        Rate of the serial port, of a board that has one.
    seed : int
        Seed of the placement.
    run : bool
        Whether to make the bitstream where that needs no vendor tool.
    """

    clock: float | None = None
    baud: int = BAUD
    seed: int = PLACEMENT_SEED
    run: bool = True


@dataclass(frozen=True, kw_only=True)
class BoardDesign(JsonResult):
    """A design of a board, and what is to be done with it next.

    One behind a serial port has a rate in baud. One that became a bitstream has the clocks that were wanted and
    reached, and what it takes of the device, also as a share of it.
    """

    board: str
    directory: Path
    clock_mhz: float
    baud: int | None = maybe()
    seed: int | None = maybe()
    bitstream: str | None = maybe()
    clocks: list[dict[str, Any]] | None = maybe()
    fmax_mhz: float | None = maybe()
    used: dict[str, int] | None = maybe()
    use: dict[str, float] | None = maybe()
    next: str = ""

    def write(self) -> None:
        """Write ``board.json`` into the board's folder."""
        atomic_write(self.directory / "board.json", json.dumps(self.to_dict(), indent=2) + "\n")
