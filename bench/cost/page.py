"""``docs/cost.md`` and its picture, from what `bench.cost.measure` measured; no figure of ours is typed here."""

import io
import re
import textwrap
from functools import partial
from importlib.metadata import version

from .formats import FLOAT, FORMATS
from .sentences import TEXT

__all__ = ["page", "picture", "ratio"]

# Published, Kintex-7: A. Ehliar, "Area efficient floating-point adder and multiplier with IEEE-754 compatible
# semantics", FPT 2014. Not ours.
EHLIAR = {"multiply": (235, 2, 305), "add": (261, 0, 319)}
RAM_BITS = 36 * 1024
SURVEY = 200  # times, of arXiv 1602.02830
FORMS = "operators", "primitives"


class Found:
    """Lookups in ``{(format, unit, form, lanes): Measured}``."""

    def __init__(self, found):
        self.found = found

    def formats(self):
        """All but float32, in the order of measurement's tables."""
        return [f for f in FORMATS if any(key[0] == f.name for key in self.found)]

    def rows(self, unit):
        """`Measured` of a unit, by the order of formats, float32 last; then by form and lanes."""
        order = {f.name: n for n, f in enumerate(self.formats())}
        forms = ("operators", "primitives", "smallest", "DSPs")
        mine = [m for m in self.found.values() if m.unit == unit]
        return sorted(mine, key=lambda m: (order.get(m.format, len(order)), forms.index(m.form), m.lanes))

    def widest(self, name, unit, form):
        """The `Measured` of most lanes; None if there is none."""
        lanes = [key[3] for key in self.found if key[:3] == (name, unit, form)]
        return self.found[name, unit, form, max(lanes)] if lanes else None

    def lut(self, name, unit, form):
        """LUTs a lane of the widest; a float32 unit's sum without accumulator is its PE without an adder."""
        m = self.widest(name, unit, form)
        return None if m is None else m.lut / m.lanes


def ratio(found, name, unit, form, *, dsp):
    """How many times the LUTs of this format's unit the float32 unit takes; None where one of them was not measured.

    Like for like: operators against the float unit in operators, primitives against the one that is built from LUTs on
    purpose. With DSPs there is one float unit; the DSPs that it takes come on top and are not in the ratio. A sum
    without its accumulator stands against the float PE, as each of its lanes has an adder too.
    """
    found = Found(found)
    other = found.lut(FLOAT, "PE" if unit == "sum" else unit, "DSPs" if dsp else form)
    own = found.lut(name, unit, form)
    return None if not own or other is None else other / own


def _times(value):
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def _table(heads, rows):
    cells = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in cells)


def _a_lane(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cost_table(found, unit):
    """Every measurement of a unit, a lane."""
    heads = ["activations x weights", "form", "lanes", "LUTs", "LUTs a lane", "FFs a lane", "DSPs a lane", "LUT levels"]
    rows = [
        [m.format, m.form, m.lanes, f"{m.lut:,}", _a_lane(m.lut / m.lanes), _a_lane(m.ff / m.lanes),
         f"{m.dsp / m.lanes:g}", m.levels]
        for m in Found(found).rows(unit)
    ]  # fmt: skip
    return _table(heads, rows)


def ratio_table(found, *, dsp):
    """float32's LUTs over each format's."""
    units = {"multiplier": "multiplier alone", "sum": "with sum", "PE": "with sum and accumulator"}
    heads = ["float32 = this x", *(f"{text}, {form}" for text in units.values() for form in FORMS)]
    rows = [
        [f.name, *(_times(ratio(found, f.name, unit, form, dsp=dsp)) for unit in units for form in FORMS)]
        for f in Found(found).formats()
    ]
    return _table(heads, rows)


def memory_table(found):
    """Bits of a weight, by the codes that the accelerator stores."""
    bits = {}
    for f in Found(found).formats():
        bits.setdefault(str(f.w), f.w.bits)
    bits[FLOAT] = 32
    rows = [[name, n, f"{32 / n:g}", f"{RAM_BITS // n:,}"] for name, n in bits.items()]
    return _table(["weights", "bits a weight", "float32 = this x", "weights in 36 Kbit of block RAM"], rows)


def page(found):
    """The page as Markdown."""
    get = Found(found)
    one = "bipolar x bipolar"
    words = {
        "tool": version("pyosys"),
        "multipliers": cost_table(found, "multiplier"),
        "sums": cost_table(found, "sum"),
        "pes": cost_table(found, "PE"),
        "without": ratio_table(found, dsp=False),
        "with": ratio_table(found, dsp=True),
        "memory": memory_table(found),
        "adder": f"{get.lut(FLOAT, 'adder', 'operators'):,.0f}",
        "dsp_mul": f"{get.widest(FLOAT, 'multiplier', 'DSPs').dsp}",
        "dsp_pe": f"{get.widest(FLOAT, 'PE', 'DSPs').dsp / get.widest(FLOAT, 'PE', 'DSPs').lanes:g}",
        "e_mul": EHLIAR["multiply"], "e_add": EHLIAR["add"],
        "e_ratio": _times(sum(v[0] for v in EHLIAR.values()) / get.lut(one, "PE", "primitives")),
    }  # fmt: skip
    for bits in (4, 8):
        m = get.widest(f"{bits} x {bits} bits", "PE", "DSPs")
        words |= {f"dsp{bits}": f"{m.dsp / m.lanes:g}", f"lut{bits}": _a_lane(m.lut / m.lanes)}
    words |= {"lanes8": m.lanes, "fpe_dsp": f"{get.lut(FLOAT, 'PE', 'DSPs'):,.0f}"}
    for form in FORMS:
        words[f"over_{form}"] = f"{ratio(found, one, 'multiplier', form, dsp=False) / SURVEY:.1f}"
        words[f"mul_{form}"] = f"{get.lut(FLOAT, 'multiplier', form):,.0f}"
        words[f"fpe_{form}"] = f"{get.lut(FLOAT, 'PE', form):,.0f}"
        words[f"xnor_{form}"] = f"{get.lut(one, 'multiplier', form):g}"
        words[f"pe_{form}"] = f"{get.lut(one, 'PE', form):.2f}"
        for unit in ("multiplier", "sum", "PE"):
            words[f"{unit}_{form}"] = _times(ratio(found, one, unit, form, dsp=False))
            words[f"{unit}_{form}_dsp"] = _times(ratio(found, one, unit, form, dsp=True))
    return "\n\n".join(_filled(block) for block in TEXT.format(**words).split("\n\n"))


def _filled(block):
    """A paragraph or list with lines of even length; anything else as it is."""
    if block.startswith(("#", "!", "|")):
        return block
    items = re.split(r"\n(?=- )", block.strip())
    fill = partial(textwrap.fill, width=118, break_long_words=False, break_on_hyphens=False)
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(fill(" ".join(item.split()), subsequent_indent=indent) for item in items)


def picture(found):
    """The SVG: LUTs a lane of each format, on a logarithmic axis."""
    import matplotlib
    from matplotlib.figure import Figure

    get = Found(found)
    names = [f.name for f in get.formats()] + [FLOAT]
    series = {
        "multiplier alone, operators": ("multiplier", "operators", "#9aa5b1"),
        "PE in operators": ("PE", "operators", "#8ab8ec"),
        "PE built from LUTs on purpose": ("PE", "primitives", "#2f7ed8"),
        "PE with DSPs (which come on top)": ("PE", "DSPs", "#e0a030"),
    }
    with matplotlib.rc_context({"svg.hashsalt": "fewbit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9.5, 0.75 * len(names) + 1.2), layout="constrained")
        axes = figure.subplots()
        for n, (label, (unit, form, colour)) in enumerate(series.items()):
            values = [(k, get.lut(name, unit, form)) for k, name in enumerate(names)]
            values = [(k + 0.2 * n - 0.3, v) for k, v in values if v]
            axes.barh([k for k, _ in values], [v for _, v in values], height=0.19, color=colour, label=label)
            for k, v in values:
                text = _a_lane(v)
                axes.annotate(text, (v, k), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
        axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.set_yticks(range(len(names)), names, fontsize=9)
        axes.invert_yaxis()
        axes.set_xlabel("LUTs a multiplication (lane)", fontsize=9)
        axes.legend(fontsize=8, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
