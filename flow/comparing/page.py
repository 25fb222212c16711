"""The page and the picture of a comparison."""

import io
from pathlib import Path

from fewbit.flow.cache import atomic_write
from fewbit.flow.pages import render

from .result import ComparedFormat, Comparison

__all__ = ["columns", "table_rows", "write_page"]


def columns(result: Comparison) -> list[str]:
    """Return the headings of the table."""
    part = result.part
    return ["format", "accuracy", "weight bits", "per weight", "PEs", "latency", "interval", "LUTs", "FFs", "DSPs",
            "BRAMs", f"{part.name}: PEs", "interval", "inferences/s", "x float32"]  # fmt: skip


def table_rows(result: Comparison) -> list[list[str]]:
    """Return the text of every cell, row by row."""
    return [_cells(row) for row in result.rows]


def _cells(row: ComparedFormat) -> list[str]:
    cost, filled, golden, simulated = row.cost, row.filled, row.golden, row.simulated
    accuracy = "unknown" if golden.accuracy is None else f"{100 * golden.accuracy:.2f} %"
    cells = [row.format, accuracy, f"{golden.weight_bits:,}", f"{golden.bits_per_weight:g}", f"{golden.pes}",
             f"{simulated.latency.simulated:,}", _cycles(simulated.interval.simulated), f"{cost.lut:,}",
             f"{cost.ff:,}", f"{cost.dsp}", f"{cost.bram:g}"]  # fmt: skip
    if filled is None:
        return cells + [row.unfilled or "does not fit", "–", "–", "–"]
    mark = "" if filled.counts_ram else " *"
    times = "–" if row.ratio is None else f"{row.ratio:.2f}" if row.ratio < 9.95 else f"{row.ratio:,.0f}"
    return cells + [f"{filled.multipliers:,}{mark}", _cycles(filled.interval), f"{row.fps:,}", times]


def _cycles(value):
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def write_page(result: Comparison, directory: Path) -> list[str]:
    """Write ``index.md`` and ``compare.png``; return their names."""
    text = render(
        __file__, "compare.md", result=result, heads=columns(result), rows=table_rows(result),
        filled=[row for row in result.rows if row.filled],
        frames=sorted({row.simulated.frames for row in result.rows}),
        beyond=any(row.filled and not row.filled.counts_ram for row in result.rows),
        remade=any(row.note == "not retrained" for row in result.rows),
    )  # fmt: skip
    atomic_write(directory / "index.md", text)
    atomic_write(directory / "compare.png", picture(result))
    return ["index.md", "compare.png"]


def picture(result: Comparison) -> bytes:
    """Return the PNG: throughput of the filled part, and what the common folding costs."""
    from matplotlib.figure import Figure

    rows, part = result.rows, result.part
    names = [_name(row) for row in rows]
    colours = ["#9aa5b1" if row.format.startswith("float32") else "#2f7ed8" for row in rows]
    figure = Figure(figsize=(11, 0.62 * len(rows) + 1.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    title = f"inferences/s of {100 * part.limit:g} % of a {part.name} at {result.clock_mhz:g} MHz"
    _bars(left, names, [row.fps or 0 for row in rows], colours, title, [_throughput(row) for row in rows])
    costs = [f"{c.lut:,}" + (f" + {c.dsp} DSPs" if c.dsp else "") for c in (row.cost for row in rows)]
    title = f"LUTs of the same {rows[0].golden.pes} PEs"
    _bars(right, names, [row.cost.lut for row in rows], colours, title, costs)
    left.invert_yaxis()
    figure.suptitle(f"{result.model}, layers {result.shape}", fontsize=11)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130, metadata={"Software": None})
    return out.getvalue()


def _name(row):
    return row.format if row.golden.accuracy is None else f"{row.format}\n{100 * row.golden.accuracy:.1f} %"


def _throughput(row):
    if not row.fps:
        return row.unfilled or "does not fit"
    return f"{row.fps:,}" + ("" if row.ratio is None else f"  ({row.ratio:.3g}x)")


def _bars(axes, names, values, colours, title, texts):
    positive = [v for v in values if v] or [1]
    most, least = max(positive), min(positive)
    values = [max(v, least / 3) for v in values]
    axes.barh(names, values, color=colours)
    axes.set_xscale("log")
    axes.set_xlim(least / 3, most * (most / least) ** 0.35 * 4)
    for name, value, text in zip(names, values, texts, strict=True):
        axes.annotate(text, (value, name), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
