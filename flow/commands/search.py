"""``fewbit search``: formats of each layer within a budget, and the Pareto set."""

from pathlib import Path
from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults

from .float_options import (
    Calibration,
    Cycles,
    FloatInput,
    FloatModel,
    LabelledImages,
    QuantizationMethod,
    Retrain,
    Steps,
    Sums,
    float_project,
)
from .kinds import BITS, FOLDER, LUTS, POINTS
from .options import Doing, Frames, Json
from .registry import command
from .report import Reporter

__all__ = ["search"]


@command(rank=150, epilog="Example: `fewbit search examples/digits/float32.onnx --max-drop 1`")
def search(
    *, model: FloatModel, images: LabelledImages = None, calibration: Calibration = None,
    budget_luts: Annotated[int | None, typer.Option("--budget-luts", **LUTS, help="LUTs by the estimate.")] = None,
    budget_bits: Annotated[int | None, typer.Option("--budget-bits", **BITS, help="Bits that weights take.")] = None,
    max_drop: Annotated[float | None, typer.Option("--max-drop", **POINTS, help="Points of accuracy to lose.")] = None,
    formats: Annotated[
        str, typer.Option("--formats", help="What a layer may have, bits of weights and activations.")
    ] = defaults.FORMATS,
    method: QuantizationMethod, sums: Sums = defaults.SUM_BITS, cycles: Cycles = None,
    retrain: Retrain = False, steps: Steps = defaults.STEPS,
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/search/<model>`.")
    ] = None,
    input_spec: FloatInput = None, frames: Frames = None, doing: Doing, json: Json = False,
):  # fmt: skip
    """Find formats for each layer within a budget, and the Pareto set of accuracy and cost."""
    needs("search", *(["train"] if retrain else []))
    from fewbit.flow.quantizing.goal import Goal
    from fewbit.flow.quantizing.search import search_formats

    report, options = Reporter(json), method.options(sums)
    work = doing.workers(report)
    project = float_project(model, input_spec, calibration, images, frames, report)
    goal = Goal(luts=budget_luts, bits=budget_bits, drop=max_drop)
    with work as workers:
        found = search_formats(project, options, goal, report, formats=formats, cycles=cycles, directory=directory,
                               steps=steps if retrain else None, workers=workers)  # fmt: skip
    report.show(found, _table)


def _table(report, r):
    layers = list(r.pareto[0].formats)
    rows = [
        (point.file.rpartition("/")[2] + (" best" if point == r.best else ""), *point.formats.values(),
         f"{100 * point.golden_accuracy:.2f} %", f"{point.luts:,}", point.dsps, point.bram18,
         f"{point.weight_bits:,}", point.by)
        for point in r.pareto
    ]  # fmt: skip
    heads = ["file", *layers, "accuracy", "LUTs, about", "DSPs", "BRAM18", "weight bits", "found by"]
    report.wide_table(heads, rows)
    report.line(
        f"{len(r.pareto)} of {r.evaluated} evaluated assignments are in the Pareto set; float32 has "
        f"{100 * r.floats.accuracy:.2f} % of {r.images.samples} samples"
    )
    report.line(f"LUTs are estimated at {r.cycles:,} cycles a frame; PE and SIMD are the same in all")
    if r.best:
        report.line(f"best within the limits: {r.best.file}, also best.onnx")
    report.line(f"models, folding.json, search.json and pareto.svg: {r.directory}")
