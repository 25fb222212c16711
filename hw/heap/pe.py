"""Processing elements that are made of operators."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.shared import SharedComponent
from fewbit.hw.wires import Lanes, shape_of

from .bit_heap import BitHeap, Compressor
from .pe_plans import HeapPEPlan, IntegerPEPlan

__all__ = ["HeapPE", "IntegerPE"]


@component_of(IntegerPEPlan)
class IntegerPE(SharedComponent):
    """One processing element: the heap of ``simd`` products, and an accumulator.

    ``o = (init if load else o) + sum(heap of lane s)``, modulo ``2**width``. The heap of operands presented in cycle
    ``t`` is accumulated at the end of cycle ``t + plan.latency``, if ``enable`` is then high, and ``o`` shows it in the
    next one. One step per cycle.

    Parameters
    ----------
    plan : hw.heap.pe_plans.IntegerPEPlan

    Members
    -------
    x, w : ``In(Lanes(unsigned(simd), bits))``
        Codes as bit planes: bit ``s`` of plane ``i`` is bit ``i`` of lane ``s``.
    init : ``In(acc_shape)``, load, enable : ``In(1)``
        What goes with the heap, ``plan.latency`` cycles after ``x`` and ``w``.
    o : ``Out(acc_shape)``
    """

    def __init__(self, plan):
        self.plan = plan
        acc = shape_of(plan.acc_shape)
        super().__init__({
            "x": In(Lanes(unsigned(plan.simd), plan.x_format.bits)),
            "w": In(Lanes(unsigned(plan.simd), plan.w_format.bits)),
            "init": In(acc), "load": In(1), "enable": In(1), "o": Out(acc),
        })  # fmt: skip

    @property
    def definition(self):
        return self.plan.definition

    def circuit(self):
        m = Module()
        heap = BitHeap()
        for bits, exponent in self.plan.terms.terms(self.x, self.w):
            heap.add_bits(bits, exponent)
        m.submodules.sum = unit = self.plan.sum.make()
        bits = heap.bits()
        if self.plan.registered:
            bits = Signal(len(bits), name="products", reset_less=True)
            m.d.sync += bits.eq(heap.bits())
        m.d.comb += [unit.heap.eq(bits), unit.load.eq(self.load), unit.enable.eq(self.enable)]
        m.d.comb += [unit.init.eq(self.init), self.o.eq(unit.o)]
        return m


@component_of(HeapPEPlan)
class HeapPE(SharedComponent):
    """What is left of a processing element behind its products: ``o = (init if load else o) + sum(heap)``.

    Parameters
    ----------
    plan : hw.heap.pe_plans.HeapPEPlan

    Members
    -------
    heap : ``In(bits)``
        Bits of the heap, by rising exponent.
    init, load, enable, o : as `IntegerPE`
    """

    def __init__(self, plan):
        self.plan = plan
        self._acc = shape_of(plan.acc_shape)
        super().__init__({
            "heap": In(sum(plan.heights.values())), "init": In(self._acc), "load": In(1), "enable": In(1),
            "o": Out(self._acc),
        })  # fmt: skip

    @property
    def definition(self):
        return self.plan.definition

    def circuit(self):
        m = Module()
        m.submodules.compressor = compressor = Compressor(plan=self.plan.compression)
        m.d.comb += compressor.i.eq(self.heap)
        acc = Signal(self._acc.width, reset_less=True)
        m.d.comb += self.o.eq(acc)
        init = self.init.as_unsigned() if self._acc.signed else self.init
        if self.plan.feedback:
            with m.If(self.enable):  # the choice fits into the LUTs of the carry chain
                m.d.sync += acc.eq(compressor.o + Mux(self.load, init, acc))
        else:
            m.d.sync += acc.eq(compressor.o + init)
        return m
