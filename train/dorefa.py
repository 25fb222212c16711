"""The quantizers of DoReFa (Zhou and others 2016), whose steps follow from the bits.

Steps have ``precision`` significant bits, as the scales of `scaled` have.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from fewbit.golden import methods
from fewbit.golden.model_file.domains import EXCHANGE

from .autodiff import apply
from .quantize import Operator, Quantizer, bipolar_operator, check_bits, quant

__all__ = ["DoReFaActivations", "DoReFaSign", "DoReFaWeights"]


@dataclass(frozen=True)
class DoReFaSign(Quantizer):
    """DoReFa's weights of one bit (`golden.methods.dorefa_sign`; Zhou and others 2016): the sign times ``E|w|``."""

    precision: int | None = 8

    roles = ("weights",)

    def __call__(self, x, state=None):
        return apply(methods.dorefa_sign, x, bits=self.precision)

    def operator(self, x, state):
        return bipolar_operator(np.abs(np.asarray(self(x))).max(keepdims=True))


class _Fixed(Quantizer):
    """A quantizer of DoReFa's step, ``1 / (2**bits - 1)`` on the grid."""

    bits: int
    precision: int | None

    @property
    def step(self) -> np.float32:
        """The difference of two levels that follow each other."""
        return methods.to_grid(np.float32(1) / np.float32(2**self.bits - 1), self.precision)


@dataclass(frozen=True)
class DoReFaWeights(_Fixed):
    """DoReFa's weights of 2 to 4 bits (`golden.methods.dorefa_weights`). One bit is `DoReFaSign`."""

    bits: int
    precision: int | None = 5

    roles = ("weights",)

    def __post_init__(self):
        check_bits(self.bits, 2, 4)

    def __call__(self, x, state=None):
        return apply(methods.dorefa_weights, x, bits=self.bits, step=float(self.step))

    def operator(self, x, state):
        basis = self.step * 2 ** np.arange(self.bits, dtype=np.float32)
        return Operator("BasisQuant", {"basis": basis}, domain=EXCHANGE)


@dataclass(frozen=True)
class DoReFaActivations(_Fixed):
    """DoReFa's activations, 0 to 1 (`golden.methods.dorefa_activations`; Zhou and others 2016)."""

    bits: int
    precision: int | None = 5

    roles = ("activations",)

    def __post_init__(self):
        check_bits(self.bits, 1)

    def __call__(self, x, state=None):
        # To XLA no constant, which it would divide by as a multiplication with the reciprocal.
        step = jax.lax.optimization_barrier(jnp.float32(self.step))
        return apply(methods.dorefa_activations, x, step, bits=self.bits)

    def operator(self, x, state):
        return quant(self.step, self.bits, signed=False)
