"""The array of a layer that is unfolded altogether, so that its weights are constants."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.wires import Lanes, delayed, shape_of
from fewbit.hw.xilinx.netlist import plain

from .constant_plan import ConstantArrayPlan

__all__ = ["ConstantArray"]


@component_of(ConstantArrayPlan)
class ConstantArray(wiring.Component):
    """``o = init + heap`` for every neuron at once, a vector per cycle: `hw.arrays.integer.IntegerArray` of constant
    weights.

    The heap is that of `hw.heap.partial_products`. Neurons share sums (`hw.xilinx.constant_matrix`), in LUT6_2 and
    carry chains.

    Parameters
    ----------
    plan : hw.arrays.constant_plan.ConstantArrayPlan

    Members
    -------
    x : ``In(Lanes(unsigned(x_format.bits), groups * inputs))``
    valid, first, last : ``In(1)``
        A vector is presented: its only step is the first and the last.
    o : ``Out(Lanes(acc_shape, neurons))``, o_valid : ``Out(1)``
        ``plan.latency`` cycles later.
    """

    def __init__(self, plan):
        self.plan = plan
        acc = shape_of(plan.acc_shape)
        super().__init__({
            "x": In(Lanes(unsigned(plan.x_format.bits), plan.groups * plan.inputs)),
            "valid": In(1), "first": In(1), "last": In(1),
            "o": Out(Lanes(acc, plan.neurons)), "o_valid": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p, results = self.plan, []
        for g, matrix in enumerate(p.matrices):
            x = Cat(self.x[g * p.inputs + n] for n in range(p.inputs))
            m.submodules[f"group{g}"] = group = _Group(matrix, p.target)
            m.d.comb += group.x.eq(delayed(m, x, p.met.wait(f"group {g}"), f"x{g}_"))
            results.append(group.o)
        m.d.comb += Value.cast(self.o).eq(Cat(*results))
        valid = Signal(p.latency)
        m.d.sync += valid.eq(Cat(self.valid & self.last, valid))
        m.d.comb += self.o_valid.eq(valid[-1])
        return m


class _Group(wiring.Component):
    """A matrix as hardware, its sums in registers."""

    def __init__(self, matrix, target):
        self._matrix, self._target = matrix, target
        lanes, bits = len(matrix.x[0]), len(matrix.x)
        super().__init__({
            "x": In(lanes * bits), "o": Out(Lanes(unsigned(len(matrix.sum[0])), len(matrix.sum)))
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        matrix, planes = self._matrix, len(self._matrix.x)
        bits = {0: Const(0, 1), 1: Const(1, 1)}
        bits.update((bit, self.x[n * planes + k]) for k, plane in enumerate(matrix.x) for n, bit in enumerate(plane))
        self._target.place(m, matrix.netlist, bits)
        sums = [Cat(bits[b] if b >= 0 else ~bits[plain(b)] for b in row) for row in matrix.sum]
        m.d.sync += Value.cast(self.o).eq(Cat(*sums))
        return m
