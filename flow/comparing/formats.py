"""Formats that a comparison has beside those that a model is in: by name, and trained briefly in them."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fewbit.flow.quantizing.bits import Request, bits_of
from fewbit.flow.quantizing.float_model import FloatProject
from fewbit.flow.quantizing.retrain import Retraining
from fewbit.flow.reporting import Report
from fewbit.golden.model_file.file import ModelError, ModelSource
from fewbit.ptq.quantize import Options, quantize

from .requantize import FORMATS

__all__ = ["QUICK", "bits_of_formats", "retrained"]

QUICK = ("w4a4", "w1a1")
"""Formats of a quick comparison, unless others are asked for."""
_NAME = re.compile(r"w([1-8])a([1-8])")


def bits_of_formats(names: Sequence[str] | None, *, known: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return bits of weights and activations by the names of formats.

    ``known`` are names of rows that are no formats, which are left out; None stands for `requantize.FORMATS`.

    Raises
    ------
    golden.model_file.file.ModelError
        If one is no format.
    """
    if names is None:
        return dict(FORMATS)
    found = {}
    for name in names:
        match = _NAME.fullmatch(name)
        if name in FORMATS:
            found[name] = FORMATS[name]
        elif match:
            found[name] = int(match[1]), int(match[2])
        elif name not in known:
            raise ModelError(
                f"a format is ternary, or bits of weights and activations from 1 to 8, as w4a4, not {name[:40]!r}"
            )
    return found


def retrained(
    model: ModelSource, formats: Mapping[str, tuple[int, int]], epochs: int, calibration: Path | str | None,
    images: Path | str | None, input_spec: str | None, report: Report,
) -> dict[str, bytes]:  # fmt: skip
    """Return a float model as QONNX in each format, trained briefly in it.

    Parameters
    ----------
    model : golden.model_file.file.ModelSource
    formats : dict of (int, int)
        Bits of weights and activations, by name.
    epochs : int
        How often each sample of ``calibration`` is seen, on the average.
    calibration, images : path or None
        Labelled samples to train on, and others to measure on.
    input_spec : str or None
        As `flow.quantizing.float_model.FloatProject` takes it.
    report : flow.reporting.Report

    Raises
    ------
    golden.model_file.file.ModelError
        If the model is not one of floats, or cannot be quantized.
    flow.images.ImageError
        If there is nothing to train on.
    """
    from fewbit.train.tune import BATCH

    with report.working("calibrating"):
        project = FloatProject(model.path, input_spec=input_spec, calibration=calibration, images=images)
    steps = max(1, math.ceil(epochs * len(project.samples) / BATCH))
    retraining, options, found = Retraining(project, steps), Options(), {}
    for name, (weights, activations) in formats.items():
        bits = bits_of(project.model, project.sites, Request(weights=weights, activations=activations))
        with report.counting(f"{name}: training", steps) as progress:
            plan = retraining.train(quantize(project.model, project.calibration, bits, options), progress)
        found[name] = project.qonnx(plan)[0]
    return found
