"""Parts by the names that people give them, and the smallest part that holds a design."""

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .part_list import PartsError
from .parts import Part

__all__ = ["Shortfall", "few_of", "find_part", "nearest_part", "smallest_part"]

FEW = ("xc7a35t", "xc7a100t", "xc7a200t", "xc7z020", "xc7z045", "xczu3eg")
"""Parts that messages name where all would be too many."""

# What may follow a device: temperature or low-power letter, package, speed grade and temperature, in the orders of
# Vivado's names (clg400-1, -sbva484-1-e) and of ordering codes (-1CLG400C, -6BG381C).
_SUFFIX = re.compile(r"[ilq]?(-?[a-z]{2,4}\d{3,4}[a-z]?)?(-\d[a-z]{0,5}(\d{3,4}[a-z]?)?)?(-[a-z])?")
_RESOURCES = {
    "lut": "LUTs", "bram18": "BRAM18", "dsp": "DSPs", "ff": "FFs", "lutram": "LUTs as RAM", "uram": "UltraRAMs"
}  # fmt: skip

_Kind = TypeVar("_Kind", bound=Part)


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """The part that comes nearest to a design that none holds, and how many it lacks of each resource, by its name."""

    part: str
    lacks: dict[str, int]

    def __str__(self) -> str:
        lacks = " and ".join(f"{n:,} {_RESOURCES[kind]}" for kind, n in self.lacks.items())
        return f"{self.part} comes nearest and lacks {lacks}"


def find_part(name: str, parts: Iterable[_Kind]) -> _Kind:
    """Return the part of a name, in capital letters or not, with or without the vendor's XC, package and speed grade.

    Raises
    ------
    PartsError
        If there is none; the line names those that are written nearly so.
    """
    known = {part.name.lower(): part for part in parts}
    wanted = name.strip().lower()
    for text in (wanted, f"xc{wanted}"):
        if text in known:
            return known[text]
        fits = [own for own in known if text.startswith(own) and _SUFFIX.fullmatch(text[len(own) :])]
        if fits:
            return known[max(fits, key=len)]
    near = difflib.get_close_matches(wanted, known, n=4) or difflib.get_close_matches(f"xc{wanted}", known, n=4)
    other = f"; near to it: {', '.join(near)}" if near else ""
    raise PartsError(f"there is no part {name[:60]!r}{other} (`fewbit parts` lists all)")


def smallest_part(
    parts: Iterable[_Kind], *, lut: int, bram18: int, dsp: int, ff: int = 0, lutram: int = 0, uram: int = 0
) -> _Kind | None:  # fmt: skip
    """Return the part with the fewest LUTs that has room for so many LUTs, block RAMs of 18 Kbit, DSPs, flip-flops,
    LUTs as RAM and UltraRAMs, if one has.

    Of parts with equally many LUTs it is the one with fewer DSPs, then with fewer block RAMs, then the first by name.
    """
    needs = {"lut": lut, "bram18": bram18, "dsp": dsp, "ff": ff, "lutram": lutram, "uram": uram}
    fit = (p for p in parts if all(n <= _count(p, kind) for kind, n in needs.items()))
    return min(fit, key=lambda p: (p.lut, p.dsp, p.bram18, p.name), default=None)


def nearest_part(
    parts: Iterable[Part], *, lut: int, bram18: int, dsp: int, ff: int = 0, lutram: int = 0, uram: int = 0
) -> Shortfall:  # fmt: skip
    """Return what the nearest part lacks for a design that none holds: the nearest has the scarcest of its resources
    least exceeded, as a ratio."""
    needs = {"lut": lut, "bram18": bram18, "dsp": dsp, "ff": ff, "lutram": lutram, "uram": uram}

    def fullest(part: Part) -> float:
        return max(n / max(_count(part, kind), 0.5) for kind, n in needs.items())

    nearest = min(parts, key=lambda p: (fullest(p), -p.lut, p.name))
    lacks = {kind: n - int(_count(nearest, kind)) for kind, n in needs.items() if n > _count(nearest, kind)}
    return Shortfall(part=nearest.name, lacks=lacks)


def _count(part: Part, kind: str) -> float:
    """Return how many of a resource a part has; of what its table does not say, as many as are wanted."""
    count = getattr(part, kind, 0 if kind == "uram" else None)
    return math.inf if count is None else count


def few_of(parts: Sequence[Part]) -> list[str]:
    """Return a few names of parts for a message: those that are well known, or else the first."""
    names = [part.name.lower() for part in parts]
    return [name for name in FEW if name in names] or names[: len(FEW)]
