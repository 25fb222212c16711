"""A module of primitives and registers as text of Yosys's RTLIL, as Amaranth would write it, without its objects.

Tables in LUTs are most of the text of a deep network, and each has a few hundred primitives that are alike: as
instances of Amaranth they took half of the time in which a design is written.
"""

from collections.abc import Iterable, Mapping, Sequence

from .cells import Lut, Mux
from .netlist import Netlist

__all__ = ["ModuleText", "bits_of", "together"]

_OPEN = "1'0"  # what an input of a LUT that is not used is given


class ModuleText:
    """The text of a module that grows by ports, registers and the cells of a netlist.

    Signals are named as they are in the text: ``\\name [bit]``, or a constant.

    Parameters
    ----------
    name : str
    ports : dict of str to (int, bool)
        Width of each port by name, in their order, and whether it is an output.
    starts : collection of str
        Those of the outputs that are registers, and begin at 0.
    """

    def __init__(self, name: str, ports: Mapping[str, tuple[int, bool]], starts: Iterable[str] = ()):
        self._head = ['attribute \\generator "Amaranth"', f"module \\{name}"]
        self._cells: list[str] = []
        self._registers = 0
        for number, (port, (width, out)) in enumerate(ports.items()):
            if port in starts:
                self._begin_at_zero(width)
            self._head.append(f"wire width {width} {'output' if out else 'input'} {number} \\{port}")

    def _begin_at_zero(self, width):
        self._head.append(f"attribute \\init {width}'{'0' * width}")

    def wire(self, name: str, width: int, *, begins: bool = False) -> list[str]:
        """Declare a signal, and return its bits; ``begins`` is whether it is a register, which begins at 0."""
        if begins:
            self._begin_at_zero(width)
        self._head.append(f"wire width {width} \\{name}")
        return bits_of(name, width)

    def register(self, q: str, d: Sequence[str]) -> None:
        """Let the whole signal named ``q`` follow the bits ``d``, a cycle later."""
        self._registers += 1
        self._cell("$dff", f"${self._registers}", {"WIDTH": len(d), "CLK_POLARITY": 1},
                   {"D": together(d), "CLK": "\\clk [0]", "Q": f"\\{q}"})  # fmt: skip

    def connect(self, name: str, bits: Sequence[str]) -> None:
        """Let the whole signal ``name`` be these bits."""
        self._cells.append(f"connect \\{name} {together(bits)}")

    def place(self, netlist: Netlist, bits: dict[int, str]) -> None:
        """Add the cells of a netlist of LUTs and multiplexers, named as by `hw.xilinx.primitives.place`.

        Parameters
        ----------
        netlist : Netlist
        bits : dict of int to str
            Its inputs; it gets the outputs of all cells.

        Raises
        ------
        TypeError
            If there is another cell.
        """
        levels: dict[int, int] = {}
        bits |= {0: "1'0", 1: "1'1"}
        for n, cell in enumerate(netlist.cells):
            if isinstance(cell, Lut):
                self._lut(n, cell, bits)
            elif isinstance(cell, Mux):
                levels[cell.o] = level = 1 + max(levels.get(cell.low, 0), levels.get(cell.high, 0))
                (bits[cell.o],) = self.wire(f"mux{n}_o", 1)
                ports = {"I0": bits[cell.low], "I1": bits[cell.high], "S": bits[cell.select], "O": bits[cell.o]}
                self._cell(f"\\MUXF{6 + level}", f"\\mux{n}", {}, ports)
            else:
                raise TypeError(f"{type(cell).__name__} is no cell of a table")

    def _lut(self, n, cell, bits):
        inputs = [bits[b] for b in cell.inputs] + [_OPEN] * (6 - len(cell.inputs))
        if cell.o5 is not None:
            inputs[5] = "1'1"
        ports = {f"I{k}": bit for k, bit in enumerate(inputs)}
        for port, output in ("O6", cell.o6), ("O5", cell.o5):
            if output is not None:
                (bits[output],) = self.wire(f"lut{n}_{port.lower()}", 1)
                ports[port] = bits[output]
        self._cell("\\LUT6_2", f"\\lut{n}", {"INIT": f"64'{cell.init:064b}"}, ports)

    def _cell(self, kind, name, parameters, ports):
        self._cells.append(f"cell {kind} {name}")
        self._cells += [f"parameter \\{key} {value}" for key, value in parameters.items()]
        self._cells += [f"connect \\{port} {value}" for port, value in ports.items()]
        self._cells.append("end")

    def __str__(self) -> str:
        return "\n".join([*self._head, *self._cells, "end", ""])


def bits_of(name: str, width: int) -> list[str]:
    """Return the bits of a signal, the lowest first."""
    return [f"\\{name} [{k}]" for k in range(width)]


def together(bits: Sequence[str]) -> str:
    """Return bits, the lowest first, as one signal."""
    return f"{{ {' '.join(reversed(bits))} }}"
