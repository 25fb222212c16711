"""``fewbit demo``: draw an image in a page or in the terminal and see what the accelerator makes of it."""

from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.flow.interruption import ends_so

from .options import Baud, Build, ImagesFile
from .registry import command
from .report import Reporter

__all__ = ["demo"]


@command(rank=70, epilog="Example: `fewbit demo build/w1a1` and open the page that it names.")
def demo(
    *, directory: Build,
    serial: Annotated[
        str | None, typer.Option("--serial", help="Port of a board; without: the Verilator model.")
    ] = None,
    baud: Baud = defaults.BAUD,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the page; 0 takes a free one.")] = 8000,
    images: ImagesFile = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Draw in the terminal instead of a page.")] = False,
):  # fmt: skip
    """Draw an image, send it to the accelerator and see the score of every class."""
    needs("demo", "sim" if serial is None else "board")
    from fewbit.flow.demo.demo import run_demo

    report = Reporter()
    ends_so()
    run_demo(directory, report, serial=serial, baud=baud, port=port, terminal=terminal, images=images)
