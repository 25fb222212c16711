"""``fewbit search``: formats of each layer within a budget, and the Pareto set."""

from itertools import groupby
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
from .options import Doing, Frames, Showing
from .registry import command

__all__ = ["search"]


@command(rank=150, epilog="Example: `fewbit search examples/digits/float32.onnx --max-drop 1`")
def search(
    *, model: FloatModel, images: LabelledImages = None, calibration: Calibration = None,
    test: Annotated[
        Path | None,
        typer.Option("--test", help="Samples with `label` to score on, which nothing is chosen by; by default half of "
                     "those of `--images`, and the other half chooses."),
    ] = None,
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
    input_spec: FloatInput = None, frames: Frames = None, doing: Doing, showing: Showing,
):  # fmt: skip
    """Find formats for each layer within a budget, and the Pareto set of accuracy and cost."""
    needs("search", *(["train"] if retrain else []))
    from fewbit.flow.quantizing.goal import Goal
    from fewbit.flow.quantizing.search import search_formats

    report, options = showing.reporter(), method.options(sums)
    work = doing.workers(report, keeps=True)
    project = float_project(model, input_spec, calibration, images, frames, report, holding_out=True, test=test)
    goal = Goal(luts=budget_luts, bits=budget_bits, drop=max_drop)
    with work as workers:
        found = search_formats(project, options, goal, report, formats=formats, cycles=cycles, directory=directory,
                               steps=steps if retrain else None, workers=workers)  # fmt: skip
    report.show(found, _table)


def _table(report, r):
    rows = [
        (point.file.rpartition("/")[2] + (" best" if point == r.best else ""), " ".join(_runs(point.formats.values())),
         f"{100 * point.test.accuracy:.2f} %", _interval(point.test.interval, 100),
         f"{point.test.lost:.2f}", _interval(point.test.lost_interval), f"{point.luts:,}", point.dsps, point.bram18,
         f"{point.weight_bits:,}", point.by)
        for point in r.pareto
    ]  # fmt: skip
    heads = ["file", "formats", "accuracy", "95 %", "lost", "95 % lost", "LUTs, about", "DSPs", "BRAM18", "weight bits",
             "found by"]  # fmt: skip
    report.table(heads, rows, least=("found by", "BRAM18", "DSPs", "95 % lost", "weight bits"))
    report.line(f"formats of {', '.join(_runs(r.pareto[0].formats))}")
    report.line(
        f"{len(r.pareto)} of {r.evaluated} evaluated assignments are in the Pareto set, chosen by {r.images.samples} "
        f"samples; accuracy is that of {r.test.samples} others of {r.test.source}, by which nothing was chosen"
    )
    report.line(
        f"float32 has {100 * r.floats_test.accuracy:.2f} % of them, {_interval(r.floats_test.interval, 100)}: within "
        "that the accuracy of all such samples is, with a confidence of 95 %"
    )
    report.line(f"LUTs are estimated at {r.cycles:,} cycles a frame; PE and SIMD are the same in all")
    if r.best:
        report.line(
            f"best within the limits: {r.best.file}, also best.onnx; it loses {r.best.test.lost:.2f} points, with that "
            f"confidence {_interval(r.best.test.lost_interval)}"
        )
    report.line(f"models, folding.json, search.json and pareto.svg: {r.directory}")


def _runs(texts):
    """Return texts in their order, each with its number where it stands several times in a row."""
    counted = [(text, len(list(same))) for text, same in groupby(texts)]
    return [text if count == 1 else f"{count}x{text}" for text, count in counted]


def _interval(ends, times=1):
    return " to ".join(f"{times * end:.1f}" for end in ends)
