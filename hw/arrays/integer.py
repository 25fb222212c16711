# amaranth: UnusedElaboratable=no
"""The PE x SIMD processing array of a matrix-vector unit."""

from collections import Counter

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.heap.bit_heap import BitHeap, Compressor
from fewbit.hw.heap.compression import plan_compression
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.latency import Meeting
from fewbit.hw.target import Luts
from fewbit.hw.xilinx.instances import LutHeapPE, LutIntegerPE

from .coded import CodedPE

__all__ = ["HeapPE", "IntegerArray", "IntegerPE"]


class IntegerPE(wiring.Component):
    """One processing element: the heap of ``simd`` products, and an accumulator.

    ``o = (init if load else o) + sum(heap of lane s)``, modulo ``2**width``. The heap of operands presented in cycle
    ``t`` is accumulated at the end of cycle ``t + HEAP_LATENCY``, if ``enable`` is then high, and ``o`` shows it in the
    next one. One step per cycle.

    Parameters
    ----------
    x_format, w_format : Format
        Number formats of activations and weights.
    simd : int
        Lanes.
    acc_shape : Shape
        Shape of the accumulator.
    feedback : bool
        Whether to accumulate; if not, ``o = init + sum(heap)`` in every cycle, and ``load`` and ``enable`` are ignored.
    luts : hw.target.Luts
        With primitives, what is behind the products is a `LutHeapPE`, and a register stands between.

    Members
    -------
    x, w : ``In(ArrayLayout(unsigned(simd), bits))``
        Codes as bit planes: bit ``s`` of plane ``i`` is bit ``i`` of lane ``s``.
    init : ``In(acc_shape)``, load, enable : ``In(1)``
        In step with the heap: ``HEAP_LATENCY`` cycles after ``x`` and ``w``.
    o : ``Out(acc_shape)``
    """

    def __init__(self, *, x_format, w_format, simd, acc_shape, feedback=True, luts=Luts.OPERATORS):
        if simd < 1:
            raise ValueError(f"SIMD must be at least 1, not {simd!r}")
        self._terms = product_terms(x_format, w_format)
        heights = Counter(self._terms.exponents * simd)
        self._registered = luts is not Luts.OPERATORS
        common = dict(heights=heights, acc_shape=acc_shape, feedback=feedback)
        if self._registered:
            self._sum = LutHeapPE(luts=luts, **common)
        else:
            self._sum = HeapPE(fan_in=self._terms.fan_in, **common)
        super().__init__({
            "x": In(ArrayLayout(unsigned(simd), x_format.bits)), "w": In(ArrayLayout(unsigned(simd), w_format.bits)),
            "init": In(acc_shape), "load": In(1), "enable": In(1), "o": Out(acc_shape),
        })  # fmt: skip

    @property
    def HEAP_LATENCY(self):
        return self._registered + self._sum.HEAP_LATENCY

    def elaborate(self, platform):
        m = Module()
        heap = BitHeap()
        for bits, exponent in self._terms.terms(self.x, self.w):
            heap.add_bits(bits, exponent)
        m.submodules.sum = unit = self._sum
        bits = heap.bits()
        if self._registered:  # what its products take is not known to be one LUT
            bits = Signal(len(bits), name="products", reset_less=True)
            m.d.sync += bits.eq(heap.bits())
        m.d.comb += [unit.heap.eq(bits), unit.load.eq(self.load), unit.enable.eq(self.enable)]
        m.d.comb += [unit.init.eq(self.init), self.o.eq(unit.o)]
        return m


class HeapPE(wiring.Component):
    """What is left of a processing element behind its products: ``o = (init if load else o) + sum(heap)``.

    Parameters
    ----------
    heights : dict of int to int
        Bits of the heap by exponent.
    fan_in : int
        Signals that one bit of the heap depends on.
    acc_shape, feedback : as `IntegerPE`

    Members
    -------
    heap : ``In(bits)``
        By rising exponent.
    init, load, enable, o : as `IntegerPE`
    """

    def __init__(self, *, heights, acc_shape, feedback=True, fan_in=1):
        self._feedback, self._acc_shape = bool(feedback), Shape.cast(acc_shape)
        self._plan = plan_compression(heights, fan_in=fan_in)
        super().__init__({
            "heap": In(sum(heights.values())), "init": In(self._acc_shape), "load": In(1), "enable": In(1),
            "o": Out(self._acc_shape),
        })  # fmt: skip

    @property
    def HEAP_LATENCY(self):
        return self._plan.latency

    def elaborate(self, platform):
        m = Module()
        m.submodules.compressor = compressor = Compressor(plan=self._plan)
        m.d.comb += compressor.i.eq(self.heap)
        acc = Signal(self._acc_shape.width, reset_less=True)
        m.d.comb += self.o.eq(acc)
        init = self.init.as_unsigned() if self._acc_shape.signed else self.init
        if self._feedback:
            with m.If(self.enable):  # the choice fits into the LUTs of the carry chain
                m.d.sync += acc.eq(compressor.o + Mux(self.load, init, acc))
        else:
            m.d.sync += acc.eq(compressor.o + init)
        return m


class IntegerArray(wiring.Component):
    """``pe`` dot products at a time, ``simd`` products each per cycle, over ``steps`` cycles: a row.

    For each row, ``acc[p] = init[p] + sum over steps and lanes of heap``, the heap of ``hw.heap.partial_products``:
    scale and offset are the parent's. Sums wrap modulo ``2**width``; the result must fit ``acc_shape``. It runs freely:
    one step per cycle, idle cycles wherever ``valid`` is low. The ``pe`` results leave as ``pe / lanes`` beats in
    consecutive cycles, results ``j * lanes ..`` in beat ``j``, the first one ``LATENCY`` cycles after ``last`` was
    presented.

    Parameters
    ----------
    x_format, w_format : Format
        Number formats of activations and weights.
    pe, simd : int
        Dot products at a time; products of each per cycle.
    steps : int
        Steps of a row. With one there is no accumulator feedback.
    acc_shape : Shape
        Shape of ``init`` and results.
    lanes : int
        Results per beat. It must divide ``pe``, and ``pe / lanes`` must not exceed ``steps``, so that the results of a
        row have left before those of the next one.
    groups : int
        Dot product ``p`` reads the lanes of group ``p // (pe / groups)``.
    luts : hw.target.Luts
    weight_bits : int
        Of an element of ``w``, if not those of its format.
    parts : tuple of `hw.layer.ways.HeapPart`
        What a PE is made of where weights are codes; ``o`` then has an accumulator for each of them.

    Members
    -------
    x : ``In(ArrayLayout(unsigned(x_format.bits), groups * simd))``
    w : ``In(ArrayLayout(unsigned(w_format.bits), pe * simd))``
        Lane ``s`` of dot product ``p`` is element ``p * simd + s``.
    init : ``In(ArrayLayout(acc_shape, pe))``
        Sampled with the first step of a row.
    valid, first, last : ``In(1)``
        A step is presented; it is the first, the last of its row.
    o : ``Out(ArrayLayout(acc_shape, lanes))``, o_valid : ``Out(1)``
    """

    _KINDS = ("a PE",)  # of processing elements; those of a subclass may differ by their place
    dsps = 0  # that it takes

    def __init__(
        self, *, x_format, w_format, pe, simd, steps, acc_shape, lanes, groups=1, luts=Luts.OPERATORS, weight_bits=None,
        parts=None,
    ):  # fmt: skip
        for name, value in ("PE", pe), ("SIMD", simd), ("Steps", steps), ("Lanes", lanes):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if pe % lanes or pe // lanes > steps:
            raise ValueError(f"Lanes must divide PE ({pe}) into at most {steps} beats (steps), not {lanes!r}")
        if groups < 1 or pe % groups:
            raise ValueError(f"Groups must divide PE ({pe}), not {groups!r}")
        self._x_format, self._w_format, self._acc_shape, self._groups = x_format, w_format, acc_shape, groups
        self._pe, self._simd, self._steps, self._lanes = pe, simd, steps, lanes
        self._luts, self._parts, self._weight_bits = luts, parts, weight_bits or w_format.bits
        self._pes = Meeting("processing elements", {kind: self._make_pe(kind).HEAP_LATENCY for kind in self._KINDS})
        super().__init__(
            {
                "x": In(ArrayLayout(unsigned(x_format.bits), groups * simd)),
                "w": In(ArrayLayout(unsigned(self._weight_bits), pe * simd)),
                "init": In(ArrayLayout(acc_shape, pe)),
                "valid": In(1),
                "first": In(1),
                "last": In(1),
                "o": Out(ArrayLayout(acc_shape, lanes)),
                "o_valid": Out(1),
            }
        )

    def _make_pe(self, kind):
        """A PE of one of the array's kinds, each of which may have a latency of its own."""
        if self._parts is None:
            return self._make_unit(self._x_format, self._w_format, self._acc_shape)
        return CodedPE(
            parts=self._parts, make=self._make_unit, x_bits=self._x_format.bits, w_bits=self._weight_bits,
            simd=self._simd, acc_shape=self._acc_shape,
        )  # fmt: skip

    def _make_unit(self, x_format, w_format, acc_shape):
        """A PE of plain products."""
        common = dict(
            x_format=x_format, w_format=w_format, simd=self._simd, acc_shape=acc_shape, feedback=self._steps > 1
        )
        if self._luts is Luts.OPERATORS or not product_terms(x_format, w_format).in_sum:
            return IntegerPE(luts=self._luts, **common)
        return LutIntegerPE(luts=self._luts, **common)

    @property
    def HEAP_LATENCY(self):
        """Cycles from operands to the sum of their heap."""
        return self._pes.latency

    @property
    def LATENCY(self):
        """Cycles from ``last`` to the first beat of results."""
        return self.HEAP_LATENCY + (1 if self._lanes == self._pe else 2)

    def elaborate(self, platform):
        m = Module()
        valid = self._delayed(m, "valid", self.valid)
        first = self._delayed(m, "first", self.valid & self.first)
        last = self._delayed(m, "last", self.valid & self.last)
        self._serialize(m, Cat(*self._accumulated(m, first, valid)), last[self.HEAP_LATENCY + 1])
        return m

    def _accumulated(self, m, first, valid):
        """The accumulators; ``first`` and ``valid`` with their past, as of `_delayed`."""
        init, units = self._held_init(m, first), self._dot_products(m)
        for unit, start in zip(units, init, strict=True):
            m.d.comb += [
                unit.init.eq(start), unit.load.eq(first[self.HEAP_LATENCY]), unit.enable.eq(valid[self.HEAP_LATENCY]),
            ]  # fmt: skip
        return [unit.o for unit in units]

    def _dot_products(self, m):
        """The processing elements, with their operands."""
        planes, units = [], []
        for g in range(self._groups):
            x = Signal(ArrayLayout(unsigned(self._simd), self._x_format.bits), name=f"x{g}")
            m.d.comb += Value.cast(x).eq(_planes([self.x[g * self._simd + s] for s in range(self._simd)]))
            planes.append(x)
        for p in range(self._pe):
            m.submodules[f"pe{p}"] = pe = self._make_pe(*self._KINDS)
            m.d.comb += [
                pe.x.eq(planes[p * self._groups // self._pe]),
                Value.cast(pe.w).eq(_planes([self.w[p * self._simd + s] for s in range(self._simd)])),
            ]
            units.append(pe)
        return units

    def _delayed(self, m, name, value):
        """``value`` and its past: element ``n`` is ``n`` cycles late."""
        past = Signal(self.HEAP_LATENCY + 1, name=f"{name}_past")
        m.d.sync += past.eq(Cat(value, past))
        return Cat(value, past)

    def _held_init(self, m, first):
        """``init`` as it was at the first step of the row that is now accumulated.

        Rows begin at least ``steps`` cycles apart, so a chain of registers that hold for so long needs only
        ``ceil(HEAP_LATENCY / steps)`` of them, where a delay line would have ``HEAP_LATENCY``.
        """
        held = self.init
        for n, age in enumerate(range(0, self.HEAP_LATENCY, self._steps)):
            after = Signal.like(held, name=f"init{n}", reset_less=True)
            with m.If(first[age] | (self._steps == 1)):  # free-running, it may become a shift register
                m.d.sync += after.eq(held)
            held = after
        return held

    def _serialize(self, m, results, done):
        """Send the ``results`` that are there when ``done``, over as many cycles as it takes."""
        beats = self._pe // self._lanes
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
    """Bit planes of the codes of ``lanes``."""
    return Cat(Cat(lane[bit] for lane in lanes) for bit in range(len(lanes[0])))
