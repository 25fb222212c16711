"""Scales, bases and levels of few bits, so that the trained floats are integers times one power of two.

Then every product and sum of the exported model is exact in float32, in whatever order it is added, as long as the
integers stay below ``2**24``; and the hardware's integers are the model's numbers, not approximations of them. The
error, at most ``2**-bits`` of the largest value, is part of the forward pass: the training sees it.
"""

import numpy as np

from .method import Array, Method, namespace

__all__ = ["exponential", "power_of_two", "rounded", "to_grid"]

_LN2 = np.float32(np.log(2))


def to_grid(x: Array, bits: int | None) -> Array:
    """Return ``x`` rounded to multiples of ``2**(e - bits)``, where ``2**(e-1) <= max(abs(x)) < 2**e``.

    Halves go to even. So the largest value has ``bits`` significant bits, and all of them share one point. Without
    ``bits`` it is ``x`` as it is.
    """
    if bits is None:
        return x
    xp = namespace(x)
    _, e = xp.frexp(xp.max(xp.abs(x)))
    return xp.ldexp(xp.round(xp.ldexp(x, bits - e)), e - bits)


@Method
def power_of_two(exponent: Array) -> Array:
    """Return ``2**round(exponent)``, exactly (Jain and others 2020, TQT).

    The gradient is that of ``2**exponent``, taken at the rounded exponent.
    """
    xp = namespace(exponent)
    return xp.ldexp(xp.ones_like(exponent), xp.astype(xp.round(exponent), xp.int32))


@power_of_two.backward
def _(grad, exponent):
    return grad * power_of_two(exponent) * _LN2


@Method
def exponential(exponent: Array, *, bits: int | None) -> Array:
    """Return ``2**exponent`` on the grid of ``bits``: a learned scale, which cannot become negative.

    The gradient is that of ``2**exponent`` with the rounded value in its place.
    """
    return to_grid(2.0**exponent, bits)


@exponential.backward
def _(grad, exponent, *, bits):
    return grad * exponential(exponent, bits=bits) * _LN2


@Method
def rounded(x: Array, *, bits: int | None) -> Array:
    """Return `to_grid` of ``x``. The gradient is 1."""
    return to_grid(x, bits)


@rounded.backward
def _(grad, x, *, bits):
    return grad
