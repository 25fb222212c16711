"""LQ-Nets (Zhang and others 2018): a learned basis ``v`` and codes ``e`` in {-1, +1}^K, levels ``v . e``.

Its authors' program takes codes in {0, 1}^K for activations, which come out of a ReLU: digits "binary".
"""

import math

from .level_tables import basis_levels, midpoints, select
from .method import Array, namespace

__all__ = ["fit", "first_basis", "refine"]

_RIDGE = 1e-4  # of the Gram matrix, which is singular where fewer codes than basis vectors occur


def first_basis(x: Array, bits: int, *, per_channel: bool = False) -> Array:
    """Return a uniform basis ``s * (1, 2, 4, ..)`` that reaches three times ``E|x|``: (bits,), or (channels, bits).

    With one bit it reaches ``E|x|``. Channels are the last axis of ``x``. A basis of a channel broadcasts with ``x`` as
    (1, .., channels, bits) does.
    """
    xp = namespace(x)
    axis = tuple(range(x.ndim - 1)) if per_channel else None
    reach = 3 * xp.mean(xp.abs(x), axis=axis) if bits > 1 else xp.mean(xp.abs(x), axis=axis)
    steps = xp.asarray([2.0**i for i in range(bits)], dtype=x.dtype)
    return reach[..., None] * steps / (2**bits - 1)


def fit(x: Array, basis: Array, *, digits: str = "bipolar") -> Array:
    """Return the basis behind one step of the paper's alternating least squares (QEM).

    A step takes the codes ``B`` of ``x``, then the best basis for them, ``(B'B + ridge)^-1 (B'x + ridge*basis)``;
    neither half of it makes ``E(x - v.e)^2`` larger. ``basis`` is (K,), or (channels, K) for ``x`` with channels last.
    """
    xp, bits = namespace(x), basis.shape[-1]
    levels, codes = basis_levels(basis, digits)
    axis = tuple(range(x.ndim if basis.ndim == 1 else x.ndim - 1))
    share, part = _by_level(x, midpoints(levels), axis)
    gram = xp.sum(share[..., None, None] * codes[..., :, None] * codes[..., None, :], axis=-3)
    right = xp.sum(part[..., None] * codes, axis=-2)
    gram, right = gram + _RIDGE * xp.eye(bits, dtype=x.dtype), right + _RIDGE * basis
    return xp.linalg.solve(gram, right[..., None])[..., 0]


def _by_level(x: Array, thresholds: Array, axis: tuple[int, ...]) -> tuple[Array, ...]:
    """Return the share of ``x`` that takes each level, and what that adds to the mean of ``x``; levels last."""
    xp = namespace(x)
    above = [xp.astype(x >= thresholds[..., i], x.dtype) for i in range(thresholds.shape[-1])]
    above = [xp.ones_like(x), *above, xp.zeros_like(x)]
    each = [a - b for a, b in zip(above, above[1:], strict=False)]
    return tuple(xp.stack([xp.mean(v, axis=axis) for v in values], axis=-1) for values in (each, [x * e for e in each]))


def refine(x: Array, basis: Array, *, momentum: float = 0.9, steps: int = 1, digits: str = "bipolar") -> Array:
    """Return the basis behind a training step, ``momentum*basis + (1-momentum)*fitted``.

    The fitted basis is the one behind ``steps`` steps of `fit`.
    """
    fitted = basis
    for _ in range(steps):
        fitted = fit(x, fitted, digits=digits)
    return momentum * basis + (1 - momentum) * fitted


def error(x: Array, basis: Array, *, digits: str = "bipolar") -> float:
    """Return the root mean square error of the levels, ``sqrt(E(x - v.e)^2)``."""
    xp = namespace(x)
    levels, _ = basis_levels(basis, digits)
    return math.sqrt(float(xp.mean((x - select(x, midpoints(levels), levels)) ** 2)))
