"""Netlists of Xilinx primitives: LUT6_2, carry chains and flip-flops, built bit by bit in plain Python.

What an expression becomes is decided by synthesis, which restructures it; what is built from primitives stays as it is.
A netlist can be evaluated (`Netlist.evaluate`, with NumPy, 64 cases at a time) and made into hardware
(`hw.xilinx.dot_product`). Bits are numbers: 0 and 1 are the constants, ``~bit`` is its inverse.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from .cells import Carry, Cell, Depth, FlipFlops, Lut, Mux

__all__ = ["Netlist", "NetlistUnit", "plain", "weighed"]

_SHIFTED = 3  # flip-flops in a row from which on synthesis makes a shift register of them


def plain(bit: int) -> int:
    """Return the bit of which ``bit`` is the inverse, if it is one."""
    return bit if bit >= 0 else ~bit


@dataclass
class Netlist:
    """Cells in an order in which each reads only what came before.

    Attributes
    ----------
    inputs : list of int
        Bits that the netlist is given.
    cells : list of Cell
    count : int
        Bits so far, the two constants included.
    """

    inputs: list[int] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    count: int = 2

    def new(self, count: int) -> list[int]:
        """Return so many bits that nothing drives yet."""
        self.count += count
        return list(range(self.count - count, self.count))

    def input(self, count: int) -> list[int]:
        """Return so many new bits that the netlist is given."""
        bits = self.new(count)
        self.inputs += bits
        return bits

    def lut(self, inputs: Sequence[int], *functions: Callable[..., int]) -> list[int]:
        """Return one bit for each function (one, or two of at most five inputs) of the inputs' values, as booleans.

        Inputs may be constants, or inverted bits (``~bit``): the table takes them up.

        Raises
        ------
        ValueError
            If there are more inputs or functions than a LUT has.
        """
        free = tuple(dict.fromkeys(bit for bit in map(plain, inputs) if bit > 1))
        if len(functions) not in (1, 2) or len(free) > (6 if len(functions) == 1 else 5):
            raise ValueError(f"A LUT has one output of 6 inputs or two of 5, not {len(functions)} of {len(free)}")
        places = {0: None, 1: None, **{bit: k for k, bit in enumerate(free)}}
        pattern = tuple((places[plain(bit)], plain(bit) == 1, bit < 0) for bit in inputs)
        return self.tables(free, *(_table(function, pattern, len(free)) for function in functions))

    def tables(self, inputs: Sequence[int], *tables: int) -> list[int]:
        """Return what `lut` does, of different bits that are no constants, and of truth tables.

        Bit n of a table is its function's value where the inputs, the first the lowest bit, are n.
        """
        if len(tables) == 2:  # I5 is 1: O6 shows the upper half, O5 the lower
            init = tables[0] << 32 | tables[1]
        else:
            (init,) = tables
        outputs = self.new(len(tables))
        self.cells.append(Lut(init, tuple(inputs), outputs[0], outputs[1] if len(outputs) == 2 else None))
        return outputs

    def upright(self, bit: int) -> int:
        """Return ``bit`` as it is, or if it is inverted, behind a LUT of its own: carry chains take no inverted bit."""
        if bit >= 0:
            return bit
        if plain(bit) in (0, 1):
            return 1 - plain(bit)
        return self.lut([bit], lambda b: b)[0]

    def carry(self, cin: int, s: Sequence[int], di: Sequence[int]) -> list[int]:
        """Return the sums and the last carry of a chain."""
        o, (co,) = self.new(len(s)), self.new(1)
        self.cells.append(Carry(cin, tuple(s), tuple(di), tuple(o), co))
        return [*o, co]

    def mux(self, select: int, low: int, high: int) -> int:
        """Return one of two bits, outputs of LUTs or of other multiplexers."""
        (o,) = self.new(1)
        self.cells.append(Mux(select, low, high, o))
        return o

    def register(self, bits: Sequence[int]) -> list[int]:
        """Return the bits one cycle later; constants as they are, inverted bits as inverted ones."""
        moved = [b for b in dict.fromkeys(map(plain, bits)) if b > 1]
        later = {0: 0, 1: 1, **dict(zip(moved, self.new(len(moved)), strict=True))}
        if moved:
            self.cells.append(FlipFlops(tuple(moved), tuple(later[b] for b in moved)))
        return [later[b] if b >= 0 else ~later[~b] for b in bits]

    # What it takes

    @property
    def luts(self) -> int:
        """LUT6_2 of the netlist."""
        return sum(cell.luts for cell in self.cells)

    @property
    def flip_flops(self) -> int:
        """Flip-flops of the netlist."""
        return sum(cell.flip_flops for cell in self.cells)

    @property
    def shift_registers(self) -> int:
        """LUTs that synthesis takes for bits that only wait, three cycles or more, if nothing keeps it from that."""
        return len(self._waiting())

    def _waiting(self):
        """Return the runs of flip-flops one behind the other, each the only reader of the one before."""
        source, readers = {}, {}
        for cell in self.cells:
            source.update(cell.waits())
            for bit in cell.reads():
                readers[bit] = readers.get(bit, 0) + 1
        chains = {}  # runs by their last flip-flop so far; cells are in the order of time
        for q, d in source.items():
            chains[q] = [*chains.pop(d), q] if d in chains and readers[d] == 1 else [q]
        return [chain for chain in chains.values() if len(chain) >= _SHIFTED]

    def levels(self) -> tuple[int, int]:
        """Return the most LUTs, and the most carry chains, one behind the other between registers.

        An output of a LUT counts as behind those inputs that it depends on.
        """
        depth: dict[int, Depth] = {bit: (0, 0) for bit in (0, 1, *self.inputs)}
        for cell in self.cells:
            depth.update(cell.levels(depth))
        return max(d[0] for d in depth.values()), max(d[1] for d in depth.values())

    def times(self, known: Mapping[int, int]) -> dict[int, int]:
        """Return the cycle in which each bit is there, from those of ``known``, the netlist's inputs; constants have
        none.

        Raises
        ------
        ValueError
            If bits of several cycles meet in a cell.
        """
        times = dict(known)
        for cell in self.cells:
            times.update(cell.times(times))
        return times

    def check(
        self, where: str, inputs: Iterable[tuple[Iterable[int], int]], outputs: Iterable[int], latency: int
    ) -> None:
        """Check that all bits that meet are of one cycle.

        Parameters
        ----------
        inputs : list of (bits, cycle)
            All of the netlist's inputs.
        where : str
            What messages call the netlist.
        outputs : bits
            What must be there in cycle ``latency``; a constant always is.
        latency : int

        Raises
        ------
        ValueError
            If they are not, or an output is of another cycle.
        """
        try:
            times = self.times({bit: cycle for bits, cycle in inputs for bit in bits})
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        wrong = {times[plain(bit)] for bit in outputs if plain(bit) in times} - {latency}
        if wrong:
            raise ValueError(f"{where}: results must be there after {latency} cycles, not {sorted(wrong)}")

    def evaluate(self, values: np.ndarray) -> np.ndarray:
        """Return the value of every bit, booleans ``(count, cases)``, as if registers were wires.

        ``values`` are those of the inputs, booleans ``(inputs, cases)``.
        """
        known = np.zeros((self.count, values.shape[1]), dtype=bool)
        known[1] = True
        known[self.inputs] = values
        for cell in self.cells:
            cell.evaluate(known)
        return known


# Tables by function and by what it is given: netlists have the same few over and over.
_TABLES: WeakKeyDictionary[Callable[..., int], dict] = WeakKeyDictionary()


def _table(function, pattern, count):
    """Return a truth table as an integer, bit 0 the lowest of the index.

    ``pattern`` says for each input of the function which of the ``count`` bits it is, or None with a constant's value,
    and whether it is inverted.
    """
    known = _TABLES.setdefault(function, {})
    if pattern not in known:
        table = 0
        for index in range(1 << count):
            bits = [bool(fixed if k is None else index >> k & 1) ^ inverted for k, fixed, inverted in pattern]
            table |= bool(function(*bits)) << index
        known[pattern] = table
    return known[pattern]


@dataclass(frozen=True)
class NetlistUnit:
    """A unit whose operands and results are bits of a netlist; a subclass says which they are, and its latency.

    Attributes
    ----------
    netlist : Netlist
    x : list of lists of bits
        Activations, by bit plane and lane.
    """

    netlist: Netlist
    x: list[list[int]]

    @property
    def luts(self) -> int:
        """LUT6_2 of the netlist."""
        return self.netlist.luts


def weighed(luts: int, flip_flops: int) -> float:
    """Return what a unit counts as, in LUTs: a slice has two flip-flops a LUT, and each beyond these is a quarter."""
    return luts + max(0, flip_flops - 2 * luts) / 4
