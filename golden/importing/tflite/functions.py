"""Import of TensorFlow Lite's functions of one code, and of what turns floats into codes and back."""

import math
from functools import partial

import numpy as np

from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.elementwise import Dequantize

from .kernels import (
    hard_swish,
    looked_up,
    multiplied,
    quantized_multiplier,
    rounded,
)
from .operands import add_codes, format_of, kernel
from .sixteen_bits import LARGEST_SCALE, logistic16, tanh16

_ONE, _HALF = np.float32(1), np.float32(0.5)


def _of_one_code(importer, operands, out, function, *, monotone=True):
    """Return the data behind ``function(codes, scale, zero, out_scale, out_zero)``, clipped to the codes of ``out``."""
    x, fmt = operands[0], format_of(out)

    def codes(values):
        return np.clip(function(values, *x.tensor.quantization, *out.quantization), fmt.lo, fmt.hi)

    return [add_codes(importer, x.data, codes, out, shared=True, monotone=monotone)]


def _rescaled(codes, scale, zero, out_scale, out_zero):
    return multiplied(codes - zero, *quantized_multiplier(float(scale) / float(out_scale))) + out_zero


def _rescaled_in_float32(codes, scale, zero, out_scale, out_zero):
    """Return what `_rescaled` does with the quotient of the scales in float32, as activation functions compute it."""
    return multiplied(codes - zero, *quantized_multiplier(float(scale / out_scale))) + out_zero


@kernel("QUANTIZE")
def quantize(importer, node, operands, outputs):
    """Import ``QUANTIZE``: of the model's float input on the host, or of codes of another scale."""
    if operands[0].tensor.type == "FLOAT32":
        return [_on_the_host(importer, operands[0], outputs[0])]
    return _of_one_code(importer, operands, outputs[0], _rescaled)


def _on_the_host(importer, x, out):
    """Return the codes of the model's float input, which the host makes."""
    given = importer.input_on(x.data.edge)
    if given is None or given.format is not None:
        raise ModelError("only the model's input may be of floats; convert the model with full integer quantization")
    (scale, zero), fmt = out.quantization, format_of(out)

    def encode(floats):
        floats = np.asarray(floats, dtype=np.float32)
        if not np.isfinite(floats).all():
            raise ValueError("Input must not hold NaN or infinite values")
        return np.clip(rounded(floats / scale) + zero, fmt.lo, fmt.hi)

    importer.set_input(given, format=fmt, encode=encode)
    return Data(given.edge, x.data.index)


@kernel("DEQUANTIZE")
def dequantize(importer, node, operands, outputs):
    """Import ``DEQUANTIZE`` at the end of a model: ``scale * (code - zero)``, which the host computes in float32."""
    scale, zero = operands[0].tensor.quantization
    ends = Dequantize(np.array([float(scale)]), np.array([float(zero)]))
    return [operands[0].data.then(ends)]


@kernel("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1")
def relu(importer, node, operands, outputs):
    """Import ``RELU``, ``RELU6``, ``RELU_N1_TO_1`` and ``RELU_0_TO_1``."""
    bounds = {"RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1), "RELU_0_TO_1": (0, 1)}
    lo, hi = bounds[node.name]

    def function(codes, scale, zero, out_scale, out_zero):
        least, most = (None if v is None else int(rounded(np.float32(v) / out_scale)) + out_zero for v in (lo, hi))
        return np.clip(_rescaled_in_float32(codes, scale, zero, out_scale, out_zero), least, most)

    return _of_one_code(importer, operands, outputs[0], function)


@kernel("LEAKY_RELU")
def leaky_relu(importer, node, operands, outputs):
    """Import ``LEAKY_RELU``: a multiplier for codes from the zero point on, and another one below."""
    alpha = np.float32(node.option("Alpha", 0.2))

    def function(codes, scale, zero, out_scale, out_zero):
        real = float(scale * alpha / out_scale)
        multiplier, exponent = quantized_multiplier(abs(real))
        below = multiplied(codes - zero, multiplier if real >= 0 else -multiplier, exponent) + out_zero
        return np.where(codes >= zero, _rescaled_in_float32(codes, scale, zero, out_scale, out_zero), below)

    return _of_one_code(importer, operands, outputs[0], function, monotone=bool(alpha >= 0))


@kernel("PRELU")
def prelu(importer, node, operands, outputs):
    """Import ``PRELU``: a multiplier for codes from the zero point on, and below one times the channel's own slope."""
    x, alpha, out = operands[0], operands[1], outputs[0]
    (scale, zero), (slope_scale, slope_zero), (out_scale, out_zero) = (
        t.quantization for t in (x.tensor, alpha.tensor, out)
    )
    data, slopes = x.data, alpha.constant.astype(np.int64) - slope_zero
    data, slopes = by_channel(importer, data, np.broadcast_to(slopes, (1, *data.shape[1:])), dtype=np.int64)
    fmt, above = format_of(out), quantized_multiplier(float(scale / out_scale))
    below = quantized_multiplier(float(scale * slope_scale / out_scale))

    def function(codes):
        y = np.where(codes >= zero, multiplied(codes - zero, *above), multiplied((codes - zero) * slopes, *below))
        return np.clip(y + out_zero, fmt.lo, fmt.hi)

    return [add_codes(importer, data, function, out, shared=len(slopes) == 1, monotone=bool((slopes >= 0).all()))]


@kernel("ABS")
def absolute(importer, node, operands, outputs):
    """Import ``ABS`` of int8 and int16: the distance from the zero point, in the scale of the output."""

    def function(codes, scale, zero, out_scale, out_zero):
        return _rescaled_in_float32(abs(codes - zero), scale, 0, out_scale, out_zero)

    return _of_one_code(importer, operands, outputs[0], function, monotone=False)


@kernel("ELU", "EXP", "GELU", "LOG")
def of_floats(importer, node, operands, outputs):
    """Import ``ELU``, ``EXP``, ``GELU`` and ``LOG`` of int8, which kernels keep as a table of float32 results."""
    if operands[0].tensor.type != "INT8":
        raise ModelError(f"{node.name} is supported for codes of int8, not of {operands[0].tensor.type}")
    functions = {
        "ELU": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
        "EXP": np.exp,
        "LOG": _log,
        "GELU": _gelu_of_tanh if node.option("Approximate", False) else _gelu_of_erf,
    }

    def function(codes, *quantizations):
        return looked_up(functions[node.name], codes, *quantizations)

    return _of_one_code(importer, operands, outputs[0], function, monotone=node.name != "GELU")


def _log(x):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(x > 0, np.log(x), np.float32(-1e9))  # the kernel has the smallest code where there is no result


def _gelu_of_erf(x):
    return (
        x * _HALF * np.array([math.erfc(-v * math.sqrt(0.5)) for v in x.reshape(-1)], dtype=np.float32).reshape(x.shape)
    )


def _gelu_of_tanh(x):
    cubic = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    return _HALF * x * (_ONE + np.tanh(cubic))


@kernel("LOGISTIC", "TANH")
def table(importer, node, operands, outputs):
    """Import ``LOGISTIC`` and ``TANH``: a table of float32 results for int8, fixed point between entries for int16."""
    kind, quantization = operands[0].tensor.type, outputs[0].quantization
    if kind not in ("INT8", "INT16"):
        raise ModelError(f"{node.name} is supported for codes of int8 and int16, not of {kind}")
    if kind == "INT8":
        floats = {"LOGISTIC": lambda x: _ONE / (_ONE + np.exp(-x)), "TANH": np.tanh}[node.name]
        return _of_one_code(importer, operands, outputs[0], partial(looked_up, floats))
    if quantization != (np.float32(1 / 32768), 0):
        raise ModelError(f"{node.name} of int16 is supported to the scale 1/32768 and zero point 0")
    if operands[0].tensor.quantization[0] > LARGEST_SCALE:
        raise ModelError(f"{node.name} of int16 is not defined for scales above {LARGEST_SCALE:.3g}: 32 bits overflow")
    fixed = {"LOGISTIC": logistic16, "TANH": tanh16}[node.name]
    return _of_one_code(importer, operands, outputs[0], lambda codes, scale, *_: fixed(codes, scale))


@kernel("HARD_SWISH")
def swish(importer, node, operands, outputs):
    """Import ``HARD_SWISH``, which falls and rises."""
    if operands[0].tensor.type != "INT8":
        raise ModelError(f"HARD_SWISH is supported for codes of int8, not of {operands[0].tensor.type}")
    return _of_one_code(importer, operands, outputs[0], hard_swish, monotone=False)
