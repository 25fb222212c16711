# amaranth: UnusedElaboratable=no
"""A processing element whose weights are codes: decoded in front of its products, in one heap or several."""

from amaranth.hdl import Cat, Const, Module, Shape, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.latency import Meeting, delayed, planned_only, register

__all__ = ["CodedPE"]


class CodedPE(wiring.Component):
    """The sum of every part's heap, side by side: part p is in bits ``p*width ..`` of ``o``.

    A part's weights are a function of the weight's code, and its activations some bits of the lane's code
    (`hw.layer.ways.HeapPart`). Where a part's weights are not bits of the code as it is, a register follows the
    function.

    Parameters
    ----------
    parts : tuple of `hw.layer.ways.HeapPart`
    make : callable
        ``make(x_format, w_format, acc_shape)`` gives an `hw.arrays.integer.IntegerPE` or the like.
    x_bits, w_bits, simd : int
        Of a lane's code, of a weight's code; lanes.
    acc_shape : Shape
        Of ``o``; an equal share of it for every part. With one part ``init`` counts, else it is ignored.

    Members
    -------
    as `hw.arrays.integer.IntegerPE`
    """

    def __init__(self, *, parts, make, x_bits, w_bits, simd, acc_shape):
        self._parts, self._w_bits = parts, w_bits
        width = Shape.cast(acc_shape).width
        if width % len(parts):
            raise ValueError(f"The accumulator's {width} bits must be shared by {len(parts)} parts")
        self._width = width // len(parts)
        shape = acc_shape if len(parts) == 1 else unsigned(self._width)
        # Some are made for their latencies only.
        self._units = [planned_only(make(part.x_format, part.w_format, shape)) for part in parts]
        own = [tuple(n >> k & 1 for n in range(1 << w_bits)) for k in range(w_bits)]
        self._columns = {}  # by function of the code, as a table: the number of the bit that it is, or None
        for part in parts:
            for k in range(part.w_format.bits):
                column = tuple(code >> k & 1 for code in part.w_codes)
                self._columns.setdefault(column, own.index(column) if column in own else None)
        self._registered = None in self._columns.values()
        self._met = Meeting("planes", {f"part {n}": unit.HEAP_LATENCY for n, unit in enumerate(self._units)})
        super().__init__({
            "x": In(ArrayLayout(unsigned(simd), x_bits)), "w": In(ArrayLayout(unsigned(simd), w_bits)),
            "init": In(acc_shape), "load": In(1), "enable": In(1), "o": Out(acc_shape),
        })  # fmt: skip

    @property
    def HEAP_LATENCY(self):
        return self._registered + self._met.latency

    def elaborate(self, platform):
        m = Module()
        x, found = [self._late(m, plane, f"x{k}") for k, plane in enumerate(self.x)], {}
        for n, (column, own) in enumerate(self._columns.items()):
            found[column] = self._late(m, self.w[own] if own is not None else self._decoded(column), f"w{n}")
        for n, (part, unit) in enumerate(zip(self._parts, self._units, strict=True)):
            m.submodules[f"part{n}"] = unit
            columns = [tuple(code >> k & 1 for code in part.w_codes) for k in range(part.w_format.bits)]
            wait = self._met.wait(f"part {n}")
            m.d.comb += [
                Value.cast(unit.x).eq(delayed(m, Cat(x[k] for k in part.x_bits), wait, f"part{n}_x")),
                Value.cast(unit.w).eq(delayed(m, Cat(found[column] for column in columns), wait, f"part{n}_w")),
                unit.load.eq(self.load), unit.enable.eq(self.enable),
            ]  # fmt: skip
            if len(self._parts) == 1:
                m.d.comb += unit.init.eq(self.init)
        m.d.comb += Value.cast(self.o).eq(Cat(Value.cast(unit.o) for unit in self._units))
        return m

    def _late(self, m, value, name):
        return register(m, value, name) if self._registered else value

    def _decoded(self, column):
        """The function of every lane's code, as a vector with a bit per lane."""
        size = len(self.w[0])
        total = Const(0, size)
        for code, value in enumerate(column):
            if value:
                term = Const((1 << size) - 1, size)
                for k in range(self._w_bits):
                    term = term & (self.w[k] if code >> k & 1 else ~self.w[k])
                total = total | term
        return total
