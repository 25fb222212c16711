"""``fewbit train``: the networks of an example, trained anew."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow.results import JsonResult, flat
from fewbit.golden.limits.limit import ModelError

from .kinds import FOLDER
from .options import Showing
from .registry import command

__all__ = ["Accuracy", "Trained"]


@dataclass(frozen=True, kw_only=True)
class Accuracy(JsonResult):
    """What a network gets right of the test split.

    Attributes
    ----------
    correct, images : int
        Images that are right, and all of them.
    accuracy : float
        The share that is right, in percent.
    equal : int
        Images of which the executor and the JAX model give the same label.
    """

    correct: int
    images: int
    accuracy: float
    equal: int


@dataclass(frozen=True, kw_only=True)
class Trained(JsonResult):
    """The accuracy of each network by its name."""

    networks: dict[str, Accuracy] = flat()


@command(rank=120, epilog="Example: `fewbit train fashion --only w1a1` writes examples/fashion/w1a1.onnx anew.")
def train(
    *, example: Annotated[str, typer.Argument(help="`digits`, `digits-cnn` or `fashion`.")] = "digits",
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", **FOLDER, help="Default: the example's own.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only these networks.")] = None,
    showing: Showing,
):  # fmt: skip
    """Train the networks of an example (needs the extra `train`: `make train` installs it)."""
    needs("train")
    from fewbit.train.catalogue import EXAMPLES
    from fewbit.train.fashion_data import DataError

    report = showing.reporter()
    if example not in EXAMPLES:
        raise ModelError(f"the examples are {', '.join(EXAMPLES)}, not {example!r}")

    def told(name, done, total, loss):
        report.say(f"{name}: step {done} of {total}, loss {loss:.3f}")

    try:
        found = EXAMPLES[example].main(directory, only or None, report.say, told)
    except DataError as error:
        raise ModelError(error) from None
    report.show(Trained(networks={name: Accuracy.from_dict(row) for name, row in found.items()}), _table)


def _table(report, trained):
    rows = [(name, f"{r.accuracy:.2f} %", f"{r.correct} of {r.images}") for name, r in trained.networks.items()]
    report.table(["model", "test accuracy", "right"], rows)
