"""Stochastic binary and ternary. The uniform numbers are an argument, so that the functions are pure.

`chance` and `drawn` are the two halves, which the hardware has apart: the first by thresholds, as a whole number of
``2**-bits``, the second a comparison with as many random bits (`golden.numbers.random`).
"""

from .estimators import clipped
from .method import Array, Method, namespace

__all__ = ["chance", "drawn", "stochastic_sign", "stochastic_ternary"]


def chance(x: Array, *, kind: str) -> Array:
    """Return the probability of +1, ``clip((x+1)/2, 0, 1)``, if ``kind`` is bipolar.

    If it is ternary, it is the probability of ``sign(x)``, with the sign of ``x``: ``clip(x, -1, 1)``.
    """
    xp = namespace(x)
    return xp.clip((x + 1) / 2, 0, 1) if kind == "bipolar" else xp.clip(x, -1, 1)


def drawn(p: Array, draws: Array, *, kind: str) -> Array:
    """Return +1 where ``draws < p``, else -1, if ``kind`` is bipolar.

    If it is ternary, they are ``sign(p)`` where ``draws < |p|``, else 0. ``p`` is a `chance` and the draws are from
    [0, 1), or both are whole numbers in units of ``2**-bits``.
    """
    xp = namespace(p)
    if kind == "bipolar":
        return xp.where(draws < p, xp.ones_like(p), -xp.ones_like(p))
    return xp.where(draws < xp.abs(p), xp.sign(p), xp.zeros_like(p))


def _stochastic(x: Array, draws: Array, bits: int | None, kind: str) -> Array:
    p = chance(x, kind=kind)
    return drawn(p if bits is None else namespace(p).round(p * 2**bits) / 2**bits, draws, kind=kind)


@Method
def stochastic_sign(x: Array, draws: Array, *, bits: int | None = None) -> Array:
    """Return +1 where ``draws < p``, else -1, with ``p = clip((x+1)/2, 0, 1)``.

    This is the stochastic binarization of Courbariaux and others 2015, BinaryConnect. ``draws``, of the shape of ``x``,
    are from [0, 1), so that the mean is ``clip(x, -1, 1)``. With ``bits``, p is rounded to a multiple of ``2**-bits``,
    as where draws are integers of so many bits. The gradient is 1 where ``abs(x) <= 1``, else 0.
    """
    return _stochastic(x, draws, bits, "bipolar")


@stochastic_sign.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)


@Method
def stochastic_ternary(x: Array, draws: Array, *, bits: int | None = None) -> Array:
    """Return ``sign(x)`` where ``draws < |x|``, else 0 (Lin and others 2016; Alemdar and others 2017).

    So it is +1 with probability ``x`` for ``x > 0``, -1 with probability ``-x`` for ``x < 0``, and always beyond ±1;
    the mean is ``clip(x, -1, 1)``. ``draws``, ``bits`` and the gradient are as in `stochastic_sign`.
    """
    return _stochastic(x, draws, bits, "ternary")


@stochastic_ternary.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)
