"""Stochastic binary and ternary. The uniform numbers are an argument, so that the functions are pure.

`chance` and `drawn` are the two halves, which the hardware has apart: the first by thresholds, as a whole number of
``2**-bits``, the second a comparison with as many random bits (`golden.numbers.random`).
"""

from .estimators import clipped
from .method import Method, namespace

__all__ = ["chance", "drawn", "stochastic_sign", "stochastic_ternary"]


def chance(x, *, kind):
    """bipolar: the probability of +1, ``clip((x+1)/2, 0, 1)``; ternary: that of ``sign(x)``, with the sign of ``x``."""
    xp = namespace(x)
    return xp.clip((x + 1) / 2, 0, 1) if kind == "bipolar" else xp.clip(x, -1, 1)


def drawn(p, draws, *, kind):
    """bipolar: +1 where ``draws < p``, else -1; ternary: ``sign(p)`` where ``draws < |p|``, else 0.

    ``p`` is a `chance` and the draws from [0, 1), or both in units of ``2**-bits``, as whole numbers.
    """
    xp = namespace(p)
    if kind == "bipolar":
        return xp.where(draws < p, xp.ones_like(p), -xp.ones_like(p))
    return xp.where(draws < xp.abs(p), xp.sign(p), xp.zeros_like(p))


def _stochastic(x, draws, bits, kind):
    p = chance(x, kind=kind)
    return drawn(p if bits is None else namespace(p).round(p * 2**bits) / 2**bits, draws, kind=kind)


@Method
def stochastic_sign(x, draws, *, bits=None):
    """+1 where ``draws < p``, else -1, with ``p = clip((x+1)/2, 0, 1)`` (Courbariaux and others 2015, BinaryConnect).

    ``draws``, of the shape of ``x``, are from [0, 1). ``E y = clip(x, -1, 1)``. With ``bits``, p is rounded to a
    multiple of ``2**-bits``, as where draws are integers of so many bits. Gradient: 1 where ``abs(x) <= 1``.
    """
    return _stochastic(x, draws, bits, "bipolar")


@stochastic_sign.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)


@Method
def stochastic_ternary(x, draws, *, bits=None):
    """``sign(x)`` where ``draws < |x|``, else 0 (Lin and others 2016; Alemdar and others 2017).

    So +1 with probability ``x`` for ``x > 0``, -1 with probability ``-x`` for ``x < 0``; beyond ±1 always. ``draws``
    and ``bits`` as above, ``E y = clip(x, -1, 1)``. Gradient: 1 where ``abs(x) <= 1``.
    """
    return _stochastic(x, draws, bits, "ternary")


@stochastic_ternary.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)
