"""A comparison for further work: its table as CSV, and a notebook that reads and draws it."""

import csv
import io
import json
from collections.abc import Sequence

from .page import columns, table_rows
from .result import Comparison

__all__ = ["csv_text", "heads_of", "notebook_text"]

_READ = """import csv
from pathlib import Path

with open(Path("compare.csv"), newline="") as file:
    rows = list(csv.DictReader(file))
rows"""
_DRAW = """import matplotlib.pyplot as plt

known = [row for row in rows if row["accuracy"] and row["LUTs"]]
plt.scatter([float(row["LUTs"]) for row in known], [float(row["accuracy"]) for row in known])
for row in known:
    plt.annotate(row["format"], (float(row["LUTs"]), float(row["accuracy"])))
plt.xlabel("LUTs at the common folding")
plt.ylabel("accuracy, %")
plt.show()"""


def heads_of(result: Comparison) -> list[str]:
    """Return the heads of the table's columns, each the only one of its name."""
    heads = columns(result)
    return [f"{result.part.name}: {head}" if head in heads[:k] else head for k, head in enumerate(heads)]


def csv_text(result: Comparison) -> str:
    """Return the table as CSV: numbers alone, and nothing where one is not known."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [heads_of(result), *(map(_number, row) for row in table_rows(result))]
    )
    return text.getvalue()


def _number(cell: str) -> str:
    plain = cell.removesuffix(" *").removesuffix(" %").replace(",", "")
    try:
        float(plain)
    except ValueError:
        return "" if cell in ("–", "unknown", "does not fit", "not looked for") else cell
    return plain


def notebook_text(result: Comparison) -> str:
    """Return a notebook of Jupyter that lies beside ``compare.csv``."""
    heads, rows = heads_of(result), table_rows(result)
    table = ["| " + " | ".join(line) + " |" for line in (heads, ["---"] * len(heads), *rows)]
    about = (
        f"# {result.model.name}: float32 and few bits\n\nLayers {result.shape}, samples {result.samples}, "
        f"{result.clock_mhz:g} MHz assumed. `index.md` says how each number came about.\n\n"
    )
    cells = [_cell("markdown", about + "\n".join(table)), _cell("code", _READ), _cell("code", _DRAW)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell{number}"
    return json.dumps(
        {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}, indent=1
    ) + "\n"  # fmt: skip


def _cell(kind: str, text: str) -> dict[str, object]:
    lines: Sequence[str] = text.splitlines(keepends=True)
    more: dict[str, object] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": lines, **more}
