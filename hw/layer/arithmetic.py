"""What all ways to make a layer's products share, and the plain one: integers in their smallest format."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import format_for
from fewbit.hw.arrays.coded_plan import HeapPart
from fewbit.hw.arrays.cost import pe_flip_flops, pe_luts, rom_luts
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.heap.partial_products import ProductTerms, product_terms
from fewbit.hw.targets.target import Target

from .shape import LayerShape

__all__ = ["Arithmetic", "Plain"]

_FLIP_FLOPS = 1.6  # of a PE for each of its LUTs, about


class Arithmetic:
    """A way in which the products of a layer are made, and what all of these share.

    Parameters
    ----------
    dense : golden.network.dense.Dense
        The layer, of N neurons by K inputs.
    x_format : Format
        Format of the stream that it reads.

    Attributes
    ----------
    name : str
        The way's name, one of `hw.folding.PRODUCTS`.
    lane_format : Format
        Format of what enters the array.
    x_table : tuple of int or None
        Code of ``lane_format`` for every code of the stream; ``None`` if they are equal.
    pad_value : int
        Value of an input that is padding.
    w_format : Format
        Format of a weight as the products take it.
    weight_bits, pad_weight : int
        Bits of a weight in memory; code there of a weight that is padding.
    terms : hw.heap.partial_products.ProductTerms
        Partial products of a lane.
    parts : tuple of hw.arrays.coded_plan.HeapPart, or None
        Heaps of a PE; ``None`` for one heap whose weights are as the memory has them.
    scale : int
        The model's accumulator is ``scale*heap`` plus a number a neuron.
    coefficients : int64 (N, parts) or None
        What the sums of the parts are multiplied by, if there are several.
    in_words : str
        How products are made, for reports.
    starts_at_zero : bool
        Whether accumulators can start with nothing else than zero.
    """

    name: str
    parts: tuple[HeapPart, ...] | None = None
    coefficients: np.ndarray | None = None
    in_words = "LUTs"
    starts_at_zero = False
    w_format: Format
    terms: ProductTerms
    scale: int
    weight_bits: int
    pad_weight: int

    def __init__(self, dense: Dense, x_format: Format):
        self.dense, self.x_format = dense, x_format
        self.lane_format = x_format
        self.x_table: tuple[int, ...] | None = None
        if not x_format.linear:
            every = x_format.decode(np.arange(1 << x_format.bits))
            self.lane_format = format_for(every)
            self.x_table = tuple(self.lane_format.encode(every).tolist())
        self.pad_value = int(x_format.decode(0))

    @property
    def offsets(self) -> np.ndarray:
        """Numbers that are added to ``scale*heap``, int64 ``(N,)``; what pads add is not counted."""
        return self._summed(self.terms.offset)

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest heap of every neuron, two arrays int64 ``(N,)``; what pads add is not counted."""

        def end_of(pick):
            ends = self.x_format.lo, self.x_format.hi
            return self._summed(lambda weights: pick(*(self.terms.heap(end, weights) for end in ends)))

        return end_of(np.minimum), end_of(np.maximum)

    def _summed(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return the sum of a function of every weight of a neuron, int64 ``(N,)``."""
        if self._counted is None:
            return function(self.dense.weights).sum(axis=1)
        values, counts = self._counted
        return counts @ function(values)

    @cached_property
    def _counted(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The weights that occur, ``(values,)``, and how often each neuron has each of them, ``(N, values)``; None
        where these are not far fewer than a neuron's inputs.
        """
        weights = self.dense.weights
        least, count = int(weights.min()), len(weights)
        span = int(weights.max()) - least + 1
        if 4 * span > weights.shape[1]:
            return None
        places = weights - least
        places += span * np.arange(count)[:, None]
        counts = np.bincount(places.reshape(-1), minlength=count * span).reshape(count, span)
        found = counts.any(axis=0)
        return np.flatnonzero(found) + least, counts[:, found]

    @property
    def exponents(self) -> tuple[int, ...]:
        """Exponents of the bits that a lane adds to a heap."""
        return self.terms.exponents

    @cached_property
    def codes(self) -> np.ndarray:
        """Weights as the memory has them, ``(neurons, inputs)``."""
        raise NotImplementedError

    @property
    def pad_heap(self) -> int | np.ndarray:
        """Heap of a lane that is padding: by neuron, or one number for all."""
        raise NotImplementedError

    def pe_luts(self, simd: int, acc: int, feedback: bool) -> float:
        """Return about the LUTs of a PE of ``simd`` lanes, with an accumulator of ``acc`` bits."""
        raise NotImplementedError

    def pe_flip_flops(self, simd: int, acc: int, feedback: bool) -> float:
        """Return about the flip-flops of such a PE."""
        return _FLIP_FLOPS * self.pe_luts(simd, acc, feedback)

    def luts(self, shape: LayerShape, acc: int) -> float:
        """Return about the LUTs that a layer of this shape takes, with accumulators of ``acc`` bits."""
        memory = rom_luts(self.weight_bits * shape.pe * shape.simd, shape.words)
        return shape.pe * self.pe_luts(shape.simd, acc, shape.steps > 1) + memory + self.beside(shape, acc)

    def beside(self, shape: LayerShape, acc: int) -> int:
        """Return about the LUTs of what is there once, not for every PE."""
        return 0

    def dsps(self, pe: int, acc: int) -> int:
        """Return the DSPs that ``pe`` PEs with accumulators of ``acc`` bits take for these."""
        return 0

    def array(self, *, target: Target, **common: Any) -> IntegerArrayPlan:
        """Return the plan of an array with these products.

        Parameters are those of `hw.arrays.integer_plan.IntegerArrayPlan`, without formats and weights.
        """
        return IntegerArrayPlan(
            x_format=self.lane_format,
            w_format=self.w_format,
            weight_bits=self.weight_bits,
            parts=self.parts,
            target=target,
            **common,
        )


class Plain(Arithmetic):
    """Weights are integers in their smallest format."""

    name = "plain"

    def __init__(self, dense: Dense, x_format: Format):
        super().__init__(dense, x_format)
        self.w_format = self._format()
        self.terms = product_terms(self.lane_format, self.w_format)
        self.scale, self.weight_bits = self.terms.scale, self.w_format.bits
        self.pad_weight = self.terms.pad_weight

    def _format(self) -> Format:
        return self.dense.weight_format

    @cached_property
    def codes(self) -> np.ndarray:
        return self.w_format.encode(self.dense.weights)

    @property
    def pad_heap(self) -> int:
        return int(self.terms.heap(self.pad_value, self.w_format.decode(self.pad_weight)))

    def pe_luts(self, simd: int, acc: int, feedback: bool) -> float:
        return pe_luts(self.lane_format, self.w_format, simd, acc, feedback)

    def pe_flip_flops(self, simd: int, acc: int, feedback: bool) -> float:
        return pe_flip_flops(self.lane_format, self.w_format, simd, acc, feedback)
