"""Look-ups in what `bench.cost.measure` measured, for the page and its picture."""

from .formats import FORMATS

__all__ = ["Found", "per_lane"]


class Found:
    """What was measured: ``{(format, unit, form, lanes): Measured}``, and look-ups in it."""

    def __init__(self, found):
        self.found = found

    def formats(self):
        """Return all formats but float32, in the order of the tables."""
        return [f for f in FORMATS if any(key[0] == f.name for key in self.found)]

    def rows(self, unit):
        """Return every `Measured` of a unit, by the order of formats, float32 last; then by form and lanes."""
        order = {f.name: n for n, f in enumerate(self.formats())}
        forms = ("operators", "primitives", "smallest", "DSPs")
        mine = [m for m in self.found.values() if m.unit == unit]
        return sorted(mine, key=lambda m: (order.get(m.format, len(order)), forms.index(m.form), m.lanes))

    def widest(self, name, unit, form):
        """Return the `Measured` of most lanes; None if there is none."""
        lanes = [key[3] for key in self.found if key[:3] == (name, unit, form)]
        return self.found[name, unit, form, max(lanes)] if lanes else None

    def lut(self, name, unit, form):
        """Return the LUTs a lane of the widest; a float32 unit's sum without accumulator is its PE without an adder."""
        m = self.widest(name, unit, form)
        return None if m is None else m.lut / m.lanes


def per_lane(value):
    """Return a figure of one lane with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
