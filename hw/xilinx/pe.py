"""Processing elements that are netlists of Xilinx primitives, as hardware."""

from amaranth.hdl import Cat, Const, Module, Signal, Value, unsigned
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.shared import SharedComponent
from fewbit.hw.wires import Lanes, shape_of

from .pe_plans import LutHeapPEPlan, LutIntegerPEPlan, LutRowsPlan

__all__ = ["LutHeapPE", "LutIntegerPE", "LutRowsUnit"]


class LutPEUnit(SharedComponent):
    """A `hw.xilinx.dot_product.LutPE` as hardware, its accumulator included; a subclass has the operands."""

    def __init__(self, plan, members):
        self.plan = plan
        shape = shape_of(plan.acc_shape)
        super().__init__(members | {"init": In(shape), "load": In(1), "enable": In(1), "o": Out(shape)})

    def operands(self):
        """Return a dict from the netlist's operand bits to values."""
        raise NotImplementedError

    @property
    def definition(self):
        return self.plan.definition

    def circuit(self):
        m = Module()
        pe, feedback = self.plan.pe, self.plan.feedback
        bits = {0: Const(0, 1), 1: Const(1, 1), **self.operands()}
        acc, init = Signal(len(Value.cast(self.o)), reset_less=True), Value.cast(self.init)
        bits.update((bit, init[k]) for k, bit in enumerate(pe.init))
        if feedback:
            bits[pe.load] = self.load
            bits.update((bit, acc[k]) for k, bit in enumerate(pe.held))
        self.plan.target.place(m, pe.netlist, bits, keep=True)
        total = Cat(bits[b] for b in pe.sum)
        if feedback:
            with m.If(self.enable):
                m.d.sync += acc.eq(total)
        else:
            m.d.sync += acc.eq(total)
        m.d.comb += Value.cast(self.o).eq(acc)
        return m


@component_of(LutIntegerPEPlan)
class LutIntegerPE(LutPEUnit):
    """`hw.heap.pe.IntegerPE` from LUT6_2, carry chains and flip-flops: members, timing and result are the same.

    Parameters
    ----------
    plan : hw.xilinx.pe_plans.LutIntegerPEPlan
    """

    def __init__(self, plan):
        super().__init__(plan, {
            "x": In(Lanes(unsigned(plan.simd), plan.x_format.bits)),
            "w": In(Lanes(unsigned(plan.simd), plan.w_format.bits)),
        })  # fmt: skip

    def operands(self):
        return _planes_of(self.plan.pe, self.x, self.w)


@component_of(LutHeapPEPlan)
class LutHeapPE(LutPEUnit):
    """`hw.heap.pe.HeapPE` likewise.

    Parameters
    ----------
    plan : hw.xilinx.pe_plans.LutHeapPEPlan
    """

    def __init__(self, plan):
        super().__init__(plan, {"heap": In(sum(plan.heights.values()))})

    def operands(self):
        return {bit: self.heap[k] for k, bit in enumerate(bit for column in self.plan.pe.x for bit in column)}


@component_of(LutRowsPlan)
class LutRowsUnit(SharedComponent):
    """A `hw.xilinx.dot_product.LutRows` as hardware.

    Parameters
    ----------
    plan : hw.xilinx.pe_plans.LutRowsPlan

    Members
    -------
    x, w : as `hw.heap.pe.IntegerPE`
    a, b : ``Out(plan.width)``
        The two rows, ``plan.latency`` cycles later.
    """

    def __init__(self, plan):
        self.plan, rows = plan, plan.rows
        planes = {"x": rows.x, "w": rows.w}
        members = {name: In(Lanes(unsigned(len(p[0])), len(p))) for name, p in planes.items()}
        super().__init__(members | {"a": Out(len(rows.rows[0])), "b": Out(len(rows.rows[0]))})

    @property
    def definition(self):
        return self.plan.definition

    def circuit(self):
        m = Module()
        rows = self.plan.rows
        bits = {0: Const(0, 1), 1: Const(1, 1), **_planes_of(rows, self.x, self.w)}
        self.plan.target.place(m, rows.netlist, bits, keep=True)
        for output, row in zip((self.a, self.b), rows.rows, strict=True):
            m.d.comb += output.eq(Cat(bits[bit] for bit in row))
        return m


def _planes_of(unit, x, w):
    """Return a dict from the operand bits of a netlist to those of ``x`` and ``w``, which are bit planes."""
    return {
        bit: member[k][lane]
        for planes, member in ((unit.x, x), (unit.w, w))
        for k, plane in enumerate(planes)
        for lane, bit in enumerate(plane)
    }
