"""Quantizers for training: they round in the forward pass and pass the gradient of their rule.

A quantizer is a small value object: which of `golden.methods` it is, how its learned numbers begin and change, and as
which operator it is exported. The forward values are those of that operator. This module has what all of them share,
and the quantizers of scale 1 or of powers of two; `scaled` has learned and measured scales, `dorefa` DoReFa's, `tables`
levels that are not uniform, `stochastic` random ones.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fewbit.golden.methods import estimators, power_of_two, sign, uniform
from fewbit.golden.model_file.domains import QONNX

from .autodiff import apply
from .parameters import Array, RandomNumbers, State

__all__ = [
    "BOTH",
    "Binary",
    "Float",
    "Operator",
    "Quantizer",
    "Uniform",
    "bipolar_operator",
    "quant",
    "ternary",
]

BOTH = ("weights", "activations")
ESTIMATORS: dict[str, Callable[..., jax.Array]] = {name: getattr(estimators, name) for name in estimators.__all__}


@dataclass(frozen=True, eq=False)
class Operator:
    """A node of the exported file: its name, its operands behind ``x``, in order, its attributes, and its domain.

    Operands broadcast with the channels-last tensor, or have one axis more, for levels.
    """

    name: str
    operands: dict[str, ArrayLike]
    attributes: dict[str, int | str] = field(default_factory=dict)
    domain: str = QONNX


def quant(scale: ArrayLike, bits: int, *, signed: bool, narrow: bool | None = None) -> Operator:
    """Return QONNX's ``Quant`` of ``bits`` bits, which rounds halves to even; signed ones are narrow by default."""
    return Operator(
        "Quant",
        {"scale": scale, "zeropt": 0, "bitwidth": bits},
        {"signed": int(signed), "narrow": int(signed if narrow is None else narrow), "rounding_mode": "ROUND"},
    )


def bipolar_operator(scale: ArrayLike = 1) -> Operator:
    """Return QONNX's ``BipolarQuant``, which gives ``scale`` times the sign."""
    return Operator("BipolarQuant", {"scale": scale})


class Quantizer:
    """What the walk through a network asks of a quantizer.

    Attributes
    ----------
    roles : tuple of str
        Which of `BOTH` it can quantize.
    limit : float or None
        How far a latent weight may go: further out its gradient would be zero for ever.
    rectified : bool
        Whether activations come out of a ReLU.
    random : bool
        Whether activations need random numbers in inference too.
    centred : bool
        Whether inputs from 0 to 1 are to come as ``2x - 1``, so that half the range is its threshold.
    """

    roles: tuple[str, ...] = BOTH
    rectified: bool = True
    random: bool = False
    centred: bool = False

    @property
    def limit(self) -> float | None:
        return None

    def __call__(self, x: Array, state: State | None = None) -> Array:
        """Return the quantized values of ``x``; some quantizers have `weights` and `activations` instead."""
        raise NotImplementedError

    def init(self, x: Array, reach: float) -> State:
        """Return the state to begin with, a dict of arrays, empty if nothing is learned.

        ``x`` are the weights, or a sample of what batch norm gives, and ``reach`` is about the largest magnitude that
        they will have.
        """
        return {}

    def weights(self, x: Array, state: State | None, draws: RandomNumbers | None) -> Array:
        """Return quantized weights; ``state`` is as from `init`, ``draws`` a `stochastic.Draws`, in inference None."""
        return self(x, state)

    def activations(self, x: Array, state: State | None, draws: RandomNumbers | None) -> Array:
        """Return quantized activations of ``x`` ``(B, ...)``, samples first."""
        return self(x, state)

    def renewed(self, x: Array, state: State) -> State:
        """Return what of the state follows from ``x`` and the state by a rule of its own, not by a gradient."""
        return {}

    def started(self, x: Array) -> Array:
        """Return the latent weights to begin with, from those of a float network."""
        if self.limit is None:
            return x
        return jnp.clip(x * (self.limit / 2 / jnp.mean(jnp.abs(x))), -self.limit, self.limit)

    def stored(self, x: Array, state: State | None) -> Array:
        """Return what the exported file keeps of latent weights ``x``: they themselves, or their quantized values."""
        return self.weights(x, state, None)

    def operator(self, x: Array | None, state: State | None) -> Operator | None:
        """Return the `Operator` that gives these values, or None if there is none.

        ``x`` are the weights; it is None for activations.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Float(Quantizer):
    """The quantizer that leaves floats as they are."""

    def __call__(self, x, state=None):
        return x

    def operator(self, x, state):
        return None


@dataclass(frozen=True)
class Binary(Quantizer):
    """The sign, -1 and +1, as in BNN (Courbariaux and others 2016); the scale is 1.

    Parameters
    ----------
    ste : str
        Which of `golden.methods.estimators` gives the gradient.

    Raises
    ------
    ValueError
        If there is no estimator of that name.
    """

    ste: str = "clipped"

    limit = 1.0
    rectified = False
    centred = True

    def __post_init__(self):
        if self.ste not in ESTIMATORS:
            raise ValueError(f"Estimator must be one of {', '.join(ESTIMATORS)}, not {self.ste!r}")

    def __call__(self, x, state=None, draws=None):
        if self.ste == "annealed":
            return apply(sign, x, jnp.float32(draws.progress if draws else 1), ste=ESTIMATORS[self.ste])
        return apply(sign, x, ste=ESTIMATORS[self.ste])

    def weights(self, x, state, draws):
        return self(x, state, draws)

    activations = weights

    def stored(self, x, state):
        return x

    def operator(self, x, state):
        return bipolar_operator()


@dataclass(frozen=True)
class Uniform(Quantizer):
    """Integers from ``lo`` to ``hi``, times a scale that is a power of two.

    Powers of two make every product and every sum of the exported model exact in ``float32``, in whatever order
    products are added, so that only batch norm rounds. The rest of the scale becomes part of batch norm.

    Parameters
    ----------
    bits : int
        1 to 8; at least 2 if signed.
    signed : bool
        Signed formats are narrow: ``-(2**(bits-1) - 1)`` to ``2**(bits-1) - 1``. With 2 bits that is ternary.
    scale : float or None
        A power of two, or None: learned (Jain and others 2020, TQT).

    Raises
    ------
    ValueError
        If there are no such integers, or the scale is another.
    """

    bits: int
    signed: bool = False
    scale: float | None = None

    def __post_init__(self):
        check_bits(self.bits, 2 if self.signed else 1)
        if self.scale is not None and (self.scale <= 0 or np.frexp(self.scale)[0] != 0.5):
            raise ValueError(f"Scale must be a power of two or None, not {self.scale!r}")

    @property
    def lo(self) -> int:
        """The smallest integer."""
        return -self.hi if self.signed else 0

    @property
    def hi(self) -> int:
        """The largest integer."""
        return 2 ** (self.bits - self.signed) - 1

    @property
    def limit(self) -> float | None:
        return None if self.scale is None else self.hi * self.scale

    def init(self, x, reach):
        """Return the exponent with which ``hi`` stands for about ``reach``."""
        return {} if self.scale is not None else {"exponent": jnp.float32(np.log2(reach / self.hi))}

    def _scale(self, state):
        return jnp.float32(self.scale) if self.scale is not None else apply(power_of_two, state["exponent"])

    def __call__(self, x, state=None):
        return apply(uniform, x, self._scale(state), lo=self.lo, hi=self.hi)

    def stored(self, x, state):
        return x

    def operator(self, x, state):
        return quant(self._scale(state), self.bits, signed=self.signed)


def ternary() -> Uniform:
    """Return the quantizer to -1, 0 and +1: zero where ``abs(x) <= 1/2``."""
    return Uniform(2, signed=True, scale=1.0)


def check_bits(bits: int, least: int, most: int = 8) -> None:
    """Refuse bits that are no number from ``least`` to ``most``.

    Raises
    ------
    ValueError
        If ``bits`` is no such number.
    """
    if bits not in range(least, most + 1):
        raise ValueError(f"Bits must be {least} to {most}, not {bits!r}")
