"""Stochastic binary and ternary. The uniform numbers are an argument, so that the functions are pure."""

from .estimators import clipped
from .method import Method, namespace

__all__ = ["stochastic_sign", "stochastic_ternary"]


@Method
def stochastic_sign(x, draws):
    """+1 where ``draws < p``, else -1, with ``p = clip((x+1)/2, 0, 1)`` (Courbariaux and others 2015, BinaryConnect).

    ``draws``, of the shape of ``x``, is from [0, 1). ``E y = clip(x, -1, 1)``. Gradient: 1 where ``abs(x) <= 1``.
    """
    xp = namespace(x)
    p = xp.clip((x + 1) / 2, 0, 1)
    return xp.astype(xp.where(draws < p, 1.0, -1.0), x.dtype)


@stochastic_sign.backward
def _(grad, x, draws):
    return grad * clipped(x)


@Method
def stochastic_ternary(x, draws):
    """``sign(x)`` where ``draws < |x|``, else 0 (Lin and others 2016; Alemdar and others 2017).

    So +1 with probability ``x`` for ``x > 0``, -1 with probability ``-x`` for ``x < 0``; beyond ±1 always. ``draws``
    as above, ``E y = clip(x, -1, 1)``. Gradient: 1 where ``abs(x) <= 1``.
    """
    xp = namespace(x)
    return xp.where(draws < xp.abs(x), xp.sign(x), xp.zeros_like(x))


@stochastic_ternary.backward
def _(grad, x, draws):
    return grad * clipped(x)
