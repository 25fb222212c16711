"""``fewbit quantize``: a float model becomes QONNX, without training or with a little of it."""

from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults

from .float_options import (
    Calibration,
    FloatInput,
    FloatModel,
    LabelledImages,
    QuantizationMethod,
    QuantizedFile,
    Retrain,
    Steps,
    Sums,
    float_project,
)
from .options import Frames, Showing
from .registry import command

__all__ = ["quantize"]


@command(rank=130, epilog="Example: `fewbit quantize examples/digits/float32.onnx --weights 4 --activations 4`")
def quantize(
    *, model: FloatModel,
    weights: Annotated[int, typer.Option("--weights", min=1, max=8, help="Bits of weights.")] = defaults.WEIGHT_BITS,
    activations: Annotated[
        int, typer.Option("--activations", min=1, max=8, help="Bits of activations.")
    ] = defaults.ACTIVATION_BITS,
    calibration: Calibration = None, images: LabelledImages = None, file: QuantizedFile = None,
    method: QuantizationMethod,
    first: Annotated[int | None, typer.Option("--first", min=1, max=8, help="Bits of the first layer.")] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, max=8, help="Bits of the last layer.")] = None,
    weights_of: Annotated[list[str] | None, typer.Option("--weights-of", help="`LAYER=BITS`, may be repeated.")] = None,
    activations_of: Annotated[
        list[str] | None, typer.Option("--activations-of", help="`LAYER=BITS` of what a layer reads, may be repeated.")
    ] = None,
    sums: Sums = defaults.SUM_BITS, retrain: Retrain = False, steps: Steps = defaults.STEPS,
    input_spec: FloatInput = None, frames: Frames = None, showing: Showing,
):  # fmt: skip
    """Quantize a float model from samples, without training or with a little of it, and write QONNX."""
    needs(*(["train"] if retrain else []))
    from fewbit.flow.quantizing.bits import Request
    from fewbit.flow.quantizing.quantize import quantize_model

    report = showing.reporter()
    request = Request(
        weights=weights, activations=activations, first=first, last=last,
        weights_of=tuple(weights_of or ()), activations_of=tuple(activations_of or ()),
    )  # fmt: skip
    project = float_project(model, input_spec, calibration, images, frames, report)
    options, trained = method.options(sums), steps if retrain else None
    report.show(quantize_model(project, request, options, file, report, steps=trained), _table)


def _table(report, r):
    rows = [
        (row.layer, f"{row.weights:,}", row.bits, _decibels(row.weight_sqnr), row.input.format, _range(row.input),
         _decibels(row.input.sqnr))
        for row in r.layers
    ]  # fmt: skip
    rows += [(f"joined: {', '.join(s.tensors)}", "", "", "", s.format, _range(s), _decibels(s.sqnr)) for s in r.sums]
    report.table(["layer", "weights", "bits", "weights' SQNR, dB", "activations", "range", "SQNR, dB"], rows,
                 least=("range",))  # fmt: skip
    ratio = r.float_weight_bits / r.weight_bits
    report.line(f"weights: {r.weight_bits:,} bits, {ratio:.1f} times less than float32")
    samples = f"{r.calibration.samples} samples of {r.calibration.source}"
    report.line(f"ranges: {r.ranges.activations} (weights {r.ranges.weights}), from {samples}")
    if r.retrained:
        trained = r.retrained
        report.line(f"retrained: {trained.steps:,} steps on {trained.samples:,} samples of {trained.source}")
    if r.accuracy.floats is not None:
        report.line(
            f"accuracy: float32 {100 * r.accuracy.floats:.2f} %, quantized {100 * r.accuracy.quantized:.2f} % "
            f"of {r.images.samples} samples of {r.images.source}"
        )
    report.line(f"written to {r.file}")


def _decibels(value):
    return "–" if value is None else f"{value:.1f}"


def _range(site):
    return "as declared" if site.range is None else "{:.4g} to {:.4g}".format(*site.range)
