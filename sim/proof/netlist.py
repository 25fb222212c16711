"""A module as gates and registers, bit by bit, as Yosys has read it from the emitted Verilog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count, islice
from typing import Any

__all__ = ["Gate", "ModuleNetlist", "PortBits", "Unreadable", "netlist_of"]

ZERO, ONE = 0, 1  # the constant bits; Yosys numbers the others from 2 on, and those without a wire are negative here
_CONSTANTS = {"0": ZERO, "1": ONE}
_BITWISE = {  # cells of Yosys with one bit an operand: the operands' names, and the table, the first counting fastest
    "$_NOT_": ("A", 0b01), "$_BUF_": ("A", 0b10), "$_AND_": ("AB", 0b1000), "$_OR_": ("AB", 0b1110),
    "$_XOR_": ("AB", 0b0110), "$_XNOR_": ("AB", 0b1001), "$_NAND_": ("AB", 0b0111), "$_NOR_": ("AB", 0b0001),
    "$_ANDNOT_": ("AB", 0b0010), "$_ORNOT_": ("AB", 0b1011), "$_MUX_": ("ABS", 0b11001010),
}  # fmt: skip
_POSITION = (0b00111100, 0b11100010)  # of a carry chain, by (di, select, carry): select ^ carry; select ? carry : di


class Unreadable(ValueError):
    """A module has a cell of which it is not known what it does, or bits that cannot be followed."""


@dataclass(frozen=True)
class Gate:
    """Bits that are functions of a few others: a LUT of one output or two, a position of a carry chain, an operator.

    Attributes
    ----------
    inputs, outputs : tuples of int
    tables : tuple of int
        For each output an integer whose bit k is its value where the inputs, the first counting fastest, make k.
    carry : bool
        Whether it is a position of a carry chain: inputs are then the generate input, the select input and the carry,
        and outputs the sum and the next carry. Constants may be among these inputs.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tables: tuple[int, ...]
    carry: bool = False


@dataclass(frozen=True)
class PortBits:
    """A port of a module: its bits from bit 0 on, and whether the module drives it."""

    bits: tuple[int, ...]
    output: bool


@dataclass
class ModuleNetlist:
    """The gates and registers of a module.

    Attributes
    ----------
    name : str
    ports : dict of str to PortBits
    gates : list of Gate
    registers : dict of int to int
        The bit that a register takes at each rising edge of ``clk``, by the bit that it shows.
    """

    name: str
    ports: dict[str, PortBits]
    gates: list[Gate] = field(default_factory=list)
    registers: dict[int, int] = field(default_factory=dict)


def netlist_of(name: str, module: Mapping[str, Any]) -> ModuleNetlist:
    """Return a module of Yosys' JSON as a `ModuleNetlist`.

    Raises
    ------
    Unreadable
        If it has a cell that the emission of processing elements does not write.
    """
    return _Reader(name, module).netlist


class _Reader:
    """What is known of a module while it is read."""

    def __init__(self, name: str, module: Mapping[str, Any]):
        self._fresh = count(-2, -1)
        ports = {
            port: PortBits(self._bits(found["bits"]), found["direction"] == "output")
            for port, found in module["ports"].items()
        }
        self.netlist = ModuleNetlist(name, ports)
        for cell, found in module["cells"].items():
            try:
                self._cell(found["type"], found["parameters"], found["connections"])
            except Unreadable as error:
                raise Unreadable(f"module {name}, cell {cell}: {error}") from None

    def _bits(self, bits: Sequence[int | str]) -> tuple[int, ...]:
        found = tuple(_CONSTANTS.get(bit, -1) if isinstance(bit, str) else bit for bit in bits)
        if -1 in found:
            raise Unreadable(f"a bit is {next(b for b in bits if isinstance(b, str) and b not in _CONSTANTS)!r}")
        return found

    def _cell(self, kind: str, parameters: Mapping[str, str], wires: Mapping[str, Sequence[int | str]]) -> None:
        if kind == "$dff":
            if self._bits(wires["CLK"]) != self.netlist.ports["clk"].bits or int(parameters["CLK_POLARITY"], 2) != 1:
                raise Unreadable("a register has another clock than clk")
            self.netlist.registers.update(zip(self._bits(wires["Q"]), self._bits(wires["D"]), strict=True))
        elif kind == "LUT6_2":
            self._lut(int(parameters["INIT"], 2), wires)
        elif kind in ("CARRY4", "CARRY8"):
            self._carry(kind, parameters, wires)
        elif kind in ("MUXF7", "MUXF8"):
            self._gate([wires[p][0] for p in ("I0", "I1", "S")], wires["O"], [_BITWISE["$_MUX_"][1]])
        elif kind == "$mem_v2":
            self._memory(parameters, wires)
        elif kind in _BITWISE:
            operands, table = _BITWISE[kind]
            self._gate([wires[p][0] for p in operands], wires["Y"], [table])
        else:
            raise Unreadable(f"{kind} is no cell of a processing element's netlist")

    def _gate(self, inputs: Sequence[int | str], outputs: Sequence[int | str], tables: Sequence[int]) -> None:
        """Add a gate, without its constant inputs and those that none of its outputs depends on."""
        read = self._bits(inputs)
        kept, folded = _folded(_pattern(read), tuple(tables))
        self.netlist.gates.append(Gate(tuple(read[k] for k in kept), self._bits(outputs), folded))

    def _lut(self, init: int, wires: Mapping[str, Sequence[int | str]]) -> None:
        low = init & (1 << 32) - 1
        tables = {"O6": init, "O5": low << 32 | low}
        outputs = [port for port in tables if wires.get(port)]
        self._gate(
            [wires[f"I{k}"][0] for k in range(6)], [wires[port][0] for port in outputs], [tables[p] for p in outputs]
        )

    def _memory(self, parameters: Mapping[str, str], wires: Mapping[str, Sequence[int | str]]) -> None:
        """Add a memory that is only read, through one port without a register, as a gate with its words for tables."""
        if [int(parameters[name], 2) for name in ("WR_PORTS", "RD_PORTS", "RD_CLK_ENABLE", "OFFSET")] != [0, 1, 0, 0]:
            raise Unreadable("a memory is no table with one port")
        first = parameters["INIT"][::-1]  # of the first word the lowest bit first
        if "x" in first:
            raise Unreadable("a memory has words that are not known")
        width = int(parameters["WIDTH"], 2)
        columns = (first[k : width * int(parameters["SIZE"], 2) : width] for k in range(width))
        address, data = self._bits(wires["RD_ADDR"]), self._bits(wires["RD_DATA"])
        if any(bit in (ZERO, ONE) for bit in address):
            raise Unreadable("a memory is addressed by constants")
        self.netlist.gates.append(Gate(address, data, tuple(int(column[::-1], 2) for column in columns)))

    def _carry(self, kind: str, parameters: Mapping[str, str], wires: Mapping[str, Sequence[int | str]]) -> None:
        size = int(kind.removeprefix("CARRY"))
        entering = {*self._bits(wires["CI"]), *self._bits(wires.get("CYINIT", "0"))} - {ZERO}
        if len(entering) > 1 or any(self._bits(wires.get("CI_TOP", "0"))):
            raise Unreadable(f"a {kind} has more than one carry input")
        if parameters.get("CARRY_TYPE", "SINGLE_CY8") != "SINGLE_CY8":
            raise Unreadable(f"a {kind} is split")
        carry = entering.pop() if entering else ZERO
        sums, carries = (
            self._bits(wires[p]) if wires.get(p) else tuple(islice(self._fresh, size)) for p in ("O", "CO")
        )
        for k, (di, select) in enumerate(zip(self._bits(wires["DI"]), self._bits(wires["S"]), strict=True)):
            self.netlist.gates.append(Gate((di, select, carry), (sums[k], carries[k]), _POSITION, carry=True))
            carry = carries[k]


def _pattern(bits: Sequence[int]) -> tuple[int, ...]:
    """Return, for each input, a constant as -1 or -2, or the number of the first input with the same bit."""
    return tuple(-1 - bit if bit in (ZERO, ONE) else bits.index(bit) for bit in bits)


@lru_cache(maxsize=4096)
def _folded(pattern: tuple[int, ...], tables: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the inputs that count, by their numbers, and the tables by these alone."""
    free, places = _places(pattern)
    tables = tuple(sum((table >> place & 1) << k for k, place in enumerate(places)) for table in tables)
    counts = [n for n in range(len(free)) if any((table ^ table >> (1 << n)) & _low(n, len(free)) for table in tables)]
    if len(counts) == len(free):
        return free, tables
    cases = [sum((c >> j & 1) << n for j, n in enumerate(counts)) for c in range(1 << len(counts))]
    return tuple(free[n] for n in counts), tuple(sum((t >> c & 1) << k for k, c in enumerate(cases)) for t in tables)


@lru_cache(maxsize=4096)
def _places(pattern: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the inputs that are no constants and no repetitions, and the place in a table of each of their cases."""
    free = tuple(k for k, other in enumerate(pattern) if other == k)

    def place(case: int) -> int:
        value = dict(zip(free, (case >> n & 1 for n in range(len(free))), strict=True))
        return sum((value[other] if other >= 0 else -1 - other) << k for k, other in enumerate(pattern))

    return free, tuple(place(case) for case in range(1 << len(free)))


@lru_cache(maxsize=64)
def _low(bit: int, inputs: int) -> int:
    """Return a mask of the cases in which input number ``bit`` is zero."""
    return sum(1 << case for case in range(1 << inputs) if not case >> bit & 1)
