"""Uniform steps: a given scale, LSQ's learned step, PACT's learned clip, symmetric levels of any odd number."""

from .method import Array, Method, namespace

__all__ = ["ROUNDINGS", "lsq", "lsq_init", "pact", "symmetric", "uniform", "uniform_level"]

# QONNX's rounding modes. NumPy and JAX round halves to even.
ROUNDINGS = {
    "ROUND": lambda xp, x: xp.round(x),
    "HALF_EVEN": lambda xp, x: xp.round(x),
    "CEIL": lambda xp, x: xp.ceil(x),
    "FLOOR": lambda xp, x: xp.floor(x),
    "UP": lambda xp, x: xp.sign(x) * xp.ceil(xp.abs(x)),
    "DOWN": lambda xp, x: xp.trunc(x),
    "HALF_UP": lambda xp, x: xp.sign(x) * xp.floor(xp.abs(x) + 0.5),
    "HALF_DOWN": lambda xp, x: xp.sign(x) * xp.ceil(xp.abs(x) - 0.5),
}


def uniform_level(x: Array, scale: Array, *, lo: int, hi: int, zero: Array = 0, rounding: str = "ROUND") -> Array:
    """Return ``round(clip(x / scale + zero, lo, hi))``, the code of QONNX's ``Quant``, in the type of ``x``.

    ``rounding`` is one of `ROUNDINGS`.
    """
    xp = namespace(x)
    return ROUNDINGS[rounding](xp, xp.clip(x / scale + zero, lo, hi))


@Method
def uniform(x: Array, scale: Array, *, lo: int, hi: int) -> Array:
    """Return `uniform_level` times ``scale``, halves to even, without a zero point.

    The gradient for ``x`` is 1 inside the range, 0 outside. For ``scale`` it is ``round(v) - v`` inside with
    ``v = x / scale``, ``lo`` below and ``hi`` above.
    """
    return uniform_level(x, scale, lo=lo, hi=hi) * scale


@uniform.backward
def _(grad, x, scale, *, lo, hi):
    xp = namespace(x)
    v = x / scale
    inside = (v >= lo) & (v <= hi)
    slope = uniform_level(x, scale, lo=lo, hi=hi) - xp.where(inside, v, xp.zeros_like(v))
    return grad * xp.astype(inside, grad.dtype), grad * slope


def lsq_init(x: Array, hi: int) -> Array:
    """Return the step that LSQ begins with, ``2 * E|x| / sqrt(hi)`` (Esser and others 2020)."""
    xp = namespace(x)
    return 2 * xp.mean(xp.abs(x)) / hi**0.5


@Method
def lsq(x: Array, step: Array, *, lo: int, hi: int, count: int) -> Array:
    """Return `uniform` with a learned step (Esser and others 2020, LSQ).

    With ``v = x / step``, the gradient for ``x`` is 1 where ``lo < v < hi``, else 0; for ``step`` it is
    ``round(v) - v`` there, ``lo`` from there down and ``hi`` from there up, all times ``1 / sqrt(count * hi)``, where
    ``count`` is how many weights, or features of a sample, share the step.
    """
    return uniform(x, step, lo=lo, hi=hi)


@lsq.backward
def _(grad, x, step, *, lo, hi, count):
    xp = namespace(x)
    v = x / step
    inside = (v > lo) & (v < hi)
    slope = uniform_level(x, step, lo=lo, hi=hi) - xp.where(inside, v, xp.zeros_like(v))
    return grad * xp.astype(inside, grad.dtype), grad * slope * (count * hi) ** -0.5


@Method
def pact(x: Array, step: Array, *, bits: int) -> Array:
    """Return ``round(y / step) * step`` with ``y = clip(x, 0, alpha)``, for the clip ``alpha = (2**bits - 1) * step``.

    Choi and others 2018, PACT, write ``y = 0.5 * (|x| - |x - alpha| + alpha)``. The step stands for the clip because it
    is what must lie on a grid. The gradient for ``x`` is 1 where ``0 <= x < alpha``, else 0. For ``alpha`` it is 1
    where ``x >= alpha``, else 0; so for ``step`` it is ``2**bits - 1`` there.
    """
    return uniform(x, step, lo=0, hi=2**bits - 1)


@pact.backward
def _(grad, x, step, *, bits):
    xp = namespace(x)
    alpha, zero = (2**bits - 1) * step, xp.zeros_like(grad)
    return xp.where((x >= 0) & (x < alpha), grad, zero), xp.where(x >= alpha, grad * (2**bits - 1), zero)


@Method
def symmetric(x: Array, step: Array, *, levels: int) -> Array:
    """Return ``sign(x) * step * min(round(|x| / step), (levels - 1) / 2)`` for an odd number of levels.

    The gradients are those of `uniform`, which has the same values.
    """
    xp, top = namespace(x), (levels - 1) // 2
    return xp.sign(x) * step * xp.round(xp.clip(xp.abs(x) / step, 0, top))


@symmetric.backward
def _(grad, x, step, *, levels):
    top = (levels - 1) // 2
    return uniform.gradients(grad, x, step, lo=-top, hi=top)
