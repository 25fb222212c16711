"""``fewbit compare``: the same network in float32 and in each low-bit format, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import parts_with
from fewbit.places import HOME

from .kinds import COUNT, FOLDER
from .options import Clock, Doing, Folding, ImagesFile, Input, PartsFile, Showing, Verbose
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.comparing.result import Comparison

__all__ = ["compare", "show_comparison"]

_LEAST = ("per weight", "FFs", "BRAMs", "PEs", "weight bits", "latency", "interval", "DSPs")
"""Heads of the columns that go first where a terminal is narrow."""
_OF_ALL = 11  # columns in front of those of the design that fills the part


@command(rank=110, epilog="Example: `fewbit compare --quick` compares the digits in three formats, in two minutes.")
def compare(
    *, model: Annotated[Path, typer.Argument(metavar="MODEL.onnx")] = HOME / "examples" / "digits" / "w1a1.onnx",
    images: ImagesFile = None, input_spec: Input = None, folding: Folding = None, clock: Clock = 200.0,
    formats: Annotated[
        str | None,
        typer.Option("--formats", metavar="LIST", show_default=False,
                     help="Formats beside float32, as `w8a8,w3a3,ternary`; those that the folder has no model of are "
                     "made, not trained."),
    ] = None,
    part: Annotated[
        str, typer.Option("--part", help="Device of the 7 series that each format fills.")
    ] = defaults.SYNTHESIS_PART,
    parts: PartsFile = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", **COUNT, show_default=False,
                     help="Train the float model in each format so many epochs, on `--calibration`."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="Samples with `label` to train on: .npz with `x`; or `mnist`.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer formats, and no design that fills the part.")
    ] = False,
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/compare/<name>`.")
    ] = None,
    waves: Annotated[bool, typer.Option("--waves", hidden=True)] = False,
    doing: Doing, showing: Showing, verbose: Verbose = False,
):  # fmt: skip
    """Compare the same network in float32 and in each low-bit format, side by side."""
    needs("compare", *(["train"] if epochs else []))
    from fewbit.flow.comparing.compare import compare_formats
    from fewbit.flow.comparing.formats import QUICK
    from fewbit.flow.comparing.variants import AS_TRAINED, FLOAT
    from fewbit.flow.jobs import usual_threads

    if (epochs is None) != (calibration is None):
        raise typer.BadParameter("--epochs and --calibration go together: how long to train, and on what")
    report, device = showing.reporter(), find_part(part, parts_with(parts))
    if device.family != "xc7":
        raise typer.BadParameter(f"--part must be of the 7 series, which comparisons are synthesized for, not {part}")
    asked = list(QUICK) if quick and formats is None else None
    if formats is not None:
        asked = [name.strip() for name in formats.split(",")]
    with doing.workers(report, usual_threads()) as workers:
        found, directory = compare_formats(
            model, images, input_spec, report, clock=clock, folding=folding, workers=workers, part=device,
            formats=asked and [FLOAT, AS_TRAINED, *asked], directory=directory, filling=not quick, epochs=epochs,
            calibration=calibration,
        )  # fmt: skip
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
    from fewbit.flow.comparing.exports import heads_of
    from fewbit.flow.comparing.page import table_rows

    heads, rows = heads_of(found), table_rows(found)
    if not any(row.filled for row in found.rows) and all(row.unfilled for row in found.rows):
        heads, rows = heads[:_OF_ALL], [row[:_OF_ALL] for row in rows]
    # Of the design that fills the part, what it reaches counts more than how.
    report.table(heads, rows, least=(*_LEAST, *heads[_OF_ALL : _OF_ALL + 2][::-1]))
    if not wrong:
        frames = sum(row.simulated.frames for row in found.rows)
        report.line(f"{frames} frames simulated, every bit as golden and every cycle as predicted")
    if any(row.filled for row in found.rows):
        share, part = f"{100 * found.part.limit:g} %", found.part.name
        report.line(f"inferences/s: each format fills {share} of a {part} at an assumed {found.clock_mhz:g} MHz")
    report.line(f"page: {directory / 'index.md'}; beside it compare.csv and compare.ipynb")
