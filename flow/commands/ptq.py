"""The commands around post-training quantization: ``quantize``, ``sensitivity``, ``search``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .options import BITS, COUNT, CYCLES, FILE, FOLDER, LUTS, PERCENT, POINTS, STEPS
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
Frames = Annotated[int | None, typer.Option("--frames", **COUNT, help="Only the first so many samples.")]
File = Annotated[Path | None, typer.Option("-o", "--output-file", **FILE, help="Default in `build/quantized/`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Percent = Annotated[float, typer.Option("--percent", **PERCENT, help="Of the range `percentile`.")]
PerChannel = Annotated[
    bool, typer.Option("--per-channel/--per-tensor", help="Scales of weights; the last layer always has one.")
]
Correct = Annotated[
    bool, typer.Option("--bias-correction/--no-bias-correction", help="Biases make up for the shift of the mean.")
]
Sums = Annotated[int, typer.Option("--sums", min=1, max=8, help="Bits of branches that a sum joins.")]

Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train briefly in the chosen formats, on the samples of `--calibration`.")
]
Steps = Annotated[int, typer.Option("--steps", **STEPS, help="Of retraining.")]


class Range(StrEnum):
    """What ``--range`` may be."""

    minmax = "minmax"
    percentile = "percentile"
    mse = "mse"
    kl = "kl"


RangeOption = Annotated[Range, typer.Option("--range", help="How far activations reach.")]
WeightRange = Annotated[Range, typer.Option("--weight-range", help="How far weights reach.")]


def _project(model, input_spec, calibration, images, frames, report):
    from fewbit.flow.quantizing.float_model import FloatProject

    with report.working("calibrating"):
        return FloatProject(model, input_spec=input_spec, calibration=calibration, images=images, frames=frames)


def _options(activations, weights, percent, per_channel, correct, sums):
    from fewbit.ptq.quantize import Options

    return Options(activations=activations.value, weights=weights.value, percent=percent, per_channel=per_channel,
                   correct=correct, sums=sums)  # fmt: skip


@app.command(epilog="Example: `fewbit quantize examples/digits/float32.onnx --weights 4 --activations 4`")
def quantize(
    model: FloatModel,
    weights: Annotated[int, typer.Option("--weights", min=1, max=8, help="Bits of weights.")] = 4,
    activations: Annotated[int, typer.Option("--activations", min=1, max=8, help="Bits of activations.")] = 4,
    calibration: Calibration = None, images: ImagesFile = None,
    file: File = None,
    ranges: RangeOption = Range.mse, weight_ranges: WeightRange = Range.mse, percent: Percent = 99.9,
    per_channel: PerChannel = True, correct: Correct = True,
    first: Annotated[int | None, typer.Option("--first", min=1, max=8, help="Bits of the first layer.")] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, max=8, help="Bits of the last layer.")] = None,
    weights_of: Annotated[list[str] | None, typer.Option("--weights-of", help="`LAYER=BITS`, may be repeated.")] = None,
    activations_of: Annotated[
        list[str] | None, typer.Option("--activations-of", help="`LAYER=BITS` of what a layer reads, may be repeated.")
    ] = None,
    sums: Sums = 8, retrain: Retrain = False, steps: Steps = 2000,
    input_spec: Input = None, frames: Frames = None, json: Json = False,
):  # fmt: skip
    """Quantize a float model from samples, without training or with a little of it, and write QONNX."""
    from fewbit.flow.quantizing.bits import Request
    from fewbit.flow.quantizing.quantize import quantize_model

    from .ptq_report import show_quantized

    report = Reporter(json)
    options = _options(ranges, weight_ranges, percent, per_channel, correct, sums)
    request = Request(
        weights=weights, activations=activations, first=first, last=last,
        weights_of=tuple(weights_of or ()), activations_of=tuple(activations_of or ()),
    )  # fmt: skip
    project = _project(model, input_spec, calibration, images, frames, report)
    found = quantize_model(project, request, options, file, report, steps=steps if retrain else None)
    show_quantized(report, found)


Cycles = Annotated[
    int | None,
    typer.Option(
        "--cycles",
        **CYCLES,
        help="Cycles a frame that LUTs are estimated at; default as `build`.",
    ),
]


class Of(StrEnum):
    """What ``--of`` may be."""

    both = "both"
    weights = "weights"
    activations = "activations"


@app.command(epilog="Example: `fewbit sensitivity examples/digits/float32.onnx --bits 4,2,1`")
def sensitivity(
    model: FloatModel, images: ImagesFile = None, calibration: Calibration = None,
    bits: Annotated[str, typer.Option("--bits", help="Bits that each layer gets.")] = "8,4,2,1",
    others: Annotated[int, typer.Option("--others", min=1, max=8, help="Bits of the others, and what saves.")] = 8,
    of: Annotated[Of, typer.Option("--of", help="What of the layer gets these bits.")] = Of.both,
    ranges: RangeOption = Range.mse, weight_ranges: WeightRange = Range.mse, percent: Percent = 99.9,
    per_channel: PerChannel = True, correct: Correct = True, sums: Sums = 8, cycles: Cycles = None,
    input_spec: Input = None, frames: Frames = None, json: Json = False,
):  # fmt: skip
    """Quantize one layer at a time: accuracy lost against bits and LUTs saved."""
    from fewbit.flow.quantizing import sensitivity as command

    from .ptq_report import show_sensitivity

    report = Reporter(json)
    options = _options(ranges, weight_ranges, percent, per_channel, correct, sums)
    project = _project(model, input_spec, calibration, images, frames, report)
    found = command.sensitivity(project, options, report, bits=bits, others=others, of=of.value, cycles=cycles)
    show_sensitivity(report, found)


@app.command(epilog="Example: `fewbit search examples/digits/float32.onnx --max-drop 1`")
def search(
    model: FloatModel, images: ImagesFile = None, calibration: Calibration = None,
    budget_luts: Annotated[int | None, typer.Option("--budget-luts", **LUTS, help="LUTs by the estimate.")] = None,
    budget_bits: Annotated[int | None, typer.Option("--budget-bits", **BITS, help="Bits that weights take.")] = None,
    max_drop: Annotated[float | None, typer.Option("--max-drop", **POINTS, help="Points of accuracy to lose.")] = None,
    formats: Annotated[
        str, typer.Option("--formats", help="What a layer may have, bits of weights and activations.")
    ] = "w8a8,w6a6,w4a4,w3a3,w2a2,w1a1",
    ranges: RangeOption = Range.mse, weight_ranges: WeightRange = Range.mse, percent: Percent = 99.9,
    per_channel: PerChannel = True, correct: Correct = True, sums: Sums = 8, cycles: Cycles = None,
    retrain: Retrain = False, steps: Steps = 2000,
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/search/<model>`.")
    ] = None,
    input_spec: Input = None, frames: Frames = None, json: Json = False,
):  # fmt: skip
    """Find formats for each layer within a budget, and the Pareto set of accuracy and cost."""
    from fewbit.flow.quantizing.mixed import Goal
    from fewbit.flow.quantizing.search import search_formats

    from .ptq_report import show_search

    report = Reporter(json)
    options = _options(ranges, weight_ranges, percent, per_channel, correct, sums)
    project = _project(model, input_spec, calibration, images, frames, report)
    goal = Goal(luts=budget_luts, bits=budget_bits, drop=max_drop)
    found = search_formats(project, options, goal, report, formats=formats, cycles=cycles, directory=directory,
                           steps=steps if retrain else None)  # fmt: skip
    show_search(report, found)
