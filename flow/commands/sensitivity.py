"""``fewbit sensitivity``: one layer at a time in few bits, what it costs in accuracy and what it saves."""

from enum import StrEnum
from typing import Annotated

import typer

from fewbit.flow import defaults

from .float_options import (
    Calibration,
    Cycles,
    FloatInput,
    FloatModel,
    LabelledImages,
    QuantizationMethod,
    Sums,
    float_project,
)
from .options import Doing, Frames, Showing
from .registry import command

__all__ = ["sensitivity"]


class Of(StrEnum):
    """What ``--of`` may be."""

    both = "both"
    weights = "weights"
    activations = "activations"


@command(rank=140, epilog="Example: `fewbit sensitivity examples/digits/float32.onnx --bits 4,2,1`")
def sensitivity(
    *, model: FloatModel, images: LabelledImages = None, calibration: Calibration = None,
    bits: Annotated[str, typer.Option("--bits", help="Bits that each layer gets.")] = defaults.TRIED_BITS,
    others: Annotated[
        int, typer.Option("--others", min=1, max=8, help="Bits of the others, and what saves.")
    ] = defaults.OTHER_BITS,
    of: Annotated[Of, typer.Option("--of", help="What of the layer gets these bits.")] = Of.both,
    method: QuantizationMethod, sums: Sums = defaults.SUM_BITS, cycles: Cycles = None,
    input_spec: FloatInput = None, frames: Frames = None, doing: Doing, showing: Showing,
):  # fmt: skip
    """Quantize one layer at a time: accuracy lost against bits and LUTs saved."""
    from fewbit.flow.quantizing import sensitivity as layers

    report, options = showing.reporter(), method.options(sums)
    work = doing.workers(report, keeps=True)
    project = float_project(model, input_spec, calibration, images, frames, report)
    with work as workers:
        found = layers.sensitivity(
            project, options, report, bits=bits, others=others, of=of.value, cycles=cycles, workers=workers
        )
    report.show(found, _table)


def _table(report, r):
    """Print the first and the last layer, and those between."""
    others = r.others
    heads = ["layer", "bits", "format", "lost alone", f"at {others.bits} bits", "noise", "bits saved", "LUTs saved",
             "DSPs saved"]  # fmt: skip
    parts = {"first and last layer": ("first", "last"), "between": ("between",)}
    if report.as_csv:  # a program takes one table
        parts = {"all layers": ("first", "between", "last")}
    for title, places in parts.items():
        rows = [
            (row.layer, row.bits, row.format, f"{row.lost_alone:.2f} %", f"{row.lost_among:.2f} %",
             f"{row.alone.noise:.2e}", f"{row.weight_bits_saved:,}", f"{row.luts_saved:,}", row.dsps_saved)
            for row in r.rows if row.place in places
        ]  # fmt: skip
        if rows:
            report.line(f"{title}:")
            report.table(heads, rows, least=("noise", "DSPs saved", "bits saved"))
    report.line(
        f"lost: accuracy in percentage points, alone with the others float, and with them at {others.bits} bits; "
        f"float32 has {100 * r.floats.accuracy:.2f} %, all layers at {others.bits} bits "
        f"{100 * others.accuracy:.2f} % of {r.images.samples} samples"
    )
    report.line(
        f"saved: bits of weights, and about how many LUTs, against all layers at {others.bits} bits, with "
        f"{others.weight_bits:,} bits of weights, about "
        f"{others.luts:,} LUTs and {others.dsps} DSPs at {r.cycles:,} cycles a frame, in the same PE and SIMD"
    )
