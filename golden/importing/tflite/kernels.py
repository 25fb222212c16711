"""The integer arithmetic of TensorFlow Lite's reference kernels, value by value.

A kernel goes from integers of one scale to those of another by a *quantized multiplier*: ``M`` of 31 bits and a power
of two (Jacob and others 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference"). All functions take and return int64 arrays and are checked, value by value, against the interpreter
(``tests/golden/importing/tflite``).
"""

import math

import numpy as np

__all__ = ["BY_DEFAULT", "SUM_BITS", "average", "hard_swish", "looked_up", "mean_multiplier", "multiplied",
           "multiplied_wide", "power_of_two", "product", "product_multiplier", "quantized_multiplier",
           "reduced_multiplier", "rounded", "scaled_product", "softmax", "total", "total_multipliers"]  # fmt: skip

SUM_BITS = {8: 20, 16: 15}
"""By how many bits both operands of a sum are made finer, by the bits of their codes."""

BY_DEFAULT = ("ELU", "SUM")
"""Operators that are those of the kernels that the interpreter takes by default: the first has no reference kernel, and
that of the second does not give the sums."""

_INT16 = -(1 << 15), (1 << 15) - 1


def quantized_multiplier(real):
    """Return ``(M, exponent)`` with ``real ~ M * 2**(exponent - 31)`` and M from ``2**30`` to ``2**31 - 1``.

    A number next to nothing gives ``(0, 0)``.

    Parameters
    ----------
    real : float
        A double, not negative.
    """
    if real == 0:
        return 0, 0
    fraction, exponent = math.frexp(real)
    fixed = math.floor(fraction * (1 << 31) + 0.5)
    if fixed == 1 << 31:
        fixed, exponent = fixed >> 1, exponent + 1
    return (0, 0) if exponent < -31 else (fixed, exponent)


def multiplied(x, multiplier, exponent):
    """Return ``x * multiplier * 2**(exponent - 31)``, rounded twice as ``MultiplyByQuantizedMultiplier`` of int32 does.

    The high half of the doubled product is rounded half up, then shifted right and rounded half away from zero.
    """
    x, multiplier, exponent = (np.asarray(v, dtype=np.int64) for v in (x, multiplier, exponent))
    left, right = np.maximum(exponent, 0), np.maximum(-exponent, 0)
    return _divided((((x << left) * multiplier) + (1 << 30)) >> 31, right)


def multiplied_wide(x, multiplier, exponent):
    """Return what `multiplied` does, for sums of 64 bits, which activations of 16 bits have.

    The multiplier has 16 bits, and the product is rounded once, half up.
    """
    reduced, shift = reduced_multiplier(multiplier, exponent)
    return (np.asarray(x, dtype=np.int64) * reduced + (np.int64(1) << (shift - 1))) >> shift


def reduced_multiplier(multiplier, exponent):
    """Return the 16 bits that `multiplied_wide` takes of a quantized multiplier, and by how many bits it shifts."""
    multiplier, exponent = (np.asarray(v, dtype=np.int64) for v in (multiplier, exponent))
    return np.where(multiplier < 0x7FFF0000, (multiplier + (1 << 15)) >> 16, 0x7FFF), 15 - exponent


def _divided(x, exponent):
    """Return ``x / 2**exponent``, rounded half away from zero (``RoundingDivideByPOT``)."""
    mask = (np.int64(1) << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def rounded(x):
    """Return floats rounded half away from zero, as C's ``round``."""
    x = np.asarray(x)
    whole = np.trunc(x)
    return (whole + np.sign(x) * (np.abs(x - whole) >= 0.5)).astype(np.int64)


def mean_multiplier(real, count):
    """Return the quantized multiplier, for `multiplied`, of a mean of ``count`` values.

    ``real`` is the ratio of the scales of values and mean. ``M`` is divided by the count, with as many more bits as
    there is room for.
    """
    multiplier, exponent = quantized_multiplier(real)
    more = min(count.bit_length() - 1, 32, 31 + exponent)
    return (multiplier << more) // count, exponent - more


def average(total, count):
    """Return ``total / count``, rounded half away from zero, as the average pool does."""
    return np.where(total > 0, (total + count // 2) // count, -((-total + count // 2) // count))


def looked_up(function, codes, scale, zero, out_scale, out_zero):
    """Return ``function`` of the floats that ``codes`` stand for, all in float32: what kernels keep as a table.

    Returns
    -------
    int64 values, not yet clipped to those of a code.
    """
    x = np.float32(scale) * (np.asarray(codes) - zero).astype(np.float32)
    with np.errstate(over="ignore"):
        y = function(x.astype(np.float32)).astype(np.float32)
    return rounded(y * (np.float32(1) / np.float32(out_scale))) + out_zero


def hard_swish(codes, scale, zero, out_scale, out_zero):
    """Return ``x * relu6(x + 3) / 6`` in the kernel's 16-bit fixed point; int64 values, not yet clipped."""
    multiplier, exponent = _multiplier16(float(np.float32(1 / 128) * np.float32(scale) / np.float32(out_scale)))
    gate, gate_exponent = _multiplier16(float(np.float32(1 / 128) * np.float32(scale) / np.float32(3 / 32768)))
    x = (np.asarray(codes, dtype=np.int64) - zero) << 7
    y = _high16(x, multiplier)
    if gate_exponent > 0:
        x = np.clip(x << (gate_exponent - 1), *_INT16)
    x = _high16(x, gate)
    if gate_exponent > 0:
        x = np.clip(x << 1, *_INT16)
    x = _divided(x, max(0, -gate_exponent))
    x = (x + (1 << 15)) >> 1
    product = x * y
    y = np.sign(product) * (np.abs(product) >> 15)  # a division that drops its remainder
    return _divided(y, max(0, -exponent)) + out_zero


def _multiplier16(real):
    """Return a quantized multiplier of 16 bits."""
    multiplier, exponent = quantized_multiplier(real)
    return (0x7FFF if multiplier >= (1 << 31) - 1 - (1 << 15) else (multiplier + (1 << 15)) >> 16), exponent


def _high16(a, b):
    """Return the high half of the doubled product of 16-bit numbers, as ``SaturatingRoundingDoublingHighMul``."""
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return np.clip(np.sign(nudged) * (np.abs(nudged) >> 15), *_INT16)


def softmax(codes, beta, scale, *, out_least=-128):
    """Return the softmax over the last axis of int8 codes, at the output scale 1/256, in gemmlowp's fixed point.

    Parameters
    ----------
    codes : int64 array ``(..., C)``
    beta, scale : float
        The operator's factor, and the scale of the codes; their product becomes a multiplier.
    out_least : int
        The code of probability 0.

    Returns
    -------
    int64 codes ``(..., C)``.
    """
    multiplier, exponent = quantized_multiplier(min(float(beta) * float(scale) * (1 << 26), (1 << 31) - 1.0))
    least = -int(math.floor(31.0 * (1 << 26) / (1 << exponent)))
    codes = np.asarray(codes, dtype=np.int64)
    below = codes - codes.max(axis=-1, keepdims=True)
    counted = below >= least
    scaled = _high32(np.where(counted, below, 0) << exponent, multiplier)
    powers = np.where(counted, _exponential(scaled), 0)  # 0 integer bits
    total = _divided(powers, 12).sum(axis=-1, keepdims=True)  # 12 integer bits
    bits = np.frexp(total.astype(np.float64))[1]  # a total has 31 bits at most: exact
    headroom = 32 - bits
    inverse = _one_over_one_plus((total << headroom) - (1 << 31))
    y = _divided(_high32(inverse, powers), 12 - headroom + 31 - 8)
    return np.clip(y + out_least, -128, 127)


def _high32(a, b):
    """Return what `_high16` does, for numbers of 32 bits."""
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    return np.clip(np.sign(nudged) * (np.abs(nudged) >> 31), -(1 << 31), (1 << 31) - 1)


def _exponential(a):
    """Return ``exp`` of numbers up to 0 with 5 integer bits and 26 fraction bits, as one with 31 fraction bits."""
    quarter = 1 << 24
    rest = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    y = _on_small(rest << 5)
    remainder = rest - a
    for exponent, constant in zip(
        range(-2, 5), (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), strict=True
    ):
        y = np.where(remainder & (1 << (26 + exponent)), _high32(y, constant), y)
    return np.where(a == 0, (1 << 31) - 1, y)


def _on_small(a):
    """Return ``exp`` on [-1/4, 0) by a polynomial around -1/8."""
    x = a + (1 << 28)
    x2 = _high32(x, x)
    x3, x4 = _high32(x2, x), _high32(x2, x2)
    inner = _divided(_high32(_divided(x4, 2) + x3, 715827883) + x2, 1)
    return 1895147668 + _high32(1895147668, x + inner)


def _one_over_one_plus(a):
    """Return ``1 / (1 + a)`` of numbers of 31 fraction bits in [0, 1): three steps of Newton's method."""
    half = (a + (1 << 31)) >> 1  # the mean of a and 1, halves up
    x = 1515870810 + _high32(half, np.int64(-1010580540))  # 48/17 and -32/17, 2 integer bits
    for _ in range(3):
        rest = (1 << 29) - _high32(half, x)
        x = x + np.clip(_high32(x, rest) << 2, -(1 << 31), (1 << 31) - 1)
    return np.clip(x << 1, -(1 << 31), (1 << 31) - 1)


def total(a, b, first, second, out, *, sign=1):
    """Return the code of ``a + sign*b`` of int8 codes; ``first``, ``second`` and ``out`` are their (scale, zero).

    Both are brought to twice the larger scale with 20 bits more, and the sum to that of the output. Not yet clipped.
    """
    *each, whole = total_multipliers(first[0], second[0], out[0], SUM_BITS[8])
    terms = [
        multiplied((np.asarray(x, dtype=np.int64) - zero) << SUM_BITS[8], *multiplier)
        for x, (_, zero), multiplier in zip((a, b), (first, second), each, strict=True)
    ]
    return multiplied(terms[0] + sign * terms[1], *whole) + out[1]


def total_multipliers(first, second, out, bits):
    """Return the quantized multipliers of both operands of a sum, and that of the sum; arguments are their scales.

    The sum has ``bits`` more, and twice the larger of the two scales.
    """
    first, second, out = (float(np.float32(scale)) for scale in (first, second, out))
    twice = 2 * max(first, second)
    return tuple(quantized_multiplier(real) for real in (first / twice, second / twice, twice / ((1 << bits) * out)))


def power_of_two(scale):
    """Return the exponent of a scale that kernels of 16 bits take for a power of two, within a thousandth; or None."""
    exponent = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    whole = rounded(exponent)
    return int(whole) if abs(exponent - np.float32(whole)) < np.float32(1e-3) else None


def product(a, b, first, second, out):
    """Return the code of ``a * b`` of int8 codes, quantized as in `total`. Not yet clipped."""
    x = (np.asarray(a, dtype=np.int64) - first[1]) * (np.asarray(b, dtype=np.int64) - second[1])
    return scaled_product(x, first, second, out)


def scaled_product(x, first, second, out):
    """Return the code of `product` from ``x``, the product of both codes with their zero points taken off."""
    return multiplied(x, *product_multiplier(first, second, out)) + out[1]


def product_multiplier(first, second, out):
    """Return the quantized multiplier of `product`: that of the ratio of the scales, in float32."""
    scale, other, of_out = (np.float32(scale) for scale, _ in (first, second, out))
    return quantized_multiplier(float(scale * other / of_out))
