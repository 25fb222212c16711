"""Post-training quantization turns the bits of each layer into quantizers, and corrects biases."""

from dataclasses import dataclass

from fewbit.golden.methods import ranges
from fewbit.golden.numbers.formats import Bipolar, IntegerFormat, Signed, Unsigned

from .calibrate import Calibration
from .correction import Progress, correct_biases
from .emit import QuantizationPlan, TensorQuantizer
from .graph import FloatModel

__all__ = ["Bits", "Options", "format_of", "quantize"]


@dataclass(frozen=True)
class Bits:
    """Bits of a layer's weights, and of the activations that it reads.

    None leaves them as they are: floats, or the declared integers of the input.
    """

    weights: int | None = None
    activations: int | None = None

    def __str__(self) -> str:
        return f"w{self.weights or '–'}a{self.activations or '–'}"


@dataclass(frozen=True)
class Options:
    """How ranges are chosen, and what else is done to a model.

    Parameters
    ----------
    activations, weights : str
        One of `golden.methods.ranges.METHODS`.
    percent : float
        The share of values within the range, of `golden.methods.ranges.percentile`.
    per_channel : bool
        Whether every output has a scale of its own. The last layer has one for all, so that its sums compare as they
        are.
    correct : bool
        Whether biases make up for the shift of the mean (`quantize`).
    sums : int
        Bits of activations that go into a sum of branches and into no layer, once every layer is quantized.
    """

    activations: str = "mse"
    weights: str = "mse"
    percent: float = 99.9
    per_channel: bool = True
    correct: bool = True
    sums: int = 8

    def of(self, method: str) -> dict[str, float]:
        """Return the keyword arguments of a method of `golden.methods.ranges`."""
        return {"percent": self.percent} if method == "percentile" else {}


def format_of(bits: int, signed: bool) -> IntegerFormat:
    """Return the format of ``bits`` bits; a signed one is narrow, which is without the lowest code.

    One bit stands for -1 and 1 if signed, else for 0 and 1.
    """
    if bits == 1:
        return Bipolar() if signed else Unsigned(1)
    return Signed(bits, narrow=True) if signed else Unsigned(bits)


def quantize(
    model: FloatModel, calibration: Calibration, bits: dict[str, Bits], options: Options,
    progress: Progress | None = None,
) -> QuantizationPlan:  # fmt: skip
    """Return the `ptq.emit.QuantizationPlan` of a model.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    calibration : ptq.calibrate.Calibration
    bits : dict of Bits
        By the name of the layer; a layer that is not in it stays float.
    options : Options
    progress : callable or None
        It is told how many layers' biases are corrected.

    A bias is corrected for the mean of the error that quantization makes (Nagel and others 2019, "Data-Free
    Quantization Through Weight Equalization and Bias Correction", 4.2, in its empirical form): ``b - (E[y_q] - E[y])``
    over the samples for each output, layer after layer, each with all quantizers in front of it.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the quantized model, whose means correct the biases.
    """
    plan = QuantizationPlan()
    last = model.layers[-1]
    for layer in model.layers:
        wanted = bits.get(layer.name, Bits()).weights
        if wanted is not None:
            whole = layer is last or not options.per_channel
            plan.weights[layer.name] = _weights(layer, format_of(wanted, signed=True), whole, options)
    for site in calibration.sites:
        wanted = _bits_of(site, bits, options if len(plan.weights) == len(model.layers) else None)
        if wanted is not None:
            values = calibration.values[site.tensors[0]]
            fmt = format_of(wanted, signed=bool((values < 0).any()))
            scale = ranges.step(values, fmt, options.activations, **options.of(options.activations))
            plan.activations |= dict.fromkeys(site.tensors, TensorQuantizer(fmt, scale, options.activations))
    if options.correct:
        correct_biases(model, calibration, plan, progress)
    return plan


def _bits_of(site, bits, options):
    """Return the bits of a site: the most that a layer wants, those of sums, or None."""
    wanted = [n for name in site.layers if name in bits and (n := bits[name].activations) is not None]
    if wanted:
        return max(wanted)
    return options.sums if options and site.sums and not site.raw else None


def _weights(layer, fmt, whole, options):
    """Return the quantizer of a layer's weights, of one scale for the ``whole`` layer or one for every output."""
    rows = layer.rows.reshape(1, -1) if whole else layer.rows
    scale = ranges.step(rows, fmt, options.weights, **options.of(options.weights))
    return TensorQuantizer(fmt, scale[0] if whole else layer.spread(scale), options.weights)
