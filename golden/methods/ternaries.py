"""Ternary: TWN's closed form, TTQ's two learned scales, and a learned threshold."""

from .grid import to_grid
from .method import Method, namespace

__all__ = ["ternary", "ternary_learned", "ternary_scale", "twn", "twn_threshold"]


def twn_threshold(x, axis=None):
    """``0.7 * E|x|`` over ``axis``, which stays with size 1 (Li and others 2016, TWN)."""
    xp = namespace(x)
    return 0.7 * xp.mean(xp.abs(x), axis=axis, keepdims=True)


def ternary_scale(x, delta, axis=None):
    """``E(|x| : |x| > delta)``, the least-squares scale of the ternary values; 0 where there are none."""
    xp = namespace(x)
    large = xp.astype(xp.abs(x) > delta, x.dtype)
    count = xp.sum(large, axis=axis, keepdims=True)
    return xp.sum(large * xp.abs(x), axis=axis, keepdims=True) / xp.maximum(count, xp.ones_like(count))


@Method
def ternary(x, delta, positive, negative):
    """``positive`` where ``x > delta``, ``-negative`` where ``x < -delta``, else 0 (Zhu and others 2017, TTQ).

    Gradient for ``x``: ``positive``, ``negative`` or, between, 1, as the paper has it; for the two scales the sums
    over their regions, that of ``negative`` with a minus; none for ``delta``.
    """
    xp = namespace(x)
    return xp.where(x > delta, positive, xp.where(x < -delta, -negative, xp.zeros_like(x)))


@ternary.backward
def _(grad, x, delta, positive, negative):
    xp = namespace(x)
    above, below = x > delta, x < -delta
    slope = xp.where(above, positive, xp.where(below, negative, xp.ones_like(x)))
    zero = xp.zeros_like(grad)
    return grad * slope, None, xp.where(above, grad, zero), xp.where(below, -grad, zero)


@Method
def twn(x, *, axis=None, bits=None):
    """`ternary` with `twn_threshold` and `ternary_scale` over ``axis`` (Li and others 2016, TWN).

    ``bits`` rounds the scales to a grid. Gradient: 1.
    """
    delta = twn_threshold(x, axis)
    scale = to_grid(ternary_scale(x, delta, axis), bits)
    return ternary(x, delta, scale, scale)


@twn.backward
def _(grad, x, *, axis=None, bits=None):
    return grad


@Method
def ternary_learned(x, delta, scale):
    """`ternary` with one scale, and a threshold that is learned too.

    Gradients are those of the line ``scale * x / (2*delta)`` where ``abs(x) <= 2*delta``, and of the constant
    ``±scale`` outside: the staircase has its steps in the middle of that line. For ``scale`` it is the code.
    """
    return ternary(x, delta, scale, scale)


@ternary_learned.backward
def _(grad, x, delta, scale):
    xp = namespace(x)
    slope = xp.where(xp.abs(x) <= 2 * delta, scale / (2 * delta), xp.zeros_like(x))
    code = ternary(x, delta, xp.ones_like(x), xp.ones_like(x))
    return grad * slope, -grad * slope * x / delta, grad * code
