"""The PE x SIMD array with its accumulators in DSP blocks, four of 12 bits to each (or two of 24)."""

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Mux, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.wires import Lanes
from fewbit.hw.xilinx.dsp48 import REGISTERS, SPLITS, WIDTH, Dsp48, sums_of

from .dsp_plans import DspSumArrayPlan
from .integer import IntegerArray

__all__ = ["DspSumArray", "Sums"]


class Sums(wiring.Component):
    """Accumulators of one DSP48: ``o[k] = (0 if load else o[k]) + a[k] + b[k]``, modulo ``2**(48/count)``, if enabled.

    One step a cycle, latency 1. Its adder of three operands (UG479) is split into ``count`` parts: the rows of four PEs
    come in at A:B and C, and P is what it holds.

    Parameters
    ----------
    count : int
        Accumulators: 4, 2 or 1.
    dsp48 : hw.xilinx.dsp48.Dsp48 or None
        The primitive; ``None`` for an expression that does what it does.

    Raises
    ------
    ValueError
        If the adder cannot be split so.

    Members
    -------
    a, b : ``In(Lanes(unsigned(48/count), count))``
    load, enable : ``In(1)``
    o : ``Out(Lanes(unsigned(48/count), count))``
    """

    LATENCY = 1

    def __init__(self, *, count: int, dsp48: Dsp48 | None):
        if count not in SPLITS:
            raise ValueError(f"Count must be one of {', '.join(map(str, SPLITS))}, not {count!r}")
        self._count, self._dsp48 = count, dsp48
        parts = Lanes(unsigned(WIDTH // count), count)
        super().__init__({"a": In(parts), "b": In(parts), "load": In(1), "enable": In(1), "o": Out(parts)})

    def elaborate(self, platform):
        m = Module()
        if self._dsp48 is not None:
            m.submodules.dsp = self._instance(Value.cast(self.a), Value.cast(self.b))
            return m
        with m.If(self.enable):
            for k in range(self._count):
                m.d.sync += self.o[k].eq(Mux(self.load, 0, self.o[k]) + self.a[k] + self.b[k])
        return m

    def _instance(self, a, b):
        held = Cat(Const(0, 1), ~self.load, Const(0, 1))  # Z: P, or zero
        opmode = Cat(Const(0b1111, 4), held, Const(0, self._dsp48.opmode_bits - 7))  # X: A:B, Y: C
        idle = {f"i_{name}": Const(0, bits) for name, bits in self._dsp48.idle.items()}
        return Instance(
            self._dsp48.name, **{f"p_{name}": 0 for name in REGISTERS}, p_PREG=1, p_USE_MULT="NONE",
            p_USE_SIMD=SPLITS[self._count], **idle, i_A=a[18:], i_B=a[:18], i_C=b,
            i_OPMODE=opmode, i_CEP=self.enable, i_CLK=ClockSignal(), o_P=Value.cast(self.o),
        )  # fmt: skip


@component_of(DspSumArrayPlan)
class DspSumArray(IntegerArray):
    """`IntegerArray` with its accumulators in DSPs. Members, timing and throughput are the same, but for ``init``,
    which must be zero: what a DSP adds in its three operands is two rows of bits and what it holds.

    Parameters
    ----------
    plan : hw.arrays.dsp_plans.DspSumArrayPlan
    """

    def _accumulated(self, m, first, valid):
        p, units, width = self.plan, self._dot_products(m), self.plan.acc_shape.width
        count, sums = sums_of(width), []
        load = first[p.heap_latency] if p.steps > 1 else 1
        for n in range(0, len(units), count):
            m.submodules[f"sums{n}"] = dsp = Sums(count=count, dsp48=p.target.dsp48)
            m.d.comb += [dsp.load.eq(load), dsp.enable.eq(valid[p.heap_latency])]
            for k, unit in enumerate(units[n : n + count]):
                m.d.comb += [dsp.a[k].eq(unit.a), dsp.b[k].eq(unit.b)]
                sums.append(dsp.o[k][:width])
        return sums
