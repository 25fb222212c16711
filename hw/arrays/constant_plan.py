"""The numbers of the array of a layer that is unfolded altogether, so that its weights are constants."""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.latency import Meeting
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.target import Target
from fewbit.hw.xilinx.constant_matrix import best_matrix

__all__ = ["ConstantArrayPlan", "planes_of"]


def planes_of(x_format: Format) -> tuple[tuple[int, ...], int]:
    """Return ``(planes, base)``: a value is ``sum(planes[k] * bit k of its code) + base``."""
    planes = [x_format.spacing << k for k in range(x_format.bits)]
    if x_format.signed:
        planes[-1] *= -1
    return tuple(planes), x_format.origin


class ConstantArrayPlan(Plan):
    """``o = init + heap`` for every neuron at once, a vector per cycle.

    Parameters
    ----------
    x_format, w_format : golden formats of activations and weights
    weights : int array (neurons, inputs)
        Values. Neuron ``n`` reads the lanes of group ``n // (neurons / groups)``.
    init : list of int
        Initial value of each neuron's accumulator.
    acc_shape : hw.shapes.IntShape
        Shape of a sum.
    groups : int
        Groups of neurons, each of which reads lanes of its own.
    target : hw.targets.target.Target
        A target with netlists.

    Attributes
    ----------
    products : list of tuples
        What each group computes: the arguments of `hw.xilinx.constant_matrix.best_matrix`.
    matrices : list of hw.xilinx.constant_matrix.LutMatrix
        Matrix of each group.
    met : hw.latency.Meeting
        Where the groups have their sums.
    latency : int
        Cycles from a vector to its sums.
    luts : int
        LUT6_2 that it takes, by construction.
    dsps : int
        DSP blocks that it takes: none.

    Raises
    ------
    ValueError
        If the parameters do not fit each other.
    """

    dsps = 0

    def __init__(
        self,
        *,
        x_format: Format,
        w_format: Format,
        weights: np.ndarray,
        init: Sequence[int],
        acc_shape: IntShape,
        target: Target,
        groups: int = 1,
    ):
        weights = np.asarray(weights)
        if weights.ndim != 2 or not weights.size:
            raise ValueError(f"Weights must be neurons by inputs, not of shape {weights.shape}")
        if groups < 1 or len(weights) % groups:
            raise ValueError(f"Groups must divide the {len(weights)} neurons, not {groups!r}")
        if len(init) != len(weights):
            raise ValueError(f"Init must be {len(weights)}, one for each neuron, not {len(init)}")
        self.x_format, self.acc_shape, self.target, self.groups = x_format, acc_shape, target, groups
        self.neurons, self.inputs = weights.shape
        terms = product_terms(x_format, w_format)
        self.products = [
            self._product(terms, part, constants)
            for part, constants in zip(np.split(weights, groups), np.split(np.asarray(init), groups), strict=True)
        ]
        self.matrices = [best_matrix(*product) for product in self.products]
        self.met = Meeting("groups", {f"group {g}": matrix.latency for g, matrix in enumerate(self.matrices)})
        self.latency = self.met.latency + 1
        self.luts = sum(matrix.luts for matrix in self.matrices)

    def _product(self, terms, weights, init):
        """Return the matrix of a group's heap: ``scale*heap == x*w - offset(w)``, in which ``x`` is bits and a base."""
        planes, base = planes_of(terms.x_format)
        constants = init + (base * weights - terms.offset(weights)).sum(axis=1) // terms.scale
        return (
            tuple(tuple(row) for row in weights.tolist()),
            tuple(plane // terms.scale for plane in planes),
            tuple(constants.tolist()),
            self.acc_shape.width,
        )
