"""Straight-through estimators: what takes the place of the derivative of ``sign(x)``.

Each is a function ``estimator(x, progress)``, which returns the slope at ``x``; ``progress`` goes from 0 to 1 over the
training.
"""

from .method import Array, namespace

__all__ = ["annealed", "bireal", "clipped", "identity"]


def identity(x: Array, progress: Array = 0.0) -> Array:
    """Return 1 everywhere (Hinton 2012; Bengio and others 2013)."""
    return namespace(x).ones_like(x)


def clipped(x: Array, progress: Array = 0.0) -> Array:
    """Return 1 where ``abs(x) <= 1``, else 0: the slope of hard tanh (Courbariaux and others 2016, BNN)."""
    xp = namespace(x)
    return xp.astype(xp.abs(x) <= 1, x.dtype)


def bireal(x: Array, progress: Array = 0.0) -> Array:
    """Return ``2 - 2*abs(x)`` where ``abs(x) < 1``, else 0 (Liu and others 2018, Bi-Real Net).

    It is the slope of a piecewise polynomial, ``2*x + x*x`` below zero and ``2*x - x*x`` above.
    """
    xp = namespace(x)
    return xp.maximum(2 - 2 * xp.abs(x), xp.zeros_like(x))


def annealed(x: Array, progress: Array = 0.0) -> Array:
    """Return ``k*t*(1 - tanh(t*x)**2)`` (Qin and others 2020, IR-Net's error decay).

    It is the slope of ``k*tanh(t*x)``, which turns from a line into a step: ``t = 10**(2*progress - 1)`` goes from 1/10
    to 10, ``k = max(1/t, 1)``.
    """
    xp = namespace(x)
    t = 10.0 ** (2 * xp.asarray(progress, dtype=x.dtype) - 1)
    return xp.maximum(1 / t, xp.ones_like(t)) * t * (1 - xp.tanh(t * x) ** 2)
