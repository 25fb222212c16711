"""Tables for further work: as CSV with numbers alone, as Markdown, and as a notebook of Jupyter that reads the CSV."""

import csv
import io
import json
from collections.abc import Iterable, Sequence

__all__ = ["csv_text", "markdown_table", "notebook_text", "number", "reading_cell", "scatter_cell"]

_NOTHING = ("–", "unknown", "does not fit", "not looked for")
_READ = """import csv
from pathlib import Path

with open(Path({name!r}), newline="") as file:
    rows = list(csv.DictReader(file))
rows"""
_SCATTER = """import matplotlib.pyplot as plt

known = [row for row in rows if row[{y!r}] and row[{x!r}]]
plt.scatter([float(row[{x!r}]) for row in known], [float(row[{y!r}]) for row in known])
for row in known:
    plt.annotate(row[{label!r}], (float(row[{x!r}]), float(row[{y!r}])))
plt.xlabel({x_title!r})
plt.ylabel({y_title!r})
plt.show()"""


def number(cell: str) -> str:
    """Return the number of a table's cell as programs read it, ``1,234`` as ``1234`` and ``98.70 %`` as ``98.70``.

    What stands for no value is empty, a mark behind a number is left out, and any other text stays.
    """
    plain = cell.removesuffix(" *").removesuffix(" %").replace(",", "")
    try:
        float(plain)
    except ValueError:
        return "" if cell in _NOTHING else cell
    return plain


def csv_text(heads: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table as CSV; None stands for no value."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heads, *rows])
    return text.getvalue()


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = (heads, ["---"] * len(heads), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def notebook_text(cells: Sequence[tuple[str, str]]) -> str:
    """Return a notebook of Jupyter.

    Parameters
    ----------
    cells : list of (str, str)
        The kind of each cell, "markdown" or "code", and its text.
    """
    made = [_cell(number, kind, text) for number, (kind, text) in enumerate(cells)]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def _cell(place: int, kind: str, text: str) -> dict[str, object]:
    more: dict[str, object] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    lines = text.splitlines(keepends=True)
    return {"cell_type": kind, "id": f"cell{place}", "metadata": {}, "source": lines, **more}


def reading_cell(file: str) -> tuple[str, str]:
    """Return a cell that reads a CSV file, which lies beside the notebook, as ``rows``: a dict of texts for each."""
    return "code", _READ.format(name=file)


def scatter_cell(*, x: str, y: str, label: str, x_title: str, y_title: str) -> tuple[str, str]:
    """Return a cell that draws a point for each of the ``rows`` that `reading_cell` reads.

    Parameters
    ----------
    x, y, label : str
        Columns: of the two axes, and of the name of each point. Rows without a number in one of the two are left out.
    x_title, y_title : str
        What is written at the axes.
    """
    return "code", _SCATTER.format(x=x, y=y, label=label, x_title=x_title, y_title=y_title)
