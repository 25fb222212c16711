"""``docs/survey.md``, from what `bench.survey.run` measured; no figure of ours is typed here."""

import re
from typing import Any

from bench.markdown import filled
from bench.markdown import table as markdown_table

from .claims import FLOAT, FLOAT_LUTS, Figures, claims
from .literature import MISSING, PUBLISHED
from .shares import part_in, part_note, shares_of

__all__ = ["claims_list", "heads_and_cells", "notes", "page", "shape", "steps", "table", "took"]

_SPREAD = "± ({seeds})"
_HEADS = ("row", "method", "weights / activations, bits", "accuracy", _SPREAD, "against float32", "weight bits",
         "float32 = this x", "bit operations", "SQNR weights, dB", "SQNR activations, dB", "LUTs", "FFs", "DSPs",
         "BRAMs", "latency", "interval", "quantizing units, LUTs", "of these generators", "LUTs a lane",
         "products in")  # fmt: skip
_ALONE = ("quantizing units, LUTs", "of these generators", "LUTs a lane")  # of what a quick run does not synthesize

TEXT = """# Quantization methods, trained and as hardware

Made by `make survey` (the last whole run: {took}): every figure but those of the last two tables comes from there,
the text's too, and is kept in [survey-digits.json](survey-digits.json). Each row is a
network {shape} trained with {seeds} seeds on the 8x8 digits ({train} images to train with, {test} to test), {steps}
steps, or quantized after training (PTQ), and the accelerator that its first seed becomes. Some of the rows, or a
quick look in two minutes, have [options](command-line.md#comparisons-for-a-report).

![accuracy against LUTs, a point a row](survey.svg)

## What the figures show

{claims}

## The digits

{table}

{gaps}

## How

{notes}

{fashion}

## Published figures, not ours

Top-1 accuracy in percent, as the named text has it (where it gives an error, 100 minus that); bits are
weights/activations, and most of these networks keep the first and the last layer in more bits. {missing} are left out,
as no text with their figures could be read for this table.

{literature}
"""

NOTES = """- **Accuracy**: the golden model on all test images, {accuracy}.
- **Hardware**: seed {first} through import, generation and Verilator ({verilator}), {frames} frames: every bit equal
  to the golden model's and every cycle as predicted, or there is no row. One folding for all, PE x SIMD by layer:
  {folding}. Cycles are those of the simulation.
- **LUTs, FFs, DSPs, BRAMs**: Yosys (pyosys {pyosys}), `synth_xilinx -family xc7`, before place and route. DSPs are
  used where Yosys or the generator takes them{without}. Weights lie in LUTs or in block RAM, as the
  generator finds cheaper: a row with BRAMs has fewer LUTs than one whose weights are in LUTs.
- **Weight bits**: of the codes. Scales, thresholds and levels are not counted: they are in the units and arrays,
  and so in their LUTs. Where that takes fewer of them, the hardware holds the integer that a code stands for.
- **Bit operations**: the sum over all multiplications of a frame of weight bits times activation bits (BOPs: van Baalen
  and others, "Bayesian Bits", NeurIPS 2020), by the bits of the codes.
- **SQNR**: 10 log10(|x|² / |x - g q|²), x what goes into a quantizer and q what comes out, g the factor of least
  squares, since a batch norm takes up any; mean over the layers, of seed {first}. Weights: the latent ones of training,
  or those of the float network."""

UNITS = """- **Quantizing units**: what makes codes of the sums behind the two hidden layers, one lane each, with
  thresholds, and with the random generator where there is one; synthesized alone. *Of these generators*: those once
  more, without what finds probabilities and compares. **LUTs a lane**: a processing element of the second layer with
  {lanes}, products, sum and accumulator, divided by its inputs."""

PRODUCTS = """**Products in**: what the generator took for products, of the ways in {quantizers}, layer by layer where
  they differ."""

NOISE = """- **Noise** in the text is twice the standard error of a difference of two means."""

FASHION = """## Fashion-MNIST

A recorded run, kept in [survey-fashion.json](survey-fashion.json); `make survey ARGS=fashion` makes it again ({took}).
{rows} of the rows, each method in one of its forms, with a network {shape} on 28x28 pixels, {steps} steps only, so no
row is trained to the end: compare them with each other. {train:,} images to train with, {test:,} to test.

{table}

{gaps}

{claims}"""


def table(result: dict[str, Any]) -> str:
    """Return the Markdown table of a survey's rows, with a column for the part if its run was given one."""
    heads, rows = heads_and_cells(result)
    return markdown_table(heads, rows, left=3)


def heads_and_cells(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the heads of the table, each the only one of its name, and the text of every cell, row by row."""
    figures, part = Figures(result), part_in(result)
    heads = [head.format(seeds=_seeds(result)) if head == _SPREAD else head for head in _HEADS]
    rows = [_cells(row, figures) for row in result["rows"]]
    if all(row["hardware"]["array"] is None for row in result["rows"]):
        kept = [n for n, head in enumerate(_HEADS) if head not in _ALONE]
        heads, rows = [heads[n] for n in kept], [[cells[n] for n in kept] for cells in rows]
    if part is not None:
        heads.append(f"of an {part.name}: LUTs, FFs, DSPs, BRAMs")
        for row, cells in zip(result["rows"], rows, strict=True):
            cells.append(_share(part, row["hardware"]["cost"]))
    return heads, rows


def _share(part, cost):
    shares, fullest = shares_of(part, cost)
    numbers = " / ".join(f"{100 * share:.1f}" for share in shares.values())
    most = shares[fullest]
    return f"{numbers} %; {'filled first by' if most <= 1 else 'does not fit:'} {fullest}" if most else f"{numbers} %"


def _seeds(result):
    count = len(result["seeds"])
    return f"{count} seed{'s' if count > 1 else ''}"


def _cells(row, figures):
    points, _ = figures.difference(row["name"], FLOAT)
    noise, h = row["noise"], row["hardware"]
    cells = [
        f"`{row['name']}`", row["method"], " / ".join(_bits(n) for n in row["nominal"]),
        f"{100 * row['accuracy']:.2f} %", f"{100 * row['spread']:.2f}" if figures.noisy else "–",
        "" if row["kind"] == "float" else f"{points:+.2f}",
    ]  # fmt: skip
    dbs = [_db(noise["weights"]), _db(noise["activations"])]
    cost = h["cost"]
    counts = [f"{h['weight_bits']:,}", f"{h['compression']:.1f}", f"{h['bit_operations']:,}"]
    return [*cells, *counts, *dbs, f"{cost['lut']:,}", f"{cost['ff']:,}", f"{cost['dsp']}", f"{cost['bram']:g}",
            f"{h['latency']:,}", f"{h['interval']:,}", _part(h["unit"]), _part(h["generators"]),
            _part(h["array"], h["array_lanes"]), " / ".join(dict.fromkeys(h["products"]))]  # fmt: skip


def _part(cost, share=1):
    """Return the LUTs of a part, and its DSPs and block RAMs if there are any, divided by ``share``."""
    if cost is None:
        return "–"
    lut = cost["lut"] / share
    text = f"{lut:,.1f}" if share > 1 and lut < 100 else f"{lut:,.0f}"
    more = [f" + {cost[key] / share:g} {words}" for key, words in (("dsp", "DSPs"), ("bram", "BRAMs")) if cost[key]]
    return text + "".join(more)


def _bits(n):
    return f"{n:g}" if n == int(n) else f"{n:.2f}"


def _db(value):
    return "–" if value is None else "exact" if value == float("inf") else f"{value:.1f}"


def page(digits: dict[str, Any], fashion: dict[str, Any] | None = None) -> str:
    """Return the page as Markdown, of one or two results of `bench.survey.run.survey`.

    Raises
    ------
    ValueError
        If a result lacks the float32 row, or rows differ in their foldings.
    """
    for result in filter(None, (digits, fashion)):
        if FLOAT not in Figures(result):
            raise ValueError(f"{result['dataset']}: {FLOAT} is not measured yet, and every row is compared with it")
    text = TEXT.format(
        shape=shape(digits), seeds=len(digits["seeds"]), train=f"{digits['images'][0]:,}",
        test=digits["images"][1], steps=steps(digits), table=table(digits), notes=notes(digits),
        claims=claims_list(digits), gaps=_gaps(digits), took=took(digits),
        fashion=_fashion(fashion) if fashion else "", literature=_literature(),
        missing=f"{', '.join(MISSING[:-1])} and {MISSING[-1]}",
    )  # fmt: skip
    blocks = re.split(r"\n\n+", text)
    return "\n\n".join(filled(block) for block in blocks if block.strip()) + "\n"


def shape(result: dict[str, Any]) -> str:
    """Return the sizes of the layers, as ``64-64-10``."""
    return "-".join(map(str, result["rows"][0]["hardware"]["shape"]))


def steps(result: dict[str, Any]) -> str:
    """Return the steps of training, of those recipes that have as many."""
    return " or ".join(f"{n:,}" for n in result["steps"])


def notes(result: dict[str, Any], quantizers: str = "[quantizers.md](quantizers.md)") -> str:
    """Return how the figures of the table came about, as a Markdown list.

    Parameters
    ----------
    result : dict
        As of `bench.survey.run.survey`.
    quantizers : str
        What stands for the page of the quantizers.

    Raises
    ------
    ValueError
        If rows differ in their foldings.
    """
    shapes = {tuple((pe, simd) for _, pe, simd in row["hardware"]["folding"]) for row in result["rows"]}
    if len(shapes) != 1:
        raise ValueError(f"The rows have {len(shapes)} foldings; they must have one")
    figures, first = Figures(result), result["seeds"][0]
    text = NOTES.format(
        accuracy=_accuracy(result, figures), first=first, frames=result["frames"],
        folding=", ".join(f"{pe} x {simd}" for pe, simd in shapes.pop()), verilator=result["tools"]["verilator"],
        pyosys=result["tools"]["pyosys"],
        without=f"; `{FLOAT_LUTS}` has none" if FLOAT_LUTS in figures else "",
    )  # fmt: skip
    products = PRODUCTS.format(quantizers=quantizers)
    lanes = _lanes(result)
    text += f"\n{UNITS.format(lanes=lanes)} {products}" if lanes else f"\n- {products}"
    if part_in(result) is not None:
        text += f"\n{part_note(part_in(result))}"
    return f"{text}\n{NOISE}" if figures.noisy else text


def _accuracy(result, figures):
    """Return what stands for the accuracy: the mean of seeds, or what one gives."""
    seeds = result["seeds"]
    if figures.noisy:
        return (f"mean and standard deviation of {len(seeds)} seeds ({seeds[0]} to {seeds[-1]}; chosen before, none "
                "left out). *Against float32*: difference of the means in points")  # fmt: skip
    return (f"of one seed ({seeds[0]}, chosen before): how much seeds differ is not known here. *Against float32*: "
            f"difference in points, of which one image is {100 / result['images'][1]:.2f}")  # fmt: skip


def _lanes(result):
    """Return the inputs of the processing elements that were synthesized alone, in words; nothing without any."""
    counts = {True: set(), False: set()}
    for row in result["rows"]:
        if row["hardware"]["array"]:
            counts[row["kind"] == "float"].add(row["hardware"]["array_lanes"])
    floats, others = ("/".join(map(str, sorted(counts[kind]))) for kind in (True, False))
    if floats and others:
        return f"{others} inputs a cycle ({floats} of float32)"
    return f"{floats or others} inputs a cycle" if floats or others else ""


def _gaps(result):
    """Return a sentence about the rows that were not measured, or nothing."""
    names = ", ".join(f"`{name}`" for name in result["missing"])
    return f"Not measured yet: {names}." if names else ""


def took(result: dict[str, Any]) -> str:
    """Return how long the run took that measured the rows."""
    seconds, cpu = (result["took"][key] / 60 for key in ("seconds", "cpu_seconds"))
    return f"{seconds:.0f} minutes, {cpu:.0f} of processor time"


def _fashion(result):
    return FASHION.format(
        took=took(result), rows=len(result["rows"]), shape=shape(result),
        steps=steps(result), train=result["images"][0], test=result["images"][1], table=table(result),
        gaps=_gaps(result), claims=claims_list(result),
    )  # fmt: skip


def claims_list(result: dict[str, Any]) -> str:
    """Return the claims that the figures allow, and what they show, as a Markdown list."""
    return "\n".join(f"- **{claim}** {shown}" for claim, shown in claims(result))


def _literature():
    heads = ["data", "method", "network", "bits", "accuracy, %", "its float32, %", "source"]
    rows = [[p.data, p.method, p.network, p.bits, f"{p.accuracy:g}", "" if p.float32 is None else f"{p.float32:g}",
             p.source] for p in PUBLISHED]  # fmt: skip
    return markdown_table(heads, rows, left=4, right_of=6)
