"""The PE x SIMD processing array of a matrix-vector unit."""

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import wiring

from fewbit.hw.plan import component_of
from fewbit.hw.wires import Lanes, shape_of

from .integer_plan import IntegerArrayPlan
from .interface import array_members

__all__ = ["IntegerArray"]


@component_of(IntegerArrayPlan)
class IntegerArray(wiring.Component):
    """``pe`` dot products at a time, ``simd`` products each per cycle, over ``steps`` cycles: a row.

    For each row, ``acc[p] = init[p] + sum over steps and lanes of heap``, the heap of ``hw.heap.partial_products``:
    scale and offset are the parent's. Sums wrap modulo ``2**width``; the result must fit ``acc_shape``. It runs freely:
    one step per cycle, idle cycles wherever ``valid`` is low. The ``pe`` results leave as ``pe / lanes`` beats in
    consecutive cycles, results ``j * lanes ..`` in beat ``j``, the first one ``plan.latency`` cycles after ``last`` was
    presented.

    Parameters
    ----------
    plan : hw.arrays.integer_plan.IntegerArrayPlan

    Members
    -------
    x : ``In(Lanes(unsigned(x_format.bits), groups * simd))``
    w : ``In(Lanes(unsigned(w_format.bits), pe * simd))``
        Lane ``s`` of dot product ``p`` is element ``p * simd + s``.
    init : ``In(Lanes(acc_shape, pe))``
        Sampled with the first step of a row.
    valid, first, last : ``In(1)``
        A step is presented; it is the first, the last of its row.
    o : ``Out(Lanes(acc_shape, lanes))``, o_valid : ``Out(1)``
    """

    def __init__(self, plan):
        self.plan, x, w = plan, unsigned(plan.x_format.bits), unsigned(plan.weight_bits)
        super().__init__(array_members(plan, x=x, w=w, acc=shape_of(plan.acc_shape)))

    def elaborate(self, platform):
        m = Module()
        valid = self._delayed(m, "valid", self.valid)
        first = self._delayed(m, "first", self.valid & self.first)
        last = self._delayed(m, "last", self.valid & self.last)
        self._serialize(m, Cat(*self._accumulated(m, first, valid)), last[self.plan.heap_latency + 1])
        return m

    def _accumulated(self, m, first, valid):
        """Return the accumulators; ``first`` and ``valid`` have their past, as `_delayed` gives it."""
        init, units, late = self._held_init(m, first), self._dot_products(m), self.plan.heap_latency
        for unit, start in zip(units, init, strict=True):
            m.d.comb += [unit.init.eq(start), unit.load.eq(first[late]), unit.enable.eq(valid[late])]
        return [unit.o for unit in units]

    def _dot_products(self, m):
        """Return the processing elements, connected to their operands."""
        planes, units, (kind,) = [], [], self.plan.KINDS
        for g in range(self.plan.groups):
            x = Signal(Lanes(unsigned(self.plan.simd), self.plan.x_format.bits), name=f"x{g}")
            m.d.comb += Value.cast(x).eq(_planes([self.x[g * self.plan.simd + s] for s in range(self.plan.simd)]))
            planes.append(x)
        for p in range(self.plan.pe):
            m.submodules[f"pe{p}"] = pe = self.plan.pes[kind].make()
            m.d.comb += [
                pe.x.eq(planes[p * self.plan.groups // self.plan.pe]),
                Value.cast(pe.w).eq(_planes([self.w[p * self.plan.simd + s] for s in range(self.plan.simd)])),
            ]
            units.append(pe)
        return units

    def _delayed(self, m, name, value):
        """Return ``value`` and its past: element ``n`` is ``n`` cycles late."""
        past = Signal(self.plan.heap_latency + 1, name=f"{name}_past")
        m.d.sync += past.eq(Cat(value, past))
        return Cat(value, past)

    def _held_init(self, m, first):
        """Return ``init`` as it was at the first step of the row that is now accumulated.

        Rows begin at least ``steps`` cycles apart, so a chain of registers that hold for so long needs only
        ``ceil(heap_latency / steps)`` of them, where a delay line would have ``heap_latency``.
        """
        held = self.init
        for n, age in enumerate(range(0, self.plan.heap_latency, self.plan.steps)):
            after = Signal.like(held, name=f"init{n}", reset_less=True)
            with m.If(first[age] | (self.plan.steps == 1)):  # free-running, it may become a shift register
                m.d.sync += after.eq(held)
            held = after
        return held

    def _serialize(self, m, results, done):
        """Send the ``results`` that are there when ``done``, over as many cycles as it takes."""
        beats = self.plan.pe // self.plan.lanes
        if beats == 1:
            m.d.comb += [Value.cast(self.o).eq(results), self.o_valid.eq(done)]
            return
        size = len(results) // beats
        queue = Signal(len(results), reset_less=True)
        pending = Signal(beats)
        m.d.comb += [Value.cast(self.o).eq(queue), self.o_valid.eq(pending[0])]
        m.d.sync += pending.eq(pending >> 1)
        with m.If(done):
            m.d.sync += [queue.eq(results), pending.eq(-1)]
        with m.Else():
            m.d.sync += queue[:-size].eq(queue[size:])  # the last beat need not change: no LUT in front of it


def _planes(lanes):
    """Return the bit planes of the codes of ``lanes``."""
    return Cat(Cat(lane[bit] for lane in lanes) for bit in range(len(lanes[0])))
