"""``docs/survey.md``, from what `bench.survey` measured; no figure of ours is typed here."""

import re
import textwrap

from bench.literature import MISSING, PUBLISHED
from bench.surveytext import FLOAT, Figures, claims
from bench.surveywords import FASHION, NOTES, TEXT

__all__ = ["HEADS", "page", "table"]

HEADS = ("row", "method", "weights / activations, bits", "accuracy", "± (5 seeds)", "against float32", "weight bits",
         "float32 = this x", "bit operations", "SQNR weights, dB", "SQNR activations, dB", "LUTs", "FFs", "DSPs",
         "BRAMs", "latency", "interval", "quantizing units, LUTs", "LUTs a lane")  # fmt: skip


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
    if h is None:
        return cells + ["–"] * 3 + dbs + ["–"] * 8
    cost = h["cost"]
    counts = [f"{h['weight_bits']:,}", f"{h['compression']:.1f}", f"{h['bit_operations']:,}"]
    lane = h["array"]["lut"] / h["array_lanes"]
    dsps = h["array"]["dsp"] / h["array_lanes"]
    lanes = f"{lane:,.1f}" if lane < 100 else f"{lane:,.0f}"
    return [*cells, *counts, *dbs, f"{cost['lut']:,}", f"{cost['ff']:,}", f"{cost['dsp']}", f"{cost['bram']:g}",
            f"{h['latency']:,}", f"{h['interval']:,}", f"{h['unit']['lut']:,}" if h["unit"] else "–",
            lanes + (f" + {dsps:g} DSPs" if dsps else "")]  # fmt: skip


def _bits(n):
    return f"{n:g}" if n == int(n) else f"{n:.2f}"


def _db(value):
    return "–" if value is None else "exact" if value == float("inf") else f"{value:.1f}"


def page(digits, fashion=None):
    """The page as Markdown, of one or two results of `bench.survey.survey`."""
    for result in filter(None, (digits, fashion)):
        if FLOAT not in Figures(result):
            raise ValueError(f"{result['dataset']}: {FLOAT} is not measured yet, and every row is compared with it")
    text = TEXT.format(
        shape="-".join(map(str, _first(digits, "shape"))), seeds=len(digits["seeds"]), train=f"{digits['images'][0]:,}",
        test=digits["images"][1], steps=_steps(digits), table=table(digits), notes=_notes(digits),
        claims=_claims(digits), gaps=_gaps(digits),
        fashion=_fashion(fashion) if fashion else "", missing=" and ".join(MISSING), literature=_literature(),
    )  # fmt: skip
    blocks = re.split(r"\n\n+", text)
    return "\n\n".join(_filled(block) for block in blocks if block.strip()) + "\n"


def _first(result, key):
    return next(row["hardware"][key] for row in result["rows"] if row["hardware"])


def _steps(result):
    return " or ".join(f"{n:,}" for n in result["steps"])


def _notes(result):
    foldings = {tuple((name, pe, simd) for name, pe, simd in row["hardware"]["folding"])
                for row in result["rows"] if row["hardware"]}  # fmt: skip
    shapes = {tuple((pe, simd) for _, pe, simd in folding) for folding in foldings}
    if len(shapes) != 1:
        raise ValueError(f"The rows have {len(shapes)} foldings; they must have one")
    lanes = {row["hardware"]["array_lanes"] for row in result["rows"] if row["hardware"] and row["kind"] != "float"}
    floats = {row["hardware"]["array_lanes"] for row in result["rows"] if row["hardware"] and row["kind"] == "float"}
    return NOTES.format(
        seeds=len(result["seeds"]), first=result["seeds"][0], last=result["seeds"][-1], frames=result["frames"],
        folding=", ".join(f"{pe} x {simd}" for pe, simd in shapes.pop()), verilator=result["tools"]["verilator"],
        pyosys=result["tools"]["pyosys"], lanes="/".join(map(str, sorted(lanes))),
        float_lanes="/".join(map(str, sorted(floats))),
    )  # fmt: skip


def _gaps(result):
    """Rows that were not measured, and rows without hardware, and why."""
    if result["missing"]:
        names = ", ".join(f"`{name}`" for name in result["missing"])
        return _gaps(result | {"missing": []}) + f"\n\nNot measured yet: {names}."
    missing = [row for row in result["rows"] if row["hardware"] is None]
    if not missing:
        return ""
    listed = "; ".join(f"`{row['name']}` ({row['reason'].splitlines()[0]})" for row in missing)
    return f"Without hardware, so that only accuracy, by the qonnx executor, and noise are known: {listed}."


def _fashion(result):
    return FASHION.format(
        minutes=result["took"]["cpu_seconds"] / 60, shape="-".join(map(str, _first(result, "shape"))),
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
