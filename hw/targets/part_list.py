"""The list of parts: the tables of `hw.targets.tables`, and a file of the user's with the same columns."""

import csv
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from . import tables
from .parts import LUT_INPUTS, ListedPart

__all__ = ["COLUMNS", "PartsError", "built_in_parts", "parts_of", "parts_with", "read_parts"]

COLUMNS = ("part", "series", "family", "lut", "ff", "lutram", "bram18", "uram", "dsp", "source")
"""Columns of a table of parts, in any order."""
_NUMBERS = {"lut": 1, "ff": 1, "lutram": 0, "bram18": 1, "uram": 0, "dsp": 1}  # the least that each can be
_MOST = 10**9
_LARGEST = 1 << 20  # bytes of a file


class PartsError(ValueError):
    """A file of parts that cannot be read, or a part that there is not; one line says what and where."""


@cache
def built_in_parts() -> tuple[ListedPart, ...]:
    """Return the parts of the package's own tables, series by series."""
    files = sorted(Path(folder, file.name) for folder in tables.__path__ for file in Path(folder).glob("*.csv"))
    return tuple(part for file in files for part in read_parts(file))


def parts_of(*families: str) -> tuple[ListedPart, ...]:
    """Return the package's own parts of some families, as Yosys names those."""
    return tuple(part for part in built_in_parts() if part.family in families)


def parts_with(file: Path | None) -> tuple[ListedPart, ...]:
    """Return the package's own parts, and behind them those of a file, if one is given.

    Raises
    ------
    PartsError
        If the file cannot be read, or has a name that is in the list already.
    """
    if file is None:
        return built_in_parts()
    own, there = read_parts(file), {part.name.lower() for part in built_in_parts()}
    for part in own:
        if part.name.lower() in there:
            raise PartsError(f"{file}: part {part.name} is in fewbit's list already: give yours another name")
    return (*built_in_parts(), *own)


def read_parts(file: Path) -> tuple[ListedPart, ...]:
    """Return the parts of a CSV file with the columns `COLUMNS`.

    Lines that are empty or begin with ``#`` are skipped.

    Raises
    ------
    PartsError
        If the file or one of its rows is not as it must be.
    """
    lines = [(n, line) for n, line in enumerate(_text(file).splitlines(), 1) if line.strip() and line[0] != "#"]
    if not lines:
        raise PartsError(f"{file}: is empty; its first line must be {','.join(COLUMNS)}")
    head = [cell.strip().lower() for cell in _cells(file, *lines[0])]
    if sorted(head) != sorted(COLUMNS):
        raise PartsError(f"{file}: {_columns(head)}; the first line must be {','.join(COLUMNS)}")
    found: dict[str, ListedPart] = {}
    for number, line in lines[1:]:
        part = _part(f"{file}, line {number}", head, _cells(file, number, line))
        if part.name.lower() in found:
            raise PartsError(f"{file}, line {number}: part {part.name} is in the file twice")
        found[part.name.lower()] = part
    if not found:
        raise PartsError(f"{file}: has no parts, only the names of columns")
    return tuple(found.values())


def _text(file):
    if not Path(file).is_file():
        raise PartsError(f"{file}: there is no such file of parts")
    if Path(file).stat().st_size > _LARGEST:
        raise PartsError(f"{file}: is larger than {_LARGEST:,} bytes, and so no table of parts")
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PartsError(f"{file}: is no text in UTF-8; a table of parts is a CSV file") from None
    except OSError as error:
        raise PartsError(f"{file}: cannot be read: {error.strerror}") from None


def _cells(file, number, line):
    try:
        return next(csv.reader(io.StringIO(line), strict=True))
    except csv.Error as error:
        raise PartsError(f"{file}, line {number}: is no line of a CSV file: {error}") from None


def _columns(head):
    """Say what is wrong with the names of columns."""
    for text, names in (("lacks", set(COLUMNS) - set(head)), ("does not know", set(head) - set(COLUMNS))):
        if names:
            return f"{'the table ' if text == 'lacks' else 'fewbit '}{text} column {_list(names)}"
    return f"column {_list({name for name in head if head.count(name) > 1})} is there twice"


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(repr(name) for name in names))


def _part(where, head, cells):
    if len(cells) != len(head):
        raise PartsError(f"{where}: {len(cells)} cells, not the {len(head)} of the first line")
    row = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    for name in ("part", "series", "family", "source"):
        if not row[name]:
            raise PartsError(f"{where}: {name} must not be empty")
    if row["family"] not in LUT_INPUTS:
        raise PartsError(f"{where}: family must be one of {', '.join(LUT_INPUTS)}, not {row['family']!r}")
    counts = {name: _count(where, name, row[name]) for name in _NUMBERS if name != "lutram" or row[name]}
    if counts.get("lutram", 0) > counts["lut"]:
        raise PartsError(f"{where}: lutram, {counts['lutram']:,}, is more than all LUTs, {counts['lut']:,}")
    return ListedPart(
        name=row["part"], series=row["series"], family=row["family"], source=row["source"],
        **{"lutram": None} | counts,
    )  # fmt: skip


def _count(where, name, text):
    short = text.isascii() and text.isdigit() and len(text) <= 20
    if not (short and _NUMBERS[name] <= int(text) <= _MOST):
        raise PartsError(
            f"{where}: {name} must be a whole number from {_NUMBERS[name]} to {_MOST:,}, not {text[:40]!r}"
        )
    return int(text)
