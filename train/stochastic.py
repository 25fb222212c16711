"""Stochastic quantizers, their random numbers, and DoReFa's stochastic quantization of gradients."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import jax
import numpy as np

from fewbit.golden import methods
from fewbit.golden.methods import sign, stochastic_sign, stochastic_ternary, uniform
from fewbit.golden.model_file.domains import EXCHANGE
from fewbit.golden.numbers.random import generator_named

from .autodiff import apply
from .parameters import Array, Generated
from .quantize import Operator, Quantizer, bipolar_operator, check_bits, quant

__all__ = ["Draws", "GradientBits", "HardwareDraws", "StochasticBipolar", "StochasticTernary"]


class Draws:
    """The random numbers of one training step, and how far the training is.

    Parameters
    ----------
    key : JAX's key of random numbers
    progress : float
        How far the training is, 0 to 1.
    training : bool
        Whether weights are random too.
    """

    def __init__(self, key: jax.Array, progress: float, *, training: bool = True):
        self._key, self._count, self.progress, self.training = key, 0, progress, training

    def uniform(self, shape: tuple[int, ...], generator: Generated | None = None) -> jax.Array:
        """Return numbers from [0, 1) of a shape, others in each call; the generator of the hardware does not matter."""
        self._count += 1
        return jax.random.uniform(jax.random.fold_in(self._key, self._count), shape)


class HardwareDraws:
    """The numbers that the hardware's activations draw for frames from the number ``first`` on.

    They are those of `golden.numbers.random`.
    """

    training = False
    progress = 1.0

    def __init__(self, first: int = 0):
        self._first, self._count = first, 0

    def uniform(self, shape: tuple[int, ...], generator: Generated) -> np.ndarray:
        """Return multiples of ``2**-bits`` from [0, 1), for values of ``shape``, frames first, channels innermost."""
        seed, self._count = generator.seed + self._count, self._count + 1
        stream = generator_named(generator.generator, generator.bits)
        values = stream.draws(seed, math.prod(shape), self._first * math.prod(shape[1:]))
        return (values / 2**generator.bits).astype(np.float32).reshape(shape)


@dataclass(frozen=True)
class _Stochastic(Quantizer):
    """A quantizer whose weights are random while training and the nearest level in inference.

    Activations are random in both.

    Parameters
    ----------
    bits : int
        The random bits of a draw in hardware.
    seed, generator : int, str
        The seed and the generator of the operator ``StochasticQuant``; the n-th activation of a network, from 0, has
        the seed ``seed + n``.
    """

    bits: int = 8
    seed: int = 1
    generator: str = "lfsr"

    limit = 1.0
    rectified = False
    random = True
    kind: ClassVar[str]
    _method: ClassVar[Callable[..., jax.Array]]
    _weight_operator: ClassVar[Operator]

    def weights(self, x, state, draws):
        return self._nearest(x) if draws is None else self.activations(x, state, draws)

    def activations(self, x, state, draws):
        if draws is None:
            raise ValueError("Stochastic activations need draws")
        return apply(self._method, x, draws.uniform(x.shape, self), bits=self.bits)

    def operator(self, x, state):
        if x is not None:
            return self._weight_operator
        attributes = {"kind": self.kind, "bits": self.bits, "seed": self.seed, "generator": self.generator}
        return Operator("StochasticQuant", {"scale": 1}, attributes, EXCHANGE)


@dataclass(frozen=True)
class StochasticBipolar(_Stochastic):
    """-1 or +1 at random (`golden.methods.stochastic_sign`; Courbariaux and others 2015).

    In inference weights are their sign.
    """

    kind = "bipolar"
    _method = stochastic_sign
    _weight_operator = bipolar_operator()

    def _nearest(self, x):
        return apply(sign, x)


@dataclass(frozen=True)
class StochasticTernary(_Stochastic):
    """-1, 0 or +1 at random (`golden.methods.stochastic_ternary`; Lin and others 2016).

    In inference weights are whichever is nearest.
    """

    kind = "ternary"
    _method = stochastic_ternary
    _weight_operator = quant(1, 2, signed=True)

    def _nearest(self, x):
        return apply(uniform, x, jax.numpy.float32(1), lo=-1, hi=1)


@dataclass(frozen=True)
class GradientBits:
    """DoReFa's quantizer of the gradient that comes back to each product's output (Zhou and others 2016).

    It is `golden.methods.quantize_gradient`.
    """

    bits: int

    def __post_init__(self):
        check_bits(self.bits, 1)

    def __call__(self, x: Array, draws: Draws | None) -> Array:
        """Return ``x`` itself, through which a gradient is quantized; in inference ``draws`` is None."""
        return x if draws is None else _through(self.bits)(x, draws.uniform(x.shape))


@cache
def _through(bits):
    function = jax.custom_vjp(lambda x, draws: x)
    function.defvjp(
        lambda x, draws: (x, draws), lambda draws, grad: (methods.quantize_gradient(grad, draws, bits=bits), None)
    )
    return function
