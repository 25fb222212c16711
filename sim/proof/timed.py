"""A netlist without its registers: every bit in the order in which it is made, and the cycle in which it is there."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping

from .netlist import ONE, ZERO, Gate, ModuleNetlist

__all__ = ["Timed", "Unproved"]


class Unproved(ValueError):
    """A module is not, or not provably, what its behaviour says; the message has the reason."""


class Timed:
    """The gates of a netlist in the order in which each reads only what came before, with registers as wires.

    Parameters
    ----------
    netlist : ModuleNetlist
    known : dict of int to int
        The cycle in which each bit is there that the netlist is given; among these may be outputs of registers.

    Attributes
    ----------
    gates : list of Gate
        Those that depend on ``known`` alone, by cycle. Bits behind registers stand in them as those in front.
    """

    def __init__(self, netlist: ModuleNetlist, known: Mapping[int, int]):
        self._cycle: dict[int, int | None] = {ZERO: None, ONE: None, **known}
        self._root = {bit: bit for bit in self._cycle}
        self.gates: list[Gate] = []
        readers: dict[int, list[Gate | tuple[int, int]]] = defaultdict(list)
        missing: dict[int, int] = {}
        ready: deque[Gate | tuple[int, int]] = deque()
        nodes: list[Gate | tuple[int, int]] = [*netlist.gates]
        nodes += [(q, d) for q, d in netlist.registers.items() if q not in known]
        for node in nodes:
            waits = {bit for bit in (node.inputs if isinstance(node, Gate) else node[1:]) if bit not in self._cycle}
            missing[id(node)] = len(waits)
            for bit in waits:
                readers[bit].append(node)
            if not waits:
                ready.append(node)
        while ready:
            node = ready.popleft()
            made = self._gate(node) if isinstance(node, Gate) else self._register(*node)
            for bit in made:
                for reader in readers[bit]:
                    missing[id(reader)] -= 1
                    if not missing[id(reader)]:
                        ready.append(reader)
        self.gates.sort(key=lambda gate: self._cycle[gate.outputs[0]] or 0)

    def _register(self, q: int, d: int) -> tuple[int, ...]:
        cycle = self._cycle[d]
        self._root[q], self._cycle[q] = self._root[d], None if cycle is None else cycle + 1
        return (q,)

    def _gate(self, gate: Gate) -> tuple[int, ...]:
        for output, table in zip(gate.outputs, gate.tables, strict=True):
            read = _needed(gate.inputs, table) if len(gate.outputs) == 2 and not gate.carry else gate.inputs
            at = {cycle for bit in read if (cycle := self._cycle[bit]) is not None}
            if len(at) > 1:
                raise Unproved(f"bits of cycles {sorted(at)} meet in a gate")
            self._cycle[output], self._root[output] = at.pop() if at else None, output
        inputs = tuple(self._root[bit] for bit in gate.inputs)
        self.gates.append(Gate(inputs, gate.outputs, gate.tables, gate.carry))
        return gate.outputs

    def at(self, bits: Iterable[int], cycle: int) -> list[int]:
        """Return bits as those in front of all registers, if they are there in ``cycle``.

        Raises
        ------
        Unproved
            If one is there in another cycle, or depends on what the netlist is not given.
        """
        found = []
        for bit in bits:
            if bit not in self._cycle:
                raise Unproved("a bit depends on itself, or on a bit that nothing drives")
            if self._cycle[bit] not in (None, cycle):
                raise Unproved(f"a bit is there {self._cycle[bit]} cycles after its operands, not {cycle}")
            found.append(self._root[bit])
        return found


def _needed(inputs: tuple[int, ...], table: int) -> list[int]:
    cases = range(1 << len(inputs))
    return [b for k, b in enumerate(inputs) if any(table >> n & 1 != table >> (n ^ 1 << k) & 1 for n in cases)]
