"""A survey for further work: its figures as CSV, and a notebook that reads and draws them."""

import math
from typing import Any

from fewbit.flow import exports

from .claims import FLOAT, Figures
from .page import heads_and_cells
from .shares import part_in, shares_of

__all__ = ["CSV", "NOTEBOOK", "csv_text", "notebook_text"]

CSV, NOTEBOOK = "survey.csv", "survey.ipynb"
_ACCURACY, _LUTS = "accuracy, %", "LUTs"


def csv_text(result: dict[str, Any]) -> str:
    """Return a survey's figures as CSV, a line a row: numbers alone in columns of numbers, nothing where none is known.

    Accuracies are in percent, their differences in points, ratios of signal to noise in dB (``inf`` where quantizing
    changed nothing), latency and interval in cycles, block RAMs in blocks of 36 Kbit.
    """
    figures, part = Figures(result), part_in(result)
    rows = [_figures(row, figures, part) for row in result["rows"]]
    return exports.csv_text(list(rows[0]) if rows else [], (map(_number, row.values()) for row in rows))


def _figures(row, figures, part):
    """Return what the CSV has of a row, by the heads of its columns."""
    h, noise = row["hardware"], row["noise"]
    cost, unit, generators, array = h["cost"], h["unit"] or {}, h["generators"] or {}, h["array"] or {}
    compared = FLOAT in figures and row["kind"] != "float"
    found = {
        "row": row["name"], "method": row["method"], "kind": row["kind"],
        "weights, bits": row["nominal"][0], "activations, bits": row["nominal"][1],
        _ACCURACY: 100 * row["accuracy"], "seeds": figures.seeds,
        "standard deviation": 100 * row["spread"] if figures.noisy else None,
        "against float32": figures.difference(row["name"], FLOAT)[0] if compared else None,
        "weight bits": h["weight_bits"], "float32 = this x": h["compression"], "bit operations": h["bit_operations"],
        "SQNR weights, dB": noise["weights"], "SQNR activations, dB": noise["activations"],
        _LUTS: cost["lut"], "FFs": cost["ff"], "DSPs": cost["dsp"], "BRAMs": cost["bram"],
        "latency": h["latency"], "interval": h["interval"],
        "quantizing units: LUTs": unit.get("lut"), "quantizing units: DSPs": unit.get("dsp"),
        "quantizing units: BRAMs": unit.get("bram"), "generators: LUTs": generators.get("lut"),
        "LUTs a lane": array["lut"] / h["array_lanes"] if array else None,
        "DSPs a lane": array["dsp"] / h["array_lanes"] if array else None,
        "products in": " / ".join(dict.fromkeys(h["products"])),
    }  # fmt: skip
    if part is not None:
        shares, fullest = shares_of(part, cost)
        found |= {f"{part.name}: {name}, %": 100 * share for name, share in shares.items()}
        found[f"{part.name}: filled first by"] = fullest
    return found


def _number(value):
    """Return a figure for the CSV; a hundredth of what an image or a LUT counts is more than any is known to."""
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    return f"{value:.4f}".rstrip("0").rstrip(".")


def notebook_text(result: dict[str, Any]) -> str:
    """Return a notebook of Jupyter that lies beside the CSV: the table, a cell that reads it and one that draws it."""
    heads, rows = heads_and_cells(result)
    about = f"# Quantization methods on the data `{result['dataset']}`\n\n" + exports.markdown_table(heads, rows)
    return exports.notebook_text([
        ("markdown", about),
        exports.reading_cell(CSV),
        exports.scatter_cell(
            x=_LUTS, y=_ACCURACY, label="row", x_title="LUTs of the accelerator, all at one folding", y_title=_ACCURACY
        ),
    ])  # fmt: skip
