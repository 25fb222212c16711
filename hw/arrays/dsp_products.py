# amaranth: UnusedElaboratable=no
"""The PE x SIMD array with its products in DSP blocks, several to a multiplier."""

from collections import Counter

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.latency import delayed
from fewbit.hw.target import Luts
from fewbit.hw.xilinx.instances import LutHeapPE

from .integer import HeapPE, IntegerArray

__all__ = ["DspArray", "PackedProducts"]


_FIRST = "the first neuron of a multiplier"


class PackedProducts(wiring.Component):
    """Products of some weights by one activation, as bits of a heap, 3 cycles later.

    Written with operators in the shape that synthesis puts into a DSP48 altogether, its registers too.

    Parameters
    ----------
    x_format : Format
    packing : hw.xilinx.dsp_packing.Packing
    count : int
        Weights, at most ``packing.weights``.

    Members
    -------
    x : ``In(x_format.bits)``
    w : ``In(ArrayLayout(packing.weight_bits, count))``
        As `hw.xilinx.dsp_packing.packed_weights` gives them.
    field : ``Out(ArrayLayout(packing.field, count))``
        The product, plus half the field's range if it is signed, less ``below``.
    below : ``Out(count)``
        What is to be added to the field.
    """

    LATENCY = 3

    def __init__(self, *, x_format, packing, count):
        if count not in range(1, packing.weights + 1):
            raise ValueError(f"Count must be 1 to {packing.weights}, not {count!r}")
        self._x_format, self._packing, self._count = x_format, packing, count
        super().__init__({
            "x": In(x_format.bits), "w": In(ArrayLayout(signed(packing.weight_bits), count)),
            "field": Out(ArrayLayout(packing.field, count)), "below": Out(count),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p, count = self._packing, self._count
        x = self.x.as_signed() if self._x_format.signed else Cat(self.x, Const(0, 1)).as_signed()
        spread = Cat(*(_extended(self.w[k], p.stride) for k in range(count - 1)), self.w[count - 1]).as_signed()
        weights, activation = _late(m, spread, "weights"), _late(m, x, "activation")
        product = _late(m, _late(m, weights * activation, "product"), "result")
        whole = Signal(signed(p.stride * (count - 1) + p.field), name="whole")
        m.d.comb += whole.eq(product)
        negative = Const(0, 1)
        for k in range(count):
            field = whole[k * p.stride : k * p.stride + p.field]
            top = field[-1]
            if p.overlaps and k + 1 < count:
                top = top ^ self._lowest(m, k + 1)
            m.d.comb += [self.field[k].eq(Cat(field[:-1], ~top if p.signed else top)), self.below[k].eq(negative)]
            negative = top if p.signed else negative
        return m

    def _lowest(self, m, k):
        """The lowest bit of product ``k``, when the products leave; the weight may have been made one less."""
        bit = self.x[0] & (self.w[k][0] ^ self.w[k - 1][-1])
        for n in range(self.LATENCY):
            bit = _late(m, bit, f"lowest{k}_{n}")
        return bit


def _extended(value, width):
    return Cat(value, *[value[-1]] * (width - len(value)))[:width]


def _late(m, value, name):
    value = Value.cast(value)
    register = Signal(value.shape(), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register


class DspArray(IntegerArray):
    """`IntegerArray` with its products in DSPs. Parameters, members and throughput are the same.

    Neighbouring neurons of a group share multipliers. The heap is that of `hw.xilinx.dsp_packing.FieldTerms`.

    Parameters
    ----------
    packing : hw.xilinx.dsp_packing.Packing
    others : as `IntegerArray`; the elements of ``w`` are as `hw.xilinx.dsp_packing.packed_weights` gives them.
    """

    _KINDS = (_FIRST, "another neuron of a multiplier")

    def __init__(self, *, packing, **others):
        self._packing = packing
        super().__init__(**others, weight_bits=packing.weight_bits)

    def _make_pe(self, kind):
        p = self._packing
        heights = Counter(dict.fromkeys(range(p.field), self._simd))
        heights[0] += self._simd * (p.signed and kind != _FIRST)  # nothing is below the first
        common = dict(heights=dict(heights), acc_shape=self._acc_shape, feedback=self._steps > 1)
        if self._luts is Luts.OPERATORS:
            return HeapPE(**common)
        return LutHeapPE(luts=self._luts, **common)

    @property
    def HEAP_LATENCY(self):
        return PackedProducts.LATENCY + self._pes.latency

    @property
    def dsps(self):
        """Multipliers that it takes."""
        group = self._pe // self._groups
        return self._groups * -(-group // self._packing.weights) * self._simd

    def _dot_products(self, m):
        units, group, together = [], self._pe // self._groups, self._packing.weights
        for start in range(0, self._pe, group):
            for first in range(start, start + group, together):
                units += self._sharing(m, range(first, min(first + together, start + group)))
        return units

    def _sharing(self, m, neurons):
        """The PEs of neurons that share multipliers, one a lane."""
        lanes = neurons[0] * self._groups // self._pe * self._simd
        products = []
        for s in range(self._simd):
            unit = PackedProducts(x_format=self._x_format, packing=self._packing, count=len(neurons))
            m.submodules[f"dsp{neurons[0]}_{s}"] = unit
            m.d.comb += [
                unit.x.eq(self.x[lanes + s]),
                Value.cast(unit.w).eq(Cat(self.w[p * self._simd + s] for p in neurons)),
            ]
            products.append(unit)
        units = []
        for k, p in enumerate(neurons):
            kind = self._KINDS[min(k, 1)]
            m.submodules[f"pe{p}"] = pe = self._make_pe(kind)
            columns = [[unit.field[k][e] for unit in products] for e in range(self._packing.field)]
            if self._packing.signed and k:
                columns[0] += [unit.below[k] for unit in products]
            heap = Cat(bit for column in columns for bit in column)
            wait = self._pes.check(kind, pe.HEAP_LATENCY)  # the kind with fewer bits may be done earlier, or later
            m.d.comb += pe.heap.eq(delayed(m, heap, wait, f"heap{p}_"))
            units.append(pe)
        return units
