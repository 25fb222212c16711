"""``fewbit report``: all that is known of a build as one page that opens offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .kinds import MHZ
from .options import Build, Frames, ImagesFile, PartsFile, Showing
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.report.write import WrittenReport

__all__ = ["report_page"]


@command(name="report", rank=47, epilog="Example: `fewbit report build/w1a1 --images examples/digits/test.npz`")
def report_page(
    *, directory: Build, images: ImagesFile = None, frames: Frames = None,
    clock: Annotated[
        float | None,
        typer.Option("--clock", **MHZ, help="MHz, for frames per second; default: that of the build.",
                     show_default=False),
    ] = None,
    parts: PartsFile = None, showing: Showing,
):  # fmt: skip
    """Write `report.html` into a build: pipeline, layers, timing, parts, accuracy, values, and the next steps."""
    from fewbit.flow.report.write import report_of_build

    report = showing.reporter()
    found = report_of_build(Path(directory), report, images=images, frames=frames, clock=clock, parts=parts)
    report.show(found, _table)


def _table(report: Reporter, found: "WrittenReport") -> None:
    rows = [(one.what, "–" if one.value is None else f"{one.value:,.4g}" if one.value < 1000 else f"{one.value:,.0f}",
             one.unit, one.means) for one in found.report.headline.figures]  # fmt: skip
    report.table(["", "value", "unit", "obtained"], rows)
    for name, missing in found.report.not_run.items():
        report.line(f"{name}: not run, {missing.reason}: {missing.command}")
    report.line(f"open {found.file}")
