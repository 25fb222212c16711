"""The pad of ``fewbit demo --terminal``: arrow keys move, the space bar draws."""

import curses
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

import numpy as np

from fewbit.host.build import HostError

from .answer import Answer
from .drawing import Canvas

__all__ = ["Answering", "Pad", "run_terminal"]

HELP = "arrows move, space draws, x erases, c clears, q ends"
BAR = 24
SILENT = 5  # times that a wait for a key ends without one: then the terminal is gone


class Answering(Protocol):
    """What answers drawings, as `flow.demo.demo.Demo` does."""

    canvas: Canvas

    def answer(self, request: Mapping[str, Any]) -> Answer:
        """Return the answer to a request."""


class Pad:
    """A grid of cells with a pen, and the answer to what is drawn.

    Parameters
    ----------
    demo : Answering

    Attributes
    ----------
    cells : float array (rows, columns)
        1 where there is ink.
    at : tuple of int
        Row and column of the pen.
    answer : Answer or None
        What `flow.demo.demo.Demo.answer` gave last.
    error : str
        Why there is no answer.
    """

    def __init__(self, demo: Answering):
        self._demo, (self.rows, self.columns) = demo, demo.canvas.size
        self.cells, self.at = np.zeros((self.rows, self.columns)), (0, 0)
        self.answer: Answer | None = None
        self.error = ""

    def key(self, key: str) -> bool:
        """Do what a key says; return whether to go on."""
        moves = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
        if key in moves:
            (y, x), (dy, dx) = self.at, moves[key]
            self.at = min(max(y + dy, 0), self.rows - 1), min(max(x + dx, 0), self.columns - 1)
        elif key in (" ", "x"):
            self.cells[self.at] = key == " "
            self._ask()
        elif key == "c":
            self.cells[:] = 0
            self._ask()
        return key != "q"

    def _ask(self):
        self.answer, self.error = None, ""
        if self.cells.any():
            try:
                self.answer = self._demo.answer({"drawing": self.cells.tolist()})
            except HostError as error:
                self.error = str(error)

    def lines(self) -> list[str]:
        """Return what the screen shows: the grid, two characters a cell, and beside it the scores."""
        grid = ["".join("██" if cell else "··" for cell in row) for row in self.cells]
        side = ["", *self._scores(), "", self.error or HELP]
        grid += [" " * 2 * self.columns] * (len(side) - len(grid))
        side += [""] * (len(grid) - len(side))
        return [f"{left}  {right}".rstrip() for left, right in zip(grid, side, strict=True)]

    def _scores(self):
        if self.answer is None:
            return ["draw something"]
        scores, best = self.answer.scores, self.answer.label
        finite = [score for score in scores if score is not None] or [0.0]
        low, high = min(finite), max(finite)
        lines = [f"{best}   ({self.answer.detail})", ""]
        for k, score in enumerate(scores):
            if score is None:
                width, text = 0, "not finite"
            else:
                width, text = BAR if high == low else round(BAR * (score - low) / (high - low)), f"{score:g}"
            lines.append(f"{'>' if k == best else ' '} {k} {'█' * width:{BAR}} {text}")
        return lines


_KEYS = {
    curses.KEY_UP: "up", curses.KEY_DOWN: "down", curses.KEY_LEFT: "left", curses.KEY_RIGHT: "right",
}  # fmt: skip


def run_terminal(demo: Answering) -> None:
    """Show the pad until the user ends it, or no more keys can come.

    Raises
    ------
    ValueError
        If there is no terminal.
    """
    pad = Pad(demo)

    begun = False

    def loop(screen):
        nonlocal begun
        begun = True
        with suppress(curses.error):  # some terminals have one kind of cursor only
            curses.curs_set(2)
        going, silent = True, 0
        while going and silent < SILENT:
            with suppress(curses.error):  # a window that has become smaller meanwhile is drawn again
                _draw(screen, pad)
            code = screen.getch()
            silent = silent + 1 if code < 0 else 0
            going = pad.key(_KEYS.get(code) or (chr(code) if 0 < code < 256 else ""))

    try:
        curses.wrapper(loop)
    except curses.error as error:
        if begun:  # a terminal that is gone cannot be set back either
            return
        raise ValueError(f"--terminal needs a terminal: {error}") from None


def _draw(screen, pad):
    screen.clear()
    height, width = screen.getmaxyx()
    for y, line in enumerate(pad.lines()[: height - 1]):
        screen.addnstr(y, 0, line, width - 1)
    y, x = pad.at
    screen.move(min(y, height - 1), min(2 * x, width - 1))
    screen.refresh()
