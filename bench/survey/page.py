"""``docs/survey.md``, from what `bench.survey.run` measured; no figure of ours is typed here."""

import re
import textwrap

from .claims import FLOAT, Figures, claims
from .literature import MISSING, PUBLISHED
from .wording import FASHION, NOTES, TEXT

__all__ = ["HEADS", "page", "table"]

HEADS = ("row", "method", "weights / activations, bits", "accuracy", "± (5 seeds)", "against float32", "weight bits",
         "float32 = this x", "bit operations", "SQNR weights, dB", "SQNR activations, dB", "LUTs", "FFs", "DSPs",
         "BRAMs", "latency", "interval", "quantizing units, LUTs", "of these generators", "LUTs a lane",
         "products in")  # fmt: skip


def table(result):
    """The Markdown table of a survey's rows."""
    figures = Figures(result)
    rows = [_cells(row, figures) for row in result["rows"]]
    lines = [HEADS, ["---"] * 3 + ["---:"] * (len(HEADS) - 3), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _cells(row, figures):
    points, _ = figures.difference(row["name"], FLOAT)
    noise, h = row["noise"], row["hardware"]
    cells = [
        f"`{row['name']}`", row["method"], " / ".join(_bits(n) for n in row["nominal"]),
        f"{100 * row['accuracy']:.2f} %", f"{100 * row['spread']:.2f}",
        "" if row["kind"] == "float" else f"{points:+.2f}",
    ]  # fmt: skip
    dbs = [_db(noise["weights"]), _db(noise["activations"])]
    cost = h["cost"]
    counts = [f"{h['weight_bits']:,}", f"{h['compression']:.1f}", f"{h['bit_operations']:,}"]
    return [*cells, *counts, *dbs, f"{cost['lut']:,}", f"{cost['ff']:,}", f"{cost['dsp']}", f"{cost['bram']:g}",
            f"{h['latency']:,}", f"{h['interval']:,}", _part(h["unit"]), _part(h["generators"]),
            _part(h["array"], h["array_lanes"]), " / ".join(dict.fromkeys(h["products"]))]  # fmt: skip


def _part(cost, share=1):
    """LUTs, and DSPs and block RAMs if there are any; of one of ``share``."""
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


def page(digits, fashion=None):
    """The page as Markdown, of one or two results of `bench.survey.run.survey`."""
    for result in filter(None, (digits, fashion)):
        if FLOAT not in Figures(result):
            raise ValueError(f"{result['dataset']}: {FLOAT} is not measured yet, and every row is compared with it")
    text = TEXT.format(
        shape="-".join(map(str, _first(digits, "shape"))), seeds=len(digits["seeds"]), train=f"{digits['images'][0]:,}",
        test=digits["images"][1], steps=_steps(digits), table=table(digits), notes=_notes(digits),
        claims=_claims(digits), gaps=_gaps(digits), took=_took(digits),
        fashion=_fashion(fashion) if fashion else "", literature=_literature(),
        missing=f"{', '.join(MISSING[:-1])} and {MISSING[-1]}",
    )  # fmt: skip
    blocks = re.split(r"\n\n+", text)
    return "\n\n".join(_filled(block) for block in blocks if block.strip()) + "\n"


def _first(result, key):
    return result["rows"][0]["hardware"][key]


def _steps(result):
    return " or ".join(f"{n:,}" for n in result["steps"])


def _notes(result):
    shapes = {tuple((pe, simd) for _, pe, simd in row["hardware"]["folding"]) for row in result["rows"]}
    if len(shapes) != 1:
        raise ValueError(f"The rows have {len(shapes)} foldings; they must have one")
    lanes = {row["hardware"]["array_lanes"] for row in result["rows"] if row["kind"] != "float"}
    floats = {row["hardware"]["array_lanes"] for row in result["rows"] if row["kind"] == "float"}
    return NOTES.format(
        seeds=len(result["seeds"]), first=result["seeds"][0], last=result["seeds"][-1], frames=result["frames"],
        folding=", ".join(f"{pe} x {simd}" for pe, simd in shapes.pop()), verilator=result["tools"]["verilator"],
        pyosys=result["tools"]["pyosys"], lanes="/".join(map(str, sorted(lanes))),
        float_lanes="/".join(map(str, sorted(floats))),
    )  # fmt: skip


def _gaps(result):
    """Rows that were not measured."""
    names = ", ".join(f"`{name}`" for name in result["missing"])
    return f"Not measured yet: {names}." if names else ""


def _took(result):
    """How long the last run of all rows took."""
    took = result["took"]
    return f"{took['seconds'] / 60:.0f} minutes, {took['cpu_seconds'] / 60:.0f} of processor time"


def _fashion(result):
    return FASHION.format(
        took=_took(result), rows=len(result["rows"]), shape="-".join(map(str, _first(result, "shape"))),
        steps=_steps(result), train=result["images"][0], test=result["images"][1], table=table(result),
        gaps=_gaps(result), claims=_claims(result),
    )  # fmt: skip


def _claims(result):
    return "\n".join(f"- **{claim}** {shown}" for claim, shown in claims(result))


def _literature():
    heads = ["data", "method", "network", "bits", "accuracy, %", "its float32, %", "source"]
    rows = [[p.data, p.method, p.network, p.bits, f"{p.accuracy:g}", "" if p.float32 is None else f"{p.float32:g}",
             p.source] for p in PUBLISHED]  # fmt: skip
    lines = [heads, ["---"] * 4 + ["---:"] * 2 + ["---"], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _filled(block):
    """A paragraph or a list with lines of even length; anything else as it is."""
    if block.startswith(("#", "!", "|")):
        return block
    items = re.split(r"\n(?=- )", block.strip())
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()), 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for item in items
    )
