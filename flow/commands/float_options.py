"""Options that the commands around post-training quantization share, and what they are made into."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.flow import defaults

from .kinds import CYCLES, FILE, PERCENT, STEPS
from .options import DECLARATION
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.quantizing.float_model import FloatProject
    from fewbit.ptq.quantize import Options

__all__ = [
    "Calibration", "Cycles", "FloatInput", "FloatModel", "LabelledImages", "QuantizationMethod", "QuantizedFile",
    "Retrain", "Steps", "Sums", "float_project",
]  # fmt: skip

FloatModel = Annotated[Path, typer.Argument(metavar="FLOAT.onnx", help="A trained float model.")]
FloatInput = Annotated[str | None, typer.Option("--input", help=DECLARATION)]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", help="Samples that ranges and biases are chosen from: .npz with `x`; or `mnist`."),
]
LabelledImages = Annotated[
    Path | None, typer.Option("--images", help="Samples with `label` that accuracy is measured on; or `mnist`.")
]
QuantizedFile = Annotated[
    Path | None, typer.Option("-o", "--output-file", **FILE, help="Default in `build/quantized/`.")
]
Sums = Annotated[int, typer.Option("--sums", min=1, max=8, help="Bits of branches that a sum joins.")]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="Train briefly in the chosen formats, on the samples of `--calibration`.")
]
Steps = Annotated[int, typer.Option("--steps", **STEPS, help="Of retraining.")]
Cycles = Annotated[
    int | None,
    typer.Option("--cycles", **CYCLES, help="Cycles a frame that LUTs are estimated at; default as `build`."),
]


class RangeRule(StrEnum):
    """What ``--range`` may be."""

    minmax = "minmax"
    percentile = "percentile"
    mse = "mse"
    kl = "kl"


@dataclass(frozen=True, kw_only=True)
class QuantizationMethod:
    """The options that say how ranges, scales and biases are chosen."""

    ranges: Annotated[RangeRule, typer.Option("--range", help="How far activations reach.")] = RangeRule(defaults.RANGE)
    weight_ranges: Annotated[RangeRule, typer.Option("--weight-range", help="How far weights reach.")] = RangeRule(
        defaults.RANGE
    )
    percent: Annotated[float, typer.Option("--percent", **PERCENT, help="Of the range `percentile`.")] = (
        defaults.PERCENT
    )
    per_channel: Annotated[
        bool, typer.Option("--per-channel/--per-tensor", help="Scales of weights; the last layer always has one.")
    ] = True
    correct: Annotated[
        bool, typer.Option("--bias-correction/--no-bias-correction", help="Biases make up for the shift of the mean.")
    ] = True

    def options(self, sums: int) -> "Options":
        """Return these options with ``sums`` bits for branches that a sum joins."""
        from fewbit.ptq.quantize import Options

        return Options(
            activations=self.ranges.value, weights=self.weight_ranges.value, percent=self.percent,
            per_channel=self.per_channel, correct=self.correct, sums=sums,
        )  # fmt: skip


def float_project(
    model: Path,
    input_spec: str | None,
    calibration: Path | None,
    images: Path | None,
    frames: int | None,
    report: Reporter,
    *,
    holding_out: bool = False,
    test: Path | None = None,
) -> "FloatProject":
    """Return a float model with its samples, calibrated; some are held out as `FloatProject` does it.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be read.
    flow.images.ImageError
        If there are no samples, or they do not fit it.
    """
    from fewbit.flow.quantizing.float_model import calibrated

    return calibrated(model, report, input_spec=input_spec, calibration=calibration, images=images, frames=frames,
                      holding_out=holding_out, test=test)  # fmt: skip
