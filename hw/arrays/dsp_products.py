"""The PE x SIMD array with its products in DSP blocks, several to a multiplier."""

from dataclasses import fields

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from fewbit.golden.numbers.format import Format
from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.plan import component_of
from fewbit.hw.shared import SharedComponent
from fewbit.hw.wires import Lanes, delayed, register
from fewbit.hw.xilinx.dsp_packing import PRODUCT_LATENCY, Packing

from .dsp_plans import DspArrayPlan
from .integer import IntegerArray

__all__ = ["DspArray", "PackedProducts"]


class PackedProducts(SharedComponent):
    """Products of some weights by one activation, as bits of a heap, 3 cycles later.

    Written with operators in the shape that synthesis puts into a DSP48 altogether, its registers too.

    Parameters
    ----------
    x_format : Format
    packing : hw.xilinx.dsp_packing.Packing
    count : int
        Weights, at most ``packing.weights``.

    Raises
    ------
    ValueError
        If the count is out of that range.

    Members
    -------
    x : ``In(x_format.bits)``
    w : ``In(Lanes(packing.weight_bits, count))``
        As `hw.xilinx.dsp_packing.packed_weights` gives them.
    field : ``Out(Lanes(packing.field, count))``
        The product, plus half the field's range if it is signed, less ``below``.
    below : ``Out(count)``
        What is to be added to the field.
    """

    LATENCY = PRODUCT_LATENCY

    def __init__(self, *, x_format: Format, packing: Packing, count: int):
        if count not in range(1, packing.weights + 1):
            raise ValueError(f"Count must be 1 to {packing.weights}, not {count!r}")
        self._x_format, self._packing, self._count = x_format, packing, count
        super().__init__({
            "x": In(x_format.bits), "w": In(Lanes(signed(packing.weight_bits), count)),
            "field": Out(Lanes(packing.field, count)), "below": Out(count),
        })  # fmt: skip

    @property
    def definition(self) -> ModuleDefinition:
        p, x = self._packing, self._x_format
        return ModuleDefinition.of(
            "products", f"{x}_{p.weight_bits}_bits_{self._count}", x=str(x), count=self._count, latency=self.LATENCY,
            **{field.name: getattr(p, field.name) for field in fields(p)},
        )  # fmt: skip

    def circuit(self) -> Module:
        m = Module()
        p, count = self._packing, self._count
        x = self.x.as_signed() if self._x_format.signed else Cat(self.x, Const(0, 1)).as_signed()
        spread = Cat(*(_extended(self.w[k], p.stride) for k in range(count - 1)), self.w[count - 1]).as_signed()
        weights, activation = register(m, spread, "weights"), register(m, x, "activation")
        product = register(m, register(m, weights * activation, "product"), "result")
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
        """Return the lowest bit of product ``k``, when the products leave; the weight may have been made one less."""
        bit = self.x[0] & (self.w[k][0] ^ self.w[k - 1][-1])
        for n in range(self.LATENCY):
            bit = register(m, bit, f"lowest{k}_{n}")
        return bit


def _extended(value, width):
    return Cat(value, *[value[-1]] * (width - len(value)))[:width]


@component_of(DspArrayPlan)
class DspArray(IntegerArray):
    """`IntegerArray` with its products in DSPs. Members and throughput are the same; the elements of ``w`` are as
    `hw.xilinx.dsp_packing.packed_weights` gives them.

    Neighbouring neurons of a group share multipliers. The heap is that of `hw.xilinx.dsp_packing.FieldTerms`.

    Parameters
    ----------
    plan : hw.arrays.dsp_plans.DspArrayPlan
    """

    def _dot_products(self, m):
        units, group, together = [], self.plan.pe // self.plan.groups, self.plan.packing.weights
        for start in range(0, self.plan.pe, group):
            for first in range(start, start + group, together):
                units += self._sharing(m, range(first, min(first + together, start + group)))
        return units

    def _sharing(self, m, neurons):
        """Return the PEs of neurons that share multipliers, of which there is one a lane."""
        lanes = neurons[0] * self.plan.groups // self.plan.pe * self.plan.simd
        products = []
        for s in range(self.plan.simd):
            unit = PackedProducts(x_format=self.plan.x_format, packing=self.plan.packing, count=len(neurons))
            m.submodules[f"dsp{neurons[0]}_{s}"] = unit
            m.d.comb += [
                unit.x.eq(self.x[lanes + s]),
                Value.cast(unit.w).eq(Cat(self.w[p * self.plan.simd + s] for p in neurons)),
            ]
            products.append(unit)
        units = []
        for k, p in enumerate(neurons):
            kind = self.plan.KINDS[min(k, 1)]
            m.submodules[f"pe{p}"] = pe = self.plan.pes[kind].make()
            columns = [[unit.field[k][e] for unit in products] for e in range(self.plan.packing.field)]
            if self.plan.packing.signed and k:
                columns[0] += [unit.below[k] for unit in products]
            heap = Cat(bit for column in columns for bit in column)
            wait = self.plan.met.wait(kind)  # the kind with fewer bits may be done earlier, or later
            m.d.comb += pe.heap.eq(delayed(m, heap, wait, f"heap{p}_"))
            units.append(pe)
        return units
