"""The survey's picture: accuracy against LUTs, with a point for each row."""

import io
from collections.abc import Iterable
from typing import Any

__all__ = ["picture"]

# Of the rows of one colour: a label, the colour, the marker, and how their names begin.
FAMILIES = (
    ("float32", "#3d4852", "s", ("float32",)),
    ("binary, deterministic", "#2f7ed8", "o", ("bnn", "xnor", "dorefa-w1")),
    ("ternary", "#1b9e77", "^", ("ternary", "twn", "ttq", "m3")),
    ("uniform, 2 to 8 bits", "#8ab8ec", "o", ("uniform", "lsq", "pact", "dorefa", "m5", "m7")),
    ("LQ-Nets, clusters, powers of two", "#7b52ab", "D", ("lq", "clusters", "power")),
    ("stochastic", "#d95f02", "v", ("stochastic",)),
    ("quantized after training", "#9aa5b1", "x", ("ptq",)),
)
LABELS = 14  # points that get their name
OFFSETS = ((5, 6), (5, -6), (-5, 6), (-5, -6), (5, 13), (5, -13), (-5, 13), (-5, -13), (5, 20), (-5, 20))  # in points
POINT = 5  # pixels from the middle of a point that no label should cover


def picture(result: dict[str, Any]) -> bytes:
    """Return the SVG, which has all rows, logarithmic in LUTs, with the names of the best at each cost."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = result["rows"]
    with matplotlib.rc_context({"svg.hashsalt": "fewbit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 6.2), layout="constrained")
        axes = figure.subplots()
        for label, colour, marker, _ in FAMILIES:
            mine = [row for row in rows if family(row["name"]) == label]
            if mine:
                spread = {"yerr": [100 * row["spread"] for row in mine]}
                axes.errorbar(
                    [row["hardware"]["cost"]["lut"] for row in mine], [100 * row["accuracy"] for row in mine], **spread,
                    fmt=marker, color=colour, markersize=6, elinewidth=0.7, capsize=0, label=label, alpha=0.9,
                )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlabel("LUTs of the accelerator, all at one folding (DSPs and BRAMs come on top)", fontsize=9)
        axes.set_ylabel("accuracy on the test images, %; bars: standard deviation of the seeds", fontsize=9)
        low = min(100 * (row["accuracy"] - row["spread"]) for row in rows if not row["name"].startswith("ptq"))
        axes.set_ylim(low - 1.5, 100.4)
        hidden = [row["name"] for row in rows if 100 * row["accuracy"] < low - 1.5]
        if hidden:
            axes.annotate(
                f"below: {', '.join(hidden)}", (0.01, 0.01), xycoords="axes fraction", fontsize=8, color="#606f7b"
            )
        _ticks(axes, [row["hardware"]["cost"]["lut"] for row in rows])
        axes.legend(fontsize=8, frameon=False, loc="lower right")
        axes.grid(color="#e6e9ec", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        _names(axes, rows)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def family(name: str) -> str:
    """Return which of `FAMILIES` a row belongs to: the first that has the longest beginning of its name."""
    found = [(len(start), -n, label) for n, (label, _, _, starts) in enumerate(FAMILIES) for start in starts
             if name.startswith(start)]  # fmt: skip
    return max(found)[2] if found else "uniform, 2 to 8 bits"


def frontier(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that no other beats in accuracy at as few LUTs, by rising LUTs."""
    best, found = -1.0, []
    for row in sorted(rows, key=lambda row: (row["hardware"]["cost"]["lut"], -row["accuracy"])):
        if row["accuracy"] > best:
            best = row["accuracy"]
            found.append(row)
    return found


def _names(axes, rows):
    """Draw the names of the frontier and of float32, with a line through the frontier."""
    line = frontier(rows)
    points = [(row["hardware"]["cost"]["lut"], 100 * row["accuracy"]) for row in line]
    axes.step(*zip(*points, strict=True), where="post", color="#c8ced3", linewidth=1.2, zorder=0)
    named = {row["name"]: row for row in [*line, *(row for row in rows if row["kind"] == "float")]}
    axes.figure.draw_without_rendering()  # settles where points are, which labels keep away from
    taken = [_around(axes, row) for row in rows]
    for row in list(named.values())[:LABELS]:
        tried = [_label(axes, row, offset) for offset in OFFSETS]
        boxes = [label.get_window_extent() for label in tried]
        best = min(range(len(tried)), key=lambda n: sum(_shared(boxes[n], other) for other in taken))
        taken.append(boxes[best])
        for n, label in enumerate(tried):
            if n != best:
                label.remove()


def _label(axes, row, offset):
    side = "left" if offset[0] > 0 else "right"
    return axes.annotate(row["name"], (row["hardware"]["cost"]["lut"], 100 * row["accuracy"]), fontsize=7, ha=side,
                         xytext=offset, textcoords="offset points", va="center")  # fmt: skip


def _around(axes, row):
    """Return the box of a point, in pixels."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform((row["hardware"]["cost"]["lut"], 100 * row["accuracy"]))
    return Bbox.from_extents(x - POINT, y - POINT, x + POINT, y + POINT)


def _shared(a, b):
    """Return the pixels that two boxes have in common."""
    width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0, width) * max(0, height)


def _ticks(axes, values):
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    steps = [n * 10**power for power in range(2, 6) for n in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8)]
    inside = [step for step in steps if min(values) * 0.8 <= step <= max(values) * 1.25]
    axes.xaxis.set_major_locator(FixedLocator(inside))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
