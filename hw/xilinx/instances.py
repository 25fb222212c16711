"""A netlist of Xilinx primitives as hardware: as instances, or as what they do."""

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.target import Luts

from . import netlist as lutcells
from .dot_product import best_pe, build_sum, smallest_pe
from .netlist import FlipFlops, Lut

__all__ = ["LutHeapPE", "LutIntegerPE", "place"]


class LutPEUnit(wiring.Component):
    """A `hw.xilinx.dot_product.LutPE` as hardware, its accumulator included; a subclass has the operands."""

    def __init__(self, *, pe, acc_shape, feedback, luts, operands):
        self._pe, self._feedback, self._luts = pe, bool(feedback), luts
        shape = Shape.cast(acc_shape)
        super().__init__(operands | {"init": In(shape), "load": In(1), "enable": In(1), "o": Out(shape)})

    @property
    def HEAP_LATENCY(self):
        return self._pe.latency

    @property
    def luts(self):
        """LUT6_2 that it takes, by construction."""
        return self._pe.luts

    def operands(self):
        """A dict from the netlist's operand bits to values."""
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        pe = self._pe
        bits = {0: Const(0, 1), 1: Const(1, 1), **self.operands()}
        acc, init = Signal(len(Value.cast(self.o)), reset_less=True), Value.cast(self.init)
        bits.update((bit, init[k]) for k, bit in enumerate(pe.init))
        if self._feedback:
            bits[pe.load] = self.load
            bits.update((bit, acc[k]) for k, bit in enumerate(pe.held))
        place(m, pe.netlist, bits, self._luts, keep=True)
        total = Cat(bits[b] for b in pe.sum)
        if self._feedback:
            with m.If(self.enable):
                m.d.sync += acc.eq(total)
        else:
            m.d.sync += acc.eq(total)
        m.d.comb += Value.cast(self.o).eq(acc)
        return m


class LutIntegerPE(LutPEUnit):
    """`hw.arrays.integer.IntegerPE` from LUT6_2, carry chains and flip-flops: members, timing and result are the same.

    Parameters
    ----------
    x_format, w_format, simd, acc_shape, feedback : as `hw.arrays.integer.IntegerPE`
    luts : hw.target.Luts
        Any but operators.
    smallest : bool
        The fewest LUTs, however many there are between two registers; not what an accelerator takes.
    """

    def __init__(
        self, *, x_format, w_format, simd, acc_shape, feedback=True, luts=Luts.INSTANCES, smallest=False
    ):  # fmt: skip
        if simd < 1:
            raise ValueError(f"SIMD must be at least 1, not {simd!r}")
        make = smallest_pe if smallest else best_pe
        super().__init__(
            pe=make(x_format, w_format, simd, Shape.cast(acc_shape).width, bool(feedback)),
            acc_shape=acc_shape, feedback=feedback, luts=luts,
            operands={
                "x": In(ArrayLayout(unsigned(simd), x_format.bits)),
                "w": In(ArrayLayout(unsigned(simd), w_format.bits)),
            },
        )  # fmt: skip

    def operands(self):
        return {
            bit: member[k][lane]
            for planes, member in ((self._pe.x, self.x), (self._pe.w, self.w))
            for k, plane in enumerate(planes)
            for lane, bit in enumerate(plane)
        }


class LutHeapPE(LutPEUnit):
    """`hw.arrays.integer.HeapPE` likewise."""

    def __init__(self, *, heights, acc_shape, feedback=True, luts=Luts.INSTANCES):
        counts = tuple(sorted(heights.items()))
        super().__init__(
            pe=build_sum(counts, Shape.cast(acc_shape).width, bool(feedback)), acc_shape=acc_shape,
            feedback=feedback, luts=luts, operands={"heap": In(sum(heights.values()))},
        )  # fmt: skip

    def operands(self):
        return {bit: self.heap[k] for k, bit in enumerate(bit for column in self._pe.x for bit in column)}


def place(m, netlist, bits, luts, *, keep=False):
    """Put a netlist into module ``m``: ``bits`` has values for its inputs and constants, and gets those of all cells.

    It is made of the primitives that ``luts`` has, or of expressions that do what they do (`Luts.MODELS`). With
    ``keep`` bits that wait stay in flip-flops, which slices have idle, where synthesis would take a LUT for three.
    """
    lut = _lut_instance if luts.instances else _lut_as_expression
    carry = _CARRIES.get(luts, _carry_as_expression)
    levels, attrs = {}, {"keep": 1} if keep and luts.instances else {}
    for n, cell in enumerate(netlist.cells):
        if isinstance(cell, FlipFlops):
            rank = Signal(len(cell.d), name=f"rank{n}", reset_less=True, attrs=attrs)
            m.d.sync += rank.eq(Cat(bits[d] for d in cell.d))
            bits.update((q, rank[k]) for k, q in enumerate(cell.q))
        elif isinstance(cell, Lut):
            lut(m, n, cell, bits)
        elif isinstance(cell, lutcells.Mux):
            bits[cell.o] = _mux(m, n, cell, bits, levels, luts.instances)
        else:
            carry(m, n, cell, bits)


def _lut_instance(m, n, cell, bits):
    out = Signal(2, name=f"lut{n}_o")
    inputs = [bits[b] for b in cell.inputs] + [Const(0, 1)] * (6 - len(cell.inputs))
    if cell.o5 is not None:
        inputs[5] = Const(1, 1)
    ports = {f"i_I{k}": value for k, value in enumerate(inputs)}
    m.submodules[f"lut{n}"] = Instance("LUT6_2", p_INIT=Const(cell.init, 64), o_O6=out[0], o_O5=out[1], **ports)
    bits[cell.o6] = out[0]
    if cell.o5 is not None:
        bits[cell.o5] = out[1]


def _carry4(m, n, cell, bits):
    def entering(carry, first):
        return {"i_CI": Const(0, 1), "i_CYINIT": carry} if first else {"i_CI": carry, "i_CYINIT": Const(0, 1)}

    _carry_instances(m, n, cell, bits, 4, lambda *carry: ("CARRY4", entering(*carry)))


def _carry8(m, n, cell, bits):
    whole = {"p_CARRY_TYPE": "SINGLE_CY8", "i_CI_TOP": Const(0, 1)}
    _carry_instances(m, n, cell, bits, 8, lambda carry, first: ("CARRY8", {"i_CI": carry, **whole}))


def _carry_instances(m, n, cell, bits, size, primitive):
    """A chain of cells of ``size`` bits; ``primitive(carry, whether it is the first)`` gives kind and ports of one."""
    carry = bits[cell.cin]
    for k in range(0, len(cell.s), size):
        s, di = (Cat(bits[b] for b in part[k : k + size]) for part in (cell.s, cell.di))
        o, co = Signal(size, name=f"carry{n}_{k}_o"), Signal(size, name=f"carry{n}_{k}_co")
        kind, ports = primitive(carry, k == 0)
        rest = Const(0, size - len(s))
        m.submodules[f"carry{n}_{k}"] = Instance(kind, **ports, i_S=Cat(s, rest), i_DI=Cat(di, rest), o_O=o, o_CO=co)
        bits.update((b, o[j]) for j, b in enumerate(cell.o[k : k + size]))
        carry = co[len(s) - 1]
    bits[cell.co] = carry


_CARRIES = {Luts.INSTANCES: _carry4, Luts.ULTRASCALE: _carry8}


def _mux(m, n, cell, bits, levels, instances):
    """The output of a multiplexer: MUXF8 behind others, else MUXF7."""
    levels[cell.o] = 1 + max(levels.get(cell.low, 0), levels.get(cell.high, 0))
    out, operands = Signal(name=f"mux{n}_o"), (bits[cell.low], bits[cell.high], bits[cell.select])
    if instances:
        ports = dict(zip(("i_I0", "i_I1", "i_S"), operands, strict=True))
        m.submodules[f"mux{n}"] = Instance(f"MUXF{6 + levels[cell.o]}", o_O=out, **ports)
    else:
        m.d.comb += out.eq(Mux(operands[2], operands[1], operands[0]))
    return out


def _lut_as_expression(m, n, cell, bits):
    index = Signal(len(cell.inputs), name=f"lut{n}_i")
    m.d.comb += index.eq(Cat(bits[b] for b in cell.inputs))
    for output in cell.outputs():
        bits[output] = Signal(name=f"lut{n}_{'o5' if output == cell.o5 else 'o6'}")
        m.d.comb += bits[output].eq(Cat(Const(v, 1) for v in cell.table(output)).bit_select(index, 1))


def _carry_as_expression(m, n, cell, bits):
    carry = bits[cell.cin]
    for k, (s, di, o) in enumerate(zip(cell.s, cell.di, cell.o, strict=True)):
        bits[o], after = Signal(name=f"carry{n}_o{k}"), Signal(name=f"carry{n}_c{k}")
        m.d.comb += [bits[o].eq(bits[s] ^ carry), after.eq(Mux(bits[s], carry, bits[di]))]
        carry = after
    bits[cell.co] = carry
