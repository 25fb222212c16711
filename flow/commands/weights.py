"""``fewbit weights``: an image of a model's weights, for a build that loads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from fewbit.flow.results import JsonResult

from .kinds import FILE
from .options import Json, Model
from .registry import command
from .report import Reporter

__all__ = ["WeightImage", "weights"]


@dataclass(frozen=True, kw_only=True)
class WeightImage(JsonResult):
    """An image of weights: its file, and what it is of; ``checksum`` is CRC-32 of the words, as the block has it."""

    model: Path
    build: Path
    file: Path
    words: int
    checksum: int
    structure: str


@command(rank=36, epilog="Example: `fewbit weights retrained.onnx --build build/w4a4 -o weights.npz`")
def weights(
    *, model: Model,
    build: Annotated[Path, typer.Option("--build", metavar="BUILD", help="Folder of the build that is to load it.")],
    file: Annotated[
        Path | None,
        typer.Option("-o", "--output-file", **FILE, help="A `.npz` or `.bin` file; default `<model>.weights.npz`."),
    ] = None,
    json: Json = False,
):  # fmt: skip
    """Make the image of a model's weights that a build with loadable weights takes, if it is of the same shape."""
    from fewbit.flow.cache import atomic_write
    from fewbit.flow.project.folded_model import FoldedModel
    from fewbit.flow.project.rebuild import kept_project, target_of
    from fewbit.flow.project.weight_images import image_for
    from fewbit.hw.folding import Folding

    report = Reporter(json)
    made, target = target_of(build)
    with report.working("making the image"):
        project = kept_project(made, build, target)
        other = FoldedModel(
            model, input_spec=project.network.input_spec, output=project.output_option, folding=Folding()
        )  # fmt: skip
        image = image_for(project, other)
    file = file or model.with_suffix(".weights.npz")
    atomic_write(file, image.to_file(file))
    found = WeightImage(
        model=model, build=build, file=file, words=len(image.words), checksum=image.checksum,
        structure=image.structure.hex(),
    )  # fmt: skip
    report.show(found, _table)


def _table(report, r):
    report.line(f"{r.words:,} words of {r.model.name} for {r.build}, checksum {r.checksum:#010x}")
    report.line(f"written to {r.file}")
