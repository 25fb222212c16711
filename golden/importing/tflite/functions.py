"""Import of TensorFlow Lite's functions of one code, and of what turns floats into codes and back."""

from collections.abc import Callable

import numpy as np

from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.elementwise import Dequantize

from .kernels import (
    hard_swish,
    logistic_of_words,
    looked_up,
    multiplied,
    quantized_multiplier,
    rounded,
    tanh_of_words,
)
from .operands import add_codes, format_of, kernel

_ONE = np.float32(1)


def _of_one_code(importer, operands, out, function, *, monotone=True):
    """Return the data behind ``function(codes, scale, zero, out_scale, out_zero)``, clipped to the codes of ``out``."""
    x, fmt = operands[0], format_of(out)

    def codes(values):
        return np.clip(function(values, *x.tensor.quantization, *out.quantization), fmt.lo, fmt.hi)

    return [add_codes(importer, x.data, codes, out, shared=True, monotone=monotone)]


def _rescaled(codes, scale, zero, out_scale, out_zero):
    return multiplied(codes - zero, *quantized_multiplier(float(scale) / float(out_scale))) + out_zero


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


@kernel("RELU", "RELU6", "RELU_N1_TO_1")
def relu(importer, node, operands, outputs):
    """Import ``RELU``, ``RELU6`` and ``RELU_N1_TO_1``."""
    lo, hi = {"RELU": (0, None), "RELU6": (0, 6), "RELU_N1_TO_1": (-1, 1)}[node.name]

    def function(codes, scale, zero, out_scale, out_zero):
        least, most = (None if v is None else int(rounded(np.float32(v) / out_scale)) + out_zero for v in (lo, hi))
        return np.clip(_rescaled(codes, scale, zero, out_scale, out_zero), least, most)

    return _of_one_code(importer, operands, outputs[0], function)


@kernel("LEAKY_RELU")
def leaky_relu(importer, node, operands, outputs):
    """Import ``LEAKY_RELU``: a multiplier for codes from the zero point on, and another one below."""
    alpha = np.float32(node.option("Alpha", 0.2))

    def function(codes, scale, zero, out_scale, out_zero):
        real = float(scale) * float(alpha) / float(out_scale)
        multiplier, exponent = quantized_multiplier(abs(real))
        below = multiplied(codes - zero, multiplier if real >= 0 else -multiplier, exponent) + out_zero
        return np.where(codes >= zero, _rescaled(codes, scale, zero, out_scale, out_zero), below)

    return _of_one_code(importer, operands, outputs[0], function, monotone=bool(alpha >= 0))


@kernel("LOGISTIC", "TANH")
def table(importer, node, operands, outputs):
    """Import ``LOGISTIC`` and ``TANH``: a table of float32 results for int8, fixed point between entries for int16."""
    functions: dict[str, Callable]
    if operands[0].tensor.type == "INT8":
        functions = {"LOGISTIC": lambda x: _ONE / (_ONE + np.exp(-x)), "TANH": np.tanh}

        def function(codes, *quantizations):
            return looked_up(functions[node.name], codes, *quantizations)

    elif operands[0].tensor.type == "INT16":
        functions = {"LOGISTIC": logistic_of_words, "TANH": tanh_of_words}
        if outputs[0].quantization != (np.float32(1 / 32768), 0):
            raise ModelError(f"{node.name} of int16 is supported to the scale 1/32768 and zero point 0")

        def function(codes, scale, zero, out_scale, out_zero):
            return functions[node.name](codes, scale)

    else:
        raise ModelError(f"{node.name} is supported for codes of int8 and int16, not of {operands[0].tensor.type}")
    return _of_one_code(importer, operands, outputs[0], function)


@kernel("HARD_SWISH")
def swish(importer, node, operands, outputs):
    """Import ``HARD_SWISH``, which falls and rises."""
    if operands[0].tensor.type != "INT8":
        raise ModelError(f"HARD_SWISH is supported for codes of int8, not of {operands[0].tensor.type}")
    return _of_one_code(importer, operands, outputs[0], hard_swish, monotone=False)
