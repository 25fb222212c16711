"""Ternary: TWN's closed form, TTQ's two learned scales, and a learned threshold."""

from .grid import to_grid
from .method import Array, Axis, Method, namespace

__all__ = ["ternary", "ternary_learned", "ternary_scale", "twn", "twn_threshold"]


def twn_threshold(x: Array, axis: Axis = None) -> Array:
    """Return ``0.7 * E|x|`` over ``axis``, which stays with size 1 (Li and others 2016, TWN)."""
    xp = namespace(x)
    return 0.7 * xp.mean(xp.abs(x), axis=axis, keepdims=True)


def ternary_scale(x: Array, delta: Array, axis: Axis = None) -> Array:
    """Return ``E(|x| : |x| > delta)`` over ``axis``: the least-squares scale of the ternary values; 0 if all are 0."""
    xp = namespace(x)
    large = xp.astype(xp.abs(x) > delta, x.dtype)
    count = xp.sum(large, axis=axis, keepdims=True)
    return xp.sum(large * xp.abs(x), axis=axis, keepdims=True) / xp.maximum(count, xp.ones_like(count))


@Method
def ternary(x: Array, delta: Array, positive: Array, negative: Array) -> Array:
    """Return ``positive`` where ``x > delta``, ``-negative`` where ``x < -delta``, else 0 (Zhu and others 2017, TTQ).

    The gradient for ``x`` is ``positive``, ``negative`` or, between, 1, as the paper has it; for the two scales it is
    the sums over their regions, that of ``negative`` with a minus; ``delta`` has none.
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
def twn(x: Array, *, axis: Axis = None, bits: int | None = None) -> Array:
    """Return `ternary` with `twn_threshold` and `ternary_scale` over ``axis`` (Li and others 2016, TWN).

    ``bits`` rounds the scales to a grid (`grid.to_grid`). The gradient is 1.
    """
    delta = twn_threshold(x, axis)
    scale = to_grid(ternary_scale(x, delta, axis), bits)
    return ternary(x, delta, scale, scale)


@twn.backward
def _(grad, x, *, axis=None, bits=None):
    return grad


@Method
def ternary_learned(x: Array, delta: Array, scale: Array) -> Array:
    """Return `ternary` with one scale, and a threshold that is learned too.

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
