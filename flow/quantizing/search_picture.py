"""The picture of a search: accuracy of every candidate against what it costs, and the Pareto set as a line."""

import io

from .results import SearchResult

__all__ = ["picture"]

_KINDS = {
    "uniform": ("s", "#9aa5b1"),
    "greedy": ("o", "#2f7ed8"),
    "program": ("^", "#e07b39"),
    "retrained": ("*", "#3a9d5d"),
}
_COSTS = {"luts": "LUTs, estimated, at {cycles:,} cycles a frame", "weight_bits": "bits of weights"}


def picture(result: SearchResult) -> str:
    """Return the SVG of a search."""
    import matplotlib
    from matplotlib.figure import Figure

    cost = result.goal.cost
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.subplots()
    for kind, (marker, colour) in _KINDS.items():
        found = [c for c in result.candidates if c.by == kind]
        if found:
            axes.scatter([c.cost(cost) for c in found], [100 * c.accuracy for c in found],
                         s=60 if marker == "*" else 28, marker=marker, color=colour, label=kind, zorder=3)  # fmt: skip
    front = result.pareto
    axes.step(
        [c.cost(cost) for c in front],
        [100 * c.accuracy for c in front],
        where="post",
        color="#555",
        lw=1,
        label="Pareto set",
    )
    axes.axhline(100 * result.floats.accuracy, color="#555", lw=0.8, ls=":", label="float32")
    if result.goal.drop_floor is not None:
        axes.axhline(100 * result.goal.drop_floor, color="#c33", lw=0.8, ls="--", label="largest drop")
    if result.goal.budget is not None:
        axes.axvline(result.goal.budget, color="#c33", lw=0.8, ls="--", label="budget")
    axes.set_xlabel(_COSTS[cost].format(cycles=result.cycles))
    axes.set_ylabel("accuracy, %")
    axes.set_title(f"{result.model}: formats of each layer", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "fewbit"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
