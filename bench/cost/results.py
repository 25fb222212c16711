"""Look-ups in what `bench.cost.measure` measured, for the page and its picture."""

from collections.abc import Mapping
from dataclasses import dataclass

from fewbit.flow.eda.longest_path import LongestPath
from fewbit.flow.results import JsonResult, or_empty

from .formats import FORMATS, FormatPair

__all__ = ["CostTable", "MeasuredDesign", "per_lane"]


@dataclass(frozen=True, kw_only=True)
class MeasuredDesign(JsonResult):
    """What a design takes, all lanes together.

    ``levels`` is the largest number of LUTs on any path, and ``path`` the longest one, or None.
    The first four fields are those of `bench.cost.measure.Design`.
    """

    format: str
    unit: str
    form: str
    lanes: int
    lut: int
    ff: int
    dsp: int
    carry4: int
    levels: int
    path: LongestPath | None = or_empty()


class CostTable:
    """What was measured, by ``(format, unit, form, lanes)``, and look-ups in it."""

    def __init__(self, found: Mapping[tuple[str, str, str, int], MeasuredDesign]):
        self.found = found

    def formats(self) -> list[FormatPair]:
        """Return all formats but float32, in the order of the tables."""
        return [f for f in FORMATS if any(key[0] == f.name for key in self.found)]

    def rows(self, unit: str) -> list[MeasuredDesign]:
        """Return all that was measured of a unit, in the order of formats, float32 last; then by form and lanes."""
        order = {f.name: n for n, f in enumerate(self.formats())}
        forms = ("operators", "primitives", "smallest", "DSPs")
        mine = [m for m in self.found.values() if m.unit == unit]
        return sorted(mine, key=lambda m: (order.get(m.format, len(order)), forms.index(m.form), m.lanes))

    def widest(self, name: str, unit: str, form: str) -> MeasuredDesign | None:
        """Return what was measured with the most lanes; None if nothing was."""
        lanes = [key[3] for key in self.found if key[:3] == (name, unit, form)]
        return self.found[name, unit, form, max(lanes)] if lanes else None

    def lut(self, name: str, unit: str, form: str) -> float | None:
        """Return the LUTs of one lane, by what `widest` gives; None if nothing was measured."""
        m = self.widest(name, unit, form)
        return None if m is None else m.lut / m.lanes


def per_lane(value: float) -> str:
    """Return a figure of one lane with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
