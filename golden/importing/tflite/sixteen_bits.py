"""The arithmetic of TensorFlow Lite's reference kernels for functions of 16-bit codes: lines between a table's entries.

All functions take and return int64 arrays and are checked against the interpreter, value by value.
"""

import numpy as np

from .kernels import multiplied, power_of_two, quantized_multiplier, rounded

__all__ = ["LARGEST_SCALE", "logistic16", "softmax16", "tanh16"]

_LEAST, _MOST = -(1 << 15), (1 << 15) - 1
LARGEST_SCALE = (1 << 16) / (3 << 12)
"""The scale from which on kernels' products of `logistic16` and `tanh16` can be beyond 32 bits."""


def _sigmoid_table():
    """Return the sigmoid function from 0 to 10.6, in steps h of 1/24, int64 ``(256,)`` of 16 fraction bits.

    Straight lines between points of a function err by ``h**2/8`` of its second derivative at most; entries are off by
    half of that, so that the lines between them err as much above as below. The last entry is what larger places have.
    """
    step = 1 / 24
    y = 1 / (1 + np.exp(-step * np.arange(256)))
    table = rounded(65536 * (y - step**2 / 16 * y * (1 - y) * (1 - 2 * y)))
    return np.append(table[:-1], 0xFFFF)


_SIGMOID = _sigmoid_table()


def logistic16(codes, scale):
    """Return the sigmoid function of int16 codes of that scale, at the scale ``2**-15``; int64 values."""
    x = _table_place(codes, scale)
    y = _between_entries(x, 9)
    return np.where(x >= 0, y + (1 << 9), (1 << 25) - y + (1 << 9) - 1) >> 10


def tanh16(codes, scale):
    """Return the hyperbolic tangent of int16 codes of that scale, at the scale ``2**-15``; int64 values.

    It is ``2*sigmoid(2*x) - 1``.
    """
    x = _table_place(codes, scale)
    y = _between_entries(x, 8)
    return np.where(x >= 0, y - (1 << 23) + (1 << 7), -y + (1 << 23) + (1 << 7) - 1) >> 8


def _table_place(codes, scale):
    """Return codes at the scale ``1/(3*4096)``, of which 512 are a step of the table."""
    exponent = power_of_two(scale)
    if exponent is not None and 12 + exponent in (0, 1):
        return np.asarray(codes, dtype=np.int64) * (3 << 12 + exponent)
    multiplier, shift = float(np.float32(scale)) * 4096.0 * 3.0, 0
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier, shift = multiplier * 2.0, shift + 1
    return (np.asarray(codes, dtype=np.int64) * int(multiplier) + ((1 << shift) >> 1)) >> shift


def _between_entries(x, bits):
    """Return the table's value, with ``bits`` more, for the size of a place whose lowest ``bits`` lie between two."""
    size = np.abs(x)
    at, rest = np.minimum(size >> bits, 254), size & ((1 << bits) - 1)
    y = (_SIGMOID[at] << bits) + rest * (_SIGMOID[at + 1] - _SIGMOID[at])
    most = 0x7FFF << 10 if bits == 9 else 0xFFFF << 8
    return np.where(size >> bits >= 255, most, y)


# Softmax

_SECTIONS = 512  # of a table of 16-bit numbers


def softmax16(codes, beta, scale):
    """Return the softmax over the last axis of int16 codes, at the output scale 1/32768.

    Powers and the inverse of their sum are tables with lines between entries; powers below ``exp(-10)`` are 0.

    Parameters
    ----------
    codes : int64 array ``(..., C)``
    beta, scale : float
        The operator's factor, and the scale of the codes.
    """
    codes = np.asarray(codes, dtype=np.int64)
    multiplier = quantized_multiplier(float(np.float32(scale)) * float(beta) / (10.0 / 65535.0))
    below = multiplied(codes - codes.max(axis=-1, keepdims=True), *multiplier) + _MOST
    powers = _looked_up(_EXPONENTIAL, np.clip(below, _LEAST, _MOST))
    total = powers.sum(axis=-1, keepdims=True)
    headroom = 32 - np.frexp(total.astype(np.float64))[1]  # a total has 31 bits at most: exact
    place = (((total << (headroom - 1)) + (1 << 13)) >> 14) - (1 << 15) - (1 << 16)
    inverse = _looked_up(_INVERSE, np.clip(place, _LEAST, _MOST))
    shift = 31 - headroom
    return np.clip((powers * inverse + (np.int64(1) << (shift - 1))) >> shift, 0, _MOST)


def _table_of(function, least, most):
    """Return a function from ``least`` to ``most`` as a table of 15 fraction bits, int64 ``(513,)``.

    Entries are off by half of what the line between two of them errs in its middle. All is computed in float32.
    """
    f32 = np.float32
    step = f32((f32(most) - f32(least)) / f32(_SECTIONS))
    x = f32(least) + np.arange(_SECTIONS, dtype=f32) * step
    one = f32(1 << 15)
    sample = rounded(function(x) * one)
    following = function(f32(least) + np.arange(1, _SECTIONS + 1, dtype=f32) * step) * one
    middle = rounded((following + sample.astype(f32)) / f32(2))
    error = middle - rounded(function(x + step / f32(2)) * one)
    entries = sample - rounded(error.astype(f32) / f32(2))
    return np.clip(np.append(entries, rounded(function(np.array([most], dtype=f32)) * one)), _LEAST, _MOST)


_EXPONENTIAL = _table_of(np.exp, -10, 0)
_INVERSE = _table_of(lambda x: np.float32(1) / (np.float32(1) + x), 0, 1)


def _looked_up(table, x):
    """Return what a table has for 16-bit numbers, whose 7 low bits lie between two entries."""
    at = 256 + (x >> 7)
    return table[at] + (((table[at + 1] - table[at]) * (x & 127) + 64) >> 7)
