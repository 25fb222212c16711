"""A netlist of Xilinx primitives as hardware: as instances, or as what they do."""

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, Value

from .cells import Carry, FlipFlops, Lut
from .cells import Mux as MuxCell
from .netlist import Netlist

__all__ = ["EXPRESSIONS", "SERIES_7", "ULTRASCALE", "Primitives", "place"]


def place(m: Module, netlist: Netlist, bits: dict[int, Value], primitives: "Primitives", *, keep: bool = False) -> None:
    """Put a netlist into a module.

    Parameters
    ----------
    m : Module
    netlist : hw.xilinx.netlist.Netlist
    bits : dict of int to value
        The values of its inputs and constants by bit; it gets those of all cells.
    primitives : Primitives
        What its cells become.
    keep : bool
        Whether bits that wait stay in flip-flops, which slices have idle, where synthesis would take a LUT for three.

    Raises
    ------
    TypeError
        If there is no primitive for a cell's class.
    """
    levels: dict[int, int] = {}
    attrs = {"keep": 1} if keep and primitives.instances else {}
    for n, cell in enumerate(netlist.cells):
        if isinstance(cell, FlipFlops):
            rank = Signal(len(cell.d), name=f"rank{n}", reset_less=True, attrs=attrs)
            m.d.sync += rank.eq(Cat(bits[d] for d in cell.d))
            bits.update((q, rank[k]) for k, q in enumerate(cell.q))
        elif isinstance(cell, Lut):
            primitives.lut(m, n, cell, bits)
        elif isinstance(cell, MuxCell):
            levels[cell.o] = 1 + max(levels.get(cell.low, 0), levels.get(cell.high, 0))
            primitives.mux(m, n, cell, bits, levels[cell.o])
        elif isinstance(cell, Carry):
            primitives.carry(m, n, cell, bits)
        else:
            raise TypeError(f"No primitive is a {type(cell).__name__}")


class Primitives:
    """What the cells of a netlist become.

    Its methods put cell number ``n`` into module ``m`` and add its outputs to ``bits``, a dict from bits to values.
    """

    instances = True  # whether they are primitives of a device, not expressions
    carry_size: int  # bits of a primitive of carry chains

    def lut(self, m: Module, n: int, cell: Lut, bits: dict[int, Value]) -> None:
        """Place a LUT of one output or two."""
        inputs = [bits[b] for b in cell.inputs] + [Const(0, 1)] * (6 - len(cell.inputs))
        if cell.o5 is not None:
            inputs[5] = Const(1, 1)
        ports = {f"i_I{k}": value for k, value in enumerate(inputs)}
        for port, output in ("o6", cell.o6), ("o5", cell.o5):
            if output is not None:
                bits[output] = ports[f"o_{port.upper()}"] = Signal(name=f"lut{n}_{port}")
        m.submodules[f"lut{n}"] = Instance("LUT6_2", p_INIT=Const(cell.init, 64), **ports)

    def mux(self, m: Module, n: int, cell: MuxCell, bits: dict[int, Value], level: int) -> None:
        """Place a multiplexer of two: MUXF8 behind others (``level`` 2), else MUXF7."""
        bits[cell.o] = out = Signal(name=f"mux{n}_o")
        ports = {"i_I0": bits[cell.low], "i_I1": bits[cell.high], "i_S": bits[cell.select]}
        m.submodules[f"mux{n}"] = Instance(f"MUXF{6 + level}", o_O=out, **ports)

    def carry(self, m: Module, n: int, cell: Carry, bits: dict[int, Value]) -> None:
        """Place a carry chain, of primitives one behind the other."""
        carry, size = bits[cell.cin], self.carry_size
        for k in range(0, len(cell.s), size):
            s, di = (Cat(bits[b] for b in part[k : k + size]) for part in (cell.s, cell.di))
            o, co = Signal(size, name=f"carry{n}_{k}_o"), Signal(size, name=f"carry{n}_{k}_co")
            ports, rest = self.carry_in(carry, k == 0), Const(0, size - len(s))
            m.submodules[f"carry{n}_{k}"] = Instance(
                f"CARRY{size}", **ports, i_S=Cat(s, rest), i_DI=Cat(di, rest), o_O=o, o_CO=co
            )
            bits.update((b, o[j]) for j, b in enumerate(cell.o[k : k + size]))
            carry = co[len(s) - 1]
        bits[cell.co] = carry

    def carry_in(self, carry: Value, first: bool) -> dict[str, Value | str]:
        """Return ports and parameters by which a carry enters the first primitive of a chain, or another one."""
        raise NotImplementedError


class Series7Cells(Primitives):
    """LUT6_2, CARRY4, MUXF7 and MUXF8."""

    carry_size = 4

    def carry_in(self, carry, first):
        if first:
            return {"i_CI": Const(0, 1), "i_CYINIT": carry}
        return {"i_CI": carry, "i_CYINIT": Const(0, 1)}


class UltraScaleCells(Primitives):
    """As `Series7Cells` with CARRY8 for CARRY4."""

    carry_size = 8

    def carry_in(self, carry, first):
        return {"i_CI": carry, "p_CARRY_TYPE": "SINGLE_CY8", "i_CI_TOP": Const(0, 1)}


class Expressions(Primitives):
    """What the primitives do, bit by bit, as expressions."""

    instances = False

    def lut(self, m, n, cell, bits):
        index = Signal(len(cell.inputs), name=f"lut{n}_i")
        m.d.comb += index.eq(Cat(bits[b] for b in cell.inputs))
        for output in cell.outputs():
            bits[output] = Signal(name=f"lut{n}_{'o5' if output == cell.o5 else 'o6'}")
            m.d.comb += bits[output].eq(Cat(Const(v, 1) for v in cell.table(output)).bit_select(index, 1))

    def mux(self, m, n, cell, bits, level):
        bits[cell.o] = out = Signal(name=f"mux{n}_o")
        m.d.comb += out.eq(Mux(bits[cell.select], bits[cell.high], bits[cell.low]))

    def carry(self, m, n, cell, bits):
        carry = bits[cell.cin]
        for k, (s, di, o) in enumerate(zip(cell.s, cell.di, cell.o, strict=True)):
            bits[o], after = Signal(name=f"carry{n}_o{k}"), Signal(name=f"carry{n}_c{k}")
            m.d.comb += [bits[o].eq(bits[s] ^ carry), after.eq(Mux(bits[s], carry, bits[di]))]
            carry = after
        bits[cell.co] = carry


SERIES_7, ULTRASCALE, EXPRESSIONS = Series7Cells(), UltraScaleCells(), Expressions()
