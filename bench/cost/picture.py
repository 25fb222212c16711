"""The picture of ``docs/cost.md``."""

import io
from collections.abc import Mapping

from .formats import FLOAT
from .results import CostTable, MeasuredDesign, per_lane

__all__ = ["picture"]


def picture(found: Mapping[tuple[str, str, str, int], MeasuredDesign]) -> bytes:
    """Return the SVG, which has the LUTs of one lane of each format, on a logarithmic axis."""
    import matplotlib
    from matplotlib.figure import Figure

    get = CostTable(found)
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
                text = per_lane(v)
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
