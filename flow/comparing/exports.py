"""A comparison for further work: its table as CSV, and a notebook that reads and draws it."""

from fewbit.flow import exports

from .page import columns, table_rows
from .result import Comparison

__all__ = ["csv_text", "heads_of", "notebook_text"]


def heads_of(result: Comparison) -> list[str]:
    """Return the heads of the table's columns, each the only one of its name."""
    heads = columns(result)
    return [f"{result.part.name}: {head}" if head in heads[:k] else head for k, head in enumerate(heads)]


def csv_text(result: Comparison) -> str:
    """Return the table as CSV: numbers alone, and nothing where one is not known."""
    return exports.csv_text(heads_of(result), (map(exports.number, row) for row in table_rows(result)))


def notebook_text(result: Comparison) -> str:
    """Return a notebook of Jupyter that lies beside ``compare.csv``."""
    about = (
        f"# {result.model.name}: float32 and few bits\n\nLayers {result.shape}, samples {result.samples}, "
        f"{result.clock_mhz:g} MHz assumed. `index.md` says how each number came about.\n\n"
    )
    return exports.notebook_text([
        ("markdown", about + exports.markdown_table(heads_of(result), table_rows(result))),
        exports.reading_cell("compare.csv"),
        exports.scatter_cell(
            x="LUTs", y="accuracy", label="format", x_title="LUTs at the common folding", y_title="accuracy, %"
        ),
    ])  # fmt: skip
