"""``fewbit compare``: the same network in float32 and in each low-bit format, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.extras import needs
from fewbit.places import HOME

from .options import Clock, Doing, Folding, ImagesFile, Input, Showing, Verbose
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.comparing.result import Comparison

__all__ = ["compare", "show_comparison"]

_LEAST = ("per weight", "FFs", "BRAMs", "PEs", "weight bits", "latency", "interval", "DSPs")
"""Heads of the columns that go first where a terminal is narrow."""
_FILLED_INTERVAL = -3  # the column of the second interval, that of the design which fills the part


@command(rank=110, epilog="Example: `fewbit compare` compares the digits in every format.")
def compare(
    *, model: Annotated[Path, typer.Argument(metavar="MODEL.onnx")] = HOME / "examples" / "digits" / "w1a1.onnx",
    images: ImagesFile = None, input_spec: Input = None, folding: Folding = None, clock: Clock = 200.0,
    waves: Annotated[bool, typer.Option("--waves", hidden=True)] = False,
    doing: Doing, showing: Showing, verbose: Verbose = False,
):  # fmt: skip
    """Compare the same network in float32 and in each low-bit format, side by side."""
    needs("compare")
    from fewbit.flow.comparing.compare import compare_formats
    from fewbit.flow.jobs import usual_threads

    report = showing.reporter()
    with doing.workers(report, usual_threads()) as workers:
        found, directory = compare_formats(
            model, images, input_spec, report, clock=clock, folding=folding, workers=workers
        )
    show_comparison(report, found, directory)
    if not found.ok:
        raise typer.Exit(1)


def show_comparison(report: Reporter, found: "Comparison", directory: Path) -> None:
    """Print a comparison, and that its page is in ``directory``."""
    wrong = [row.format for row in found.rows if not row.exact]
    report.show(found, lambda report, result: _table(report, result, directory, wrong))
    if wrong:
        report.say(f"NOT equal to the golden model or the predicted cycles: {', '.join(wrong)}")


def _table(report, found, directory, wrong):
    from fewbit.flow.comparing.page import columns, table_rows

    heads = columns(found)
    heads[_FILLED_INTERVAL] = f"{found.part.name}: interval"
    report.table(heads, table_rows(found), least=_LEAST)
    if not wrong:
        frames = sum(row.simulated.frames for row in found.rows)
        report.line(f"{frames} frames simulated, every bit as golden and every cycle as predicted")
    share, part = f"{100 * found.part.limit:g} %", found.part.name
    report.line(f"inferences/s: each format fills {share} of a {part} at an assumed {found.clock_mhz:g} MHz")
    report.line(f"page and picture: {directory / 'index.md'}")
