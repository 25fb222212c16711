"""Quantizers for training: they round in the forward pass and pass a gradient as if they had not.

Each is a small value object with the numbers that export needs. The forward values are those of the QONNX operators
of the same meaning (``BipolarQuant``, ``Quant``), in the same operations and order.

References: Bengio and others 2013 (straight-through estimator); Courbariaux and others 2016 (clipped, bipolar); Li and
others 2016 (ternary weights); Esser and others 2020 (LSQ, learned scale); Jain and others 2020 (power-of-two scale).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Bipolar", "Float", "Uniform", "bipolar", "power_of_two", "ternary", "uniform"]


@jax.custom_vjp
def bipolar(x):
    """-1 where ``x < 0``, else +1, so that zero gives +1. Gradient: 1 where ``abs(x) <= 1``, else 0."""
    return jnp.where(x >= 0, 1.0, -1.0).astype(x.dtype)


bipolar.defvjp(lambda x: (bipolar(x), x), lambda x, g: (g * (jnp.abs(x) <= 1),))


@jax.custom_vjp
def power_of_two(exponent):
    """``2**round(exponent)``, exactly; gradient as that of ``2**exponent`` taken there."""
    return jnp.ldexp(jnp.ones_like(exponent), jnp.round(exponent).astype(jnp.int32))


power_of_two.defvjp(
    lambda exponent: (power_of_two(exponent),) * 2, lambda scale, g: (g * scale * np.float32(np.log(2)),)
)


def uniform(x, scale, lo, hi):
    """``round(clip(x / scale, lo, hi)) * scale``, halves to even.

    Gradient for ``x``: 1 inside the range, 0 outside. For ``scale``: ``round(v) - v`` inside with ``v = x / scale``,
    ``lo`` below and ``hi`` above.
    """
    return _uniform(x, jnp.broadcast_to(scale, x.shape), lo, hi)


def _level(x, scale, lo, hi):
    return jnp.round(jnp.clip(x / scale, lo, hi))


@jax.custom_vjp
def _uniform(x, scale, lo, hi):
    return _level(x, scale, lo, hi) * scale


def _uniform_backward(saved, g):
    x, scale, lo, hi = saved
    v = x / scale
    inside = (v >= lo) & (v <= hi)
    return g * inside, g * (_level(x, scale, lo, hi) - jnp.where(inside, v, 0)), None, None


_uniform.defvjp(lambda *args: (_uniform(*args), args), _uniform_backward)


@dataclass(frozen=True)
class Float:
    """No quantization."""

    learned = False
    limit = None

    def __call__(self, x, exponent=None):
        return x


@dataclass(frozen=True)
class Bipolar:
    """-1 and +1, scale 1."""

    learned = False
    limit = 1.0

    def __call__(self, x, exponent=None):
        return bipolar(x)


@dataclass(frozen=True)
class Uniform:
    """``lo`` to ``hi`` times a power of two.

    Powers of two make every product and every sum of the exported model exact in ``float32``, in whatever order they
    are added, so that only batch norm rounds, which takes up the rest of the scale.

    Parameters
    ----------
    bits : int
        1 to 8; at least 2 if signed.
    signed : bool
        Signed formats are narrow: ``-(2**(bits-1) - 1)`` to ``2**(bits-1) - 1``. With 2 bits that is ternary.
    scale : float or None
        A power of two, or None: learned.
    """

    bits: int
    signed: bool = False
    scale: float | None = None

    def __post_init__(self):
        least = 2 if self.signed else 1
        if self.bits not in range(least, 9):
            raise ValueError(f"Bits must be {least} to 8, not {self.bits!r}")
        if self.scale is not None and (self.scale <= 0 or np.frexp(self.scale)[0] != 0.5):
            raise ValueError(f"Scale must be a power of two or None, not {self.scale!r}")

    @property
    def learned(self):
        return self.scale is None

    @property
    def lo(self):
        return -self.hi if self.signed else 0

    @property
    def hi(self):
        return 2 ** (self.bits - self.signed) - 1

    @property
    def limit(self):
        """How far a latent weight may go, where the scale is fixed: further out its gradient would be zero for ever."""
        return None if self.learned else self.hi * self.scale

    def init(self, reach):
        """Exponent to begin with, so that ``hi`` stands for about ``reach``."""
        return jnp.float32(np.log2(reach / self.hi))

    def __call__(self, x, exponent=None):
        scale = power_of_two(exponent) if self.learned else jnp.float32(self.scale)
        return uniform(x, scale, self.lo, self.hi)


def ternary():
    """-1, 0 and +1: zero where ``abs(x) <= 1/2``."""
    return Uniform(2, signed=True, scale=1.0)
