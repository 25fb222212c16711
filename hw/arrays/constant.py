# amaranth: UnusedElaboratable=no
"""The array of a layer that is unfolded altogether, so that its weights are constants."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.latency import Meeting, delayed
from fewbit.hw.target import Luts
from fewbit.hw.xilinx.constant_matrix import best_matrix
from fewbit.hw.xilinx.instances import place
from fewbit.hw.xilinx.netlist import plain

__all__ = ["ConstantArray", "planes_of"]


def planes_of(x_format):
    """``(planes, base)``: a value is ``sum(planes[k] * bit k of its code) + base``."""
    planes = [x_format.spacing << k for k in range(x_format.bits)]
    if x_format.signed:
        planes[-1] *= -1
    return tuple(planes), x_format.origin


class ConstantArray(wiring.Component):
    """``o = init + heap`` for every neuron at once, a vector per cycle: `hw.arrays.integer.IntegerArray` of constant
    weights.

    The heap is that of `hw.heap.partial_products`. Neurons share sums (`hw.xilinx.constant_matrix`), in LUT6_2 and
    carry chains.

    Parameters
    ----------
    x_format, w_format : Format
    weights : int array (neurons, inputs)
        Values. Neuron ``n`` reads the lanes of group ``n // (neurons / groups)``.
    init : list of int
        By neuron.
    acc_shape : Shape
    groups : int
    luts : hw.target.Luts
        Any but operators.

    Members
    -------
    x : ``In(ArrayLayout(unsigned(x_format.bits), groups * inputs))``
    valid, first, last : ``In(1)``
        A vector is presented: its only step is the first and the last.
    o : ``Out(ArrayLayout(acc_shape, neurons))``, o_valid : ``Out(1)``
        ``LATENCY`` cycles later.
    """

    dsps = 0  # that it takes

    def __init__(self, *, x_format, w_format, weights, init, acc_shape, groups=1, luts=Luts.INSTANCES):
        weights = np.asarray(weights)
        if weights.ndim != 2 or not weights.size:
            raise ValueError(f"Weights must be neurons by inputs, not of shape {weights.shape}")
        if groups < 1 or len(weights) % groups:
            raise ValueError(f"Groups must divide the {len(weights)} neurons, not {groups!r}")
        if len(init) != len(weights):
            raise ValueError(f"Init must be {len(weights)}, one for each neuron, not {len(init)}")
        self._luts, self._inputs, self._acc_shape = luts, weights.shape[1], Shape.cast(acc_shape)
        self._matrices = [
            self._matrix(product_terms(x_format, w_format), part, constants)
            for part, constants in zip(np.split(weights, groups), np.split(np.asarray(init), groups), strict=True)
        ]
        self._met = Meeting("groups", {f"group {g}": matrix.latency for g, matrix in enumerate(self._matrices)})
        super().__init__({
            "x": In(ArrayLayout(unsigned(x_format.bits), groups * self._inputs)),
            "valid": In(1), "first": In(1), "last": In(1),
            "o": Out(ArrayLayout(acc_shape, len(weights))), "o_valid": Out(1),
        })  # fmt: skip

    def _matrix(self, terms, weights, init):
        """Of the heap: ``scale*heap == x*w - offset(w)``, in which ``x`` is bits by their planes, and a base."""
        planes, base = planes_of(terms.x_format)
        constants = init + (base * weights - terms.offset(weights)).sum(axis=1) // terms.scale
        return best_matrix(
            tuple(tuple(row) for row in weights.tolist()),
            tuple(plane // terms.scale for plane in planes),
            tuple(constants.tolist()),
            self._acc_shape.width,
        )

    @property
    def LATENCY(self):
        return self._met.latency + 1

    @property
    def luts(self):
        """LUT6_2 that it takes, by construction."""
        return sum(matrix.luts for matrix in self._matrices)

    def elaborate(self, platform):
        m = Module()
        results = []
        for g, matrix in enumerate(self._matrices):
            x = Cat(self.x[g * self._inputs + n] for n in range(self._inputs))
            m.submodules[f"group{g}"] = group = _Group(matrix, self._luts)
            m.d.comb += group.x.eq(delayed(m, x, self._met.wait(f"group {g}"), f"x{g}_"))
            results.append(group.o)
        m.d.comb += Value.cast(self.o).eq(Cat(*results))
        valid = Signal(self.LATENCY)
        m.d.sync += valid.eq(Cat(self.valid & self.last, valid))
        m.d.comb += self.o_valid.eq(valid[-1])
        return m


class _Group(wiring.Component):
    """A matrix as hardware, its sums in registers."""

    def __init__(self, matrix, luts):
        self._matrix, self._luts = matrix, luts
        lanes, bits = len(matrix.x[0]), len(matrix.x)
        super().__init__({
            "x": In(lanes * bits), "o": Out(ArrayLayout(unsigned(len(matrix.sum[0])), len(matrix.sum)))
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        matrix, planes = self._matrix, len(self._matrix.x)
        bits = {0: Const(0, 1), 1: Const(1, 1)}
        bits.update((bit, self.x[n * planes + k]) for k, plane in enumerate(matrix.x) for n, bit in enumerate(plane))
        place(m, matrix.netlist, bits, self._luts)
        sums = [Cat(bits[b] if b >= 0 else ~bits[plain(b)] for b in row) for row in matrix.sum]
        m.d.sync += Value.cast(self.o).eq(Cat(*sums))
        return m
