"""The commands around post-training quantization: ``quantize``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .report import Reporter

__all__ = ["app"]

app = typer.Typer()

FloatModel = Annotated[Path, typer.Argument(metavar="FLOAT.onnx", help="A trained float model.")]
Input = Annotated[
    str | None, typer.Option("--input", help="How raw integers become the model's floats: `uint8/255`, `int16f10`, …")
]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", help="Samples that ranges and biases are chosen from: .npz with `x`; or `mnist`."),
]
ImagesFile = Annotated[
    Path | None, typer.Option("--images", help="Samples with `label` that accuracy is measured on; or `mnist`.")
]
Frames = Annotated[int | None, typer.Option("--frames", help="Only the first so many samples.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Percent = Annotated[float, typer.Option("--percent", help="Of the range `percentile`.")]
PerChannel = Annotated[
    bool, typer.Option("--per-channel/--per-tensor", help="Scales of weights; the last layer always has one.")
]
Correct = Annotated[
    bool, typer.Option("--bias-correction/--no-bias-correction", help="Biases make up for the shift of the mean.")
]
Sums = Annotated[int, typer.Option("--sums", min=1, max=8, help="Bits of branches that a sum joins.")]


class Range(StrEnum):
    """What ``--range`` may be."""

    minmax = "minmax"
    percentile = "percentile"
    mse = "mse"
    kl = "kl"


RangeOption = Annotated[Range, typer.Option("--range", help="How far activations reach.")]
WeightRange = Annotated[Range, typer.Option("--weight-range", help="How far weights reach.")]


def _project(model, input_spec, calibration, images, frames, report):
    from .floatmodel import FloatProject

    with report.working("calibrating"):
        return FloatProject(model, input_spec=input_spec, calibration=calibration, images=images, frames=frames)


def _options(activations, weights, percent, per_channel, correct, sums):
    from ptq.quantize import Options

    return Options(activations=activations.value, weights=weights.value, percent=percent, per_channel=per_channel,
                   correct=correct, sums=sums)  # fmt: skip


@app.command(epilog="Example: `fewbit quantize examples/digits/float32.onnx --weights 4 --activations 4`")
def quantize(
    model: FloatModel,
    weights: Annotated[int, typer.Option("--weights", min=1, max=8, help="Bits of weights.")] = 4,
    activations: Annotated[int, typer.Option("--activations", min=1, max=8, help="Bits of activations.")] = 4,
    calibration: Calibration = None, images: ImagesFile = None,
    file: Annotated[Path | None, typer.Option("-o", "--output-file", help="Default in `build/quantized/`.")] = None,
    ranges: RangeOption = Range.mse, weight_ranges: WeightRange = Range.mse, percent: Percent = 99.9,
    per_channel: PerChannel = True, correct: Correct = True,
    first: Annotated[int | None, typer.Option("--first", min=1, max=8, help="Bits of the first layer.")] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, max=8, help="Bits of the last layer.")] = None,
    weights_of: Annotated[list[str] | None, typer.Option("--weights-of", help="`LAYER=BITS`, may be repeated.")] = None,
    activations_of: Annotated[
        list[str] | None, typer.Option("--activations-of", help="`LAYER=BITS` of what a layer reads, may be repeated.")
    ] = None,
    sums: Sums = 8, input_spec: Input = None, frames: Frames = None, json: Json = False,
):  # fmt: skip
    """Quantize a float model without training, from samples, and write QONNX."""
    from .bits import Request
    from .ptqreport import show_quantized
    from .quantizecommand import quantize_model

    report = Reporter(json)
    options = _options(ranges, weight_ranges, percent, per_channel, correct, sums)
    request = Request(
        weights=weights, activations=activations, first=first, last=last,
        weights_of=tuple(weights_of or ()), activations_of=tuple(activations_of or ()),
    )  # fmt: skip
    project = _project(model, input_spec, calibration, images, frames, report)
    show_quantized(report, quantize_model(project, request, options, file, report))
