"""Stochastic binary and ternary. The uniform numbers are an argument, so that the functions are pure."""

from .estimators import clipped
from .method import Method, namespace

__all__ = ["stochastic_sign", "stochastic_ternary"]


def _probability(p, bits):
    return p if bits is None else namespace(p).round(p * 2**bits) / 2**bits


@Method
def stochastic_sign(x, draws, *, bits=None):
    """+1 where ``draws < p``, else -1, with ``p = clip((x+1)/2, 0, 1)`` (Courbariaux and others 2015, BinaryConnect).

    ``draws``, of the shape of ``x``, are from [0, 1). ``E y = clip(x, -1, 1)``. With ``bits``, p is rounded to a
    multiple of ``2**-bits``, as where draws are integers of so many bits. Gradient: 1 where ``abs(x) <= 1``.
    """
    xp = namespace(x)
    p = _probability(xp.clip((x + 1) / 2, 0, 1), bits)
    return xp.astype(xp.where(draws < p, 1.0, -1.0), x.dtype)


@stochastic_sign.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)


@Method
def stochastic_ternary(x, draws, *, bits=None):
    """``sign(x)`` where ``draws < |x|``, else 0 (Lin and others 2016; Alemdar and others 2017).

    So +1 with probability ``x`` for ``x > 0``, -1 with probability ``-x`` for ``x < 0``; beyond ±1 always. ``draws``
    and ``bits`` as above, ``E y = clip(x, -1, 1)``. Gradient: 1 where ``abs(x) <= 1``.
    """
    xp = namespace(x)
    p = _probability(xp.clip(xp.abs(x), 0, 1), bits)
    return xp.where(draws < p, xp.sign(x), xp.zeros_like(x))


@stochastic_ternary.backward
def _(grad, x, draws, *, bits=None):
    return grad * clipped(x)
