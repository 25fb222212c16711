"""The page and the picture of a comparison."""

import io
from pathlib import Path

from fewbit.flow.cache import atomic_write

from .result import ComparedFormat, Comparison, Filled

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
        return cells + ["does not fit", "–", "–", "–"]
    mark = "" if filled.counts_ram else " *"
    times = "–" if row.ratio is None else f"{row.ratio:.2f}" if row.ratio < 9.95 else f"{row.ratio:,.0f}"
    return cells + [f"{filled.multipliers:,}{mark}", _cycles(filled.interval), f"{row.fps:,}", times]


def _cycles(value):
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def notes(result: Comparison) -> list[str]:
    """Return the lines below the table, which say how each number came about."""
    part, tools, clock = result.part, result.tools, result.clock_mhz
    folding = ", ".join(f"{name} {f['pe']} x {f['simd']}" for name, f in result.folding.items())
    share, samples = f"{100 * part.limit:g} %", result.samples
    frames = "/".join(str(n) for n in sorted({row.simulated.frames for row in result.rows}))
    lines = [
        f"**Accuracy**: the golden model on {result.rows[0].golden.samples} samples of `{samples}` "
        f"(`fewbit run MODEL --images {samples}`)." if samples != "random" else
        "**Accuracy** is unknown: there were no samples, so random ones were simulated.",
        "**Weight bits**: counted, from the weights that the hardware holds.",
        f"**PEs, latency, interval**: all formats at one common folding, PE x SIMD by layer: {folding}. A PE is one "
        "multiplier. Latency is from a frame's first beat in to its result out, interval from result to result, in "
        f"cycles: *simulated* in Verilator {tools['verilator']} with cocotb {tools['cocotb']} over {frames} frames; "
        "every bit equals the golden model's and every cycle the prediction (`fewbit sim MODEL --folding FILE`).",
        f"**LUTs, FFs, DSPs, BRAMs**: *synthesized* by Yosys (pyosys {tools['pyosys']}), `synth_xilinx -family xc7 "
        "-flatten -noiopad -noclkbuf`, of exactly the Verilog that was simulated. LUTs are LUT cells and those that "
        "serve as RAM, before any packing of two small ones into one; a BRAM has 36 Kbit. Without DSPs means `-nodsp`, "
        "and float multipliers that are written for LUTs.",
        f"**{part.name}**: {part.lut:,} LUTs, {part.ff:,} flip-flops, {part.dsp} DSPs, "
        f"{part.bram18 / 2:g} BRAMs. Each format is folded out as far as {share} of each allows; the design that is "
        "shown was *synthesized* and stays within it. Its interval is *computed* by the cycle model, which the "
        "simulations above confirm to the cycle.",
        f"**Inferences/s**: *computed*, {clock:g} MHz divided by the interval. {clock:g} MHz is assumed, and the same "
        "for all; place and route is not part of this comparison. float32 with DSPs is 1x.",
    ]  # fmt: skip
    if any(row.filled and not row.filled.counts_ram for row in result.rows):
        lines.append(
            f"\\* The weights alone take more than {share} of the part's block RAM: it could not hold this network in "
            "this format. It is counted as if it had enough; LUTs, flip-flops and DSPs stay within the limit."
        )
    if any(row.note == "not retrained" for row in result.rows):
        lines.append(
            "Formats *not retrained* are the same layers with other quantizers: latent weights, scaled to the size of "
            "the model's, rounded to the nearest level; scales of activations from the samples; a float32 ReLU where "
            "a quantizer stood without an activation function. Their cycles and costs are real; their accuracy is what "
            "comes of doing without training in that format."
        )
    return lines


def write_page(result: Comparison, directory: Path) -> list[str]:
    """Write ``index.md`` and ``compare.png``; return their names."""
    head = columns(result)
    rows = [" | ".join(cells) for cells in table_rows(result)]
    filled = [_filled_line(row, row.filled) for row in result.rows if row.filled]
    text = [
        f"# {result.model}: float32 and few bits", "",
        f"Layers {result.shape}. Made by `fewbit compare {result.model}"
        + (f" --images {result.samples}" if result.samples != "random" else "")
        + f" --clock {result.clock_mhz:g}`.", "", "![inferences per second](compare.png)", "",
        f"| {' | '.join(head)} |", "|" + " --- |" * len(head), *(f"| {row} |" for row in rows), "", "## How", "",
        *(f"- {line}" for line in notes(result)), "", "## The designs that fill the part", "",
        "| format | LUTs | FFs | DSPs | BRAMs | PE x SIMD by layer | synthesized on the way, cycles: LUTs |",
        "|" + " --- |" * 7, *filled, "", "Tools: " + ", ".join(f"{n} {v}" for n, v in result.tools.items()) + ".",
    ]  # fmt: skip
    atomic_write(directory / "index.md", "\n".join(text) + "\n")
    atomic_write(directory / "compare.png", picture(result))
    return ["index.md", "compare.png"]


def _filled_line(row: ComparedFormat, f: Filled) -> str:
    """Return the line of a row in the table of designs that fill the part."""
    uses = [f"{getattr(f.cost, k):,} ({100 * f.use[u]:.0f} %)" for k, u in
            (("lut", "lut"), ("ff", "ff"), ("dsp", "dsp"), ("bram", "bram18"))]  # fmt: skip
    folding = ", ".join(f"{v['pe']} x {v['simd']}" for v in f.folding.values())
    tried = ", ".join(f"{t.cycles}: {t.cost.lut:,}" for t in row.tried)
    return f"| {row.format} | {' | '.join(uses)} | {folding} | {tried} |"


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
        return "does not fit"
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
