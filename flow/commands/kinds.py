"""Kinds of values of options: each is checked before any work is begun."""

import math
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

__all__ = ["BAUD", "BITS", "CHANCE", "COUNT", "CYCLES", "DEVICES", "DSPS", "FILE", "FOLDER", "LATENCY", "LUTS", "MHZ",
           "NUMBER", "PERCENT", "POINTS", "RATE", "SEED", "SHARE", "STEPS", "WrittenLatency", "duration",
           "file_to_write", "folder_to_write", "number", "share", "whole"]  # fmt: skip

_MOST = 10**12  # cycles, LUTs or bits: more is a slip of the keyboard


def whole(least: int, most: int = _MOST) -> Callable[[Any], int]:
    """Return a parser of whole numbers from ``least`` to ``most``, for ``typer.Option(parser=…)``.

    It raises ``typer.BadParameter`` for all else.
    """

    def parse(text: Any) -> int:
        value: int | None
        try:
            value = int(str(text))
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise typer.BadParameter(f"must be a whole number from {least:,} to {most:,}, not {_short(text)}")
        return value

    return parse


def number(least: float, most: float) -> Callable[[Any], float]:
    """Return a parser of finite numbers from ``least`` to ``most``, for ``typer.Option(parser=…)``.

    It raises ``typer.BadParameter`` for all else.
    """

    def parse(text):
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:  # NaN is not either
            raise typer.BadParameter(f"must be a number from {least:,} to {most:,}, not {_short(text)}")
        return value

    return parse


@dataclass(frozen=True)
class WrittenLatency:
    """A latency as it is written: a number, and its unit, ``"cycles"`` or one of time."""

    amount: float
    unit: str

    def cycles(self, clock: float) -> int:
        """Return the whole cycles of a clock of ``clock`` MHz that it has."""
        per_second = {"s": 1e6, "ms": 1e3, "us": 1, "ns": 1e-3}
        return int(self.amount if self.unit == "cycles" else self.amount * per_second[self.unit] * clock)


def duration(text: Any) -> WrittenLatency:
    """Return the latency that a text such as ``100us``, ``2 ms`` or ``5000`` (cycles) is.

    Raises
    ------
    typer.BadParameter
        If it is none.
    """
    if isinstance(text, WrittenLatency):
        return text
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(cycles|s|ms|us|µs|ns)?\s*", str(text))
    if found is None or not float(found[1]) > 0:
        raise typer.BadParameter(f"must be a latency such as 100us, 2ms or 5000 (cycles), not {_short(text)}")
    return WrittenLatency(float(found[1]), (found[2] or "cycles").replace("µ", "u"))


def share(text: Any) -> float:
    """Return the percent that a text such as ``70`` or ``70%`` is, from 0 to 100.

    Raises
    ------
    typer.BadParameter
        If it is none.
    """
    try:
        return number(0, 100)(str(text).strip().removesuffix("%"))
    except typer.BadParameter:
        raise typer.BadParameter(f"must be a share from 0 to 100 %, not {_short(text)}") from None


def folder_to_write(text: Any) -> Path:
    """Return the path of a folder that is there, or that can be made.

    Raises
    ------
    typer.BadParameter
        If nothing can be written there.
    """
    path = _named(text, "a folder")
    if path.exists() and not path.is_dir():
        raise typer.BadParameter(f"{path} is a file, not a folder")
    if path.resolve() == Path(path.resolve().anchor):
        raise typer.BadParameter(f"{path} is the root of the file system; name a folder in it")
    _check_place(path)
    return path


def file_to_write(text: Any) -> Path:
    """Return the path of a file that can be made, or replaced.

    Raises
    ------
    typer.BadParameter
        If it cannot be written.
    """
    path = _named(text, "a file")
    if path.is_dir() or str(text).endswith(os.sep):
        raise typer.BadParameter(f"{text} is a folder; name a file in it")
    if path.exists() and not path.is_file():
        raise typer.BadParameter(f"{path} is a device or pipe, not a file")
    _check_place(path.parent)
    return path


def _named(text, what):
    if not str(text).strip():
        raise typer.BadParameter(f"must name {what}, not be empty")
    path = Path(text)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # a name that is too long, for one
        raise typer.BadParameter(f"{_short(text)}: {getattr(error, 'strerror', None) or error}") from None
    return path


def _check_place(folder):
    """Refuse a folder in which no files can be made; it may still be missing.

    That is tried with a file that has no name.
    """
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise typer.BadParameter(f"{there} is a file, so that there can be no folder {folder}")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {there}: {error.strerror}") from None


def _short(text):
    shown = repr(str(text))
    return shown if len(shown) <= 60 else shown[:60] + "…"


# The kinds, to be used as `typer.Option("--clock", **MHZ, help="…")`.


def _kind(metavar: str, parser: Callable[[Any], Any]) -> dict[str, Any]:
    return {"metavar": metavar, "parser": parser}


BAUD = _kind("BAUD", whole(300, 10**8))
BITS = _kind("BITS", whole(1))
CHANCE = _kind("0-0.95", number(0, 0.95))
COUNT = _kind("COUNT", whole(1))
CYCLES = _kind("CYCLES", whole(1))
DEVICES = _kind("DEVICES", whole(1, 64))
DSPS = _kind("DSPS", whole(0))
FILE = _kind("FILE", file_to_write)
FOLDER = _kind("FOLDER", folder_to_write)
LATENCY = _kind("TIME", duration)
LUTS = _kind("LUTS", whole(1))
MHZ = _kind("MHZ", number(1, 1_000_000))
NUMBER = _kind("NUMBER", whole(0))
PERCENT = _kind("1-100", number(1, 100))
POINTS = _kind("0-100", number(0, 100))
RATE = _kind("NUMBER", number(0.001, _MOST))
SEED = _kind("SEED", whole(0, 2**31 - 1))
SHARE = _kind("PERCENT", share)
STEPS = _kind("STEPS", whole(1))
