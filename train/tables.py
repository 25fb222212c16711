"""Quantizers whose levels are not uniform: LQ-Nets, clusters, powers of two.

Bases and levels lie on a grid, ``precision`` bits below the largest of a tensor (`golden.methods.to_grid`).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from fewbit.golden import methods
from fewbit.golden.methods import lqnets
from fewbit.golden.model_file.domains import EXCHANGE

from .autodiff import apply
from .quantize import BOTH, Operator, Quantizer, check_bits

__all__ = ["Clusters", "Lq", "LogarithmicWeights"]


def _operator(name: str, **operands: ArrayLike) -> Operator:
    return Operator(name, operands, domain=EXCHANGE)


@dataclass(frozen=True)
class Lq(Quantizer):
    """LQ-Nets (Zhang and others 2018), ``bits`` basis vectors; for weights per channel, for activations per tensor.

    The basis is a moving average of alternating least squares (`golden.methods.lqnets`), one step of it in each
    training step. The gradient of weights is 1, that of activations is 0 beyond the outer levels. Rectified activations
    have digits 0 and 1, as in the authors' program, so that zero is a level; others, and weights, -1 and +1.
    """

    bits: int
    per_channel: bool = False
    precision: int | None = 8
    rectified: bool = False

    def __post_init__(self):
        check_bits(self.bits, 1, 4)

    @property
    def roles(self):
        return ("weights",) if self.per_channel else BOTH

    @property
    def digits(self):
        return "binary" if self.rectified else "bipolar"

    def init(self, x, reach):
        basis = lqnets.first_basis(x, self.bits, per_channel=self.per_channel)
        return {"basis": lqnets.refine(x, basis, momentum=0, digits=self.digits)}

    def _basis(self, state):
        return methods.to_grid(jax.lax.stop_gradient(state["basis"]), self.precision)

    def weights(self, x, state, draws):
        return apply(methods.basis_quant, x, self._basis(state), clip=False, digits=self.digits)

    def activations(self, x, state, draws):
        return apply(methods.basis_quant, x, self._basis(state), clip=True, digits=self.digits)

    def renewed(self, x, state):
        return {"basis": lqnets.refine(x, state["basis"], digits=self.digits)}

    def operator(self, x, state):
        basis = np.asarray(self._basis(state))
        if self.per_channel:
            basis = basis.reshape((1,) * (x.ndim - 1) + basis.shape)
        return Operator("BasisQuant", {"basis": basis}, {"digits": self.digits} if self.rectified else {}, EXCHANGE)


@dataclass(frozen=True)
class Clusters(Quantizer):
    """A codebook of ``2**bits`` centroids for a tensor of weights, as in Deep Compression (Han and others 2016).

    Weights stay in the clusters that k-means gave them.

    Begin with trained weights (``start`` of `fit.train`): only the centroids move.
    """

    bits: int
    precision: int | None = 8

    roles = ("weights",)

    def __post_init__(self):
        check_bits(self.bits, 1, 6)

    def init(self, x, reach):
        centroids = methods.kmeans(x, 2**self.bits)
        return {"centroids": centroids, "anchors": centroids}

    def _centroids(self, state):
        return apply(methods.rounded, state["centroids"], bits=self.precision)

    def __call__(self, x, state):
        return apply(methods.cluster, x, self._centroids(state), jax.lax.stop_gradient(state["anchors"]))

    def operator(self, x, state):
        return _operator("LevelQuant", levels=np.sort(np.asarray(self._centroids(state))))


@dataclass(frozen=True)
class LogarithmicWeights(Quantizer):
    """Weights of 0 and ``2**(bits-1) - 1`` magnitudes, powers of two (`golden.methods.logarithmic`)."""

    bits: int

    roles = ("weights",)

    def __post_init__(self):
        check_bits(self.bits, 2, 4)

    def __call__(self, x, state=None):
        return apply(methods.logarithmic, x, bits=self.bits)

    def operator(self, x, state):
        return _operator("LevelQuant", levels=np.asarray(methods.logarithmic_levels(jnp.asarray(x), self.bits)))
