"""The gates of a sum, and the groups of them that are tried together."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property

from .affine import MOST
from .netlist import ONE, ZERO, Gate

__all__ = ["Gates"]

_LUT = 6  # inputs of a LUT: those of a table of several bits read some of the same ones each


class Gates:
    """All gates of a module, by number, with what is known of their bits.

    Parameters
    ----------
    gates : list of Gate
        In an order in which each reads only what came before.
    ends : bits
        The bits that matter.
    atoms : list of tuples of int
        The operands of each number that a sum is to be made of.

    Attributes
    ----------
    driver : dict of int to int
        The number of the gate that makes a bit.
    live : set of int
        The bits that ``ends`` depend on.
    done : set of int
        Gates whose outputs stand in no sum any more, nor will.
    """

    def __init__(self, gates: Sequence[Gate], ends: Iterable[int], atoms: Sequence[tuple[int, ...]]):
        self._gates, self._atoms = gates, atoms
        self.driver = {bit: n for n, gate in enumerate(gates) for bit in gate.outputs}
        self.done: set[int] = set()
        self._of_bit: dict[int, list[int]] = defaultdict(list)
        for n, bits in enumerate(atoms):
            for bit in bits:
                self._of_bit[bit].append(n)
        self.live = self._reached(ends)
        self._readers: dict[int, list[int]] = defaultdict(list)
        for n, gate in enumerate(gates):
            if not self.live.isdisjoint(gate.outputs):
                for bit in gate.inputs:
                    self._readers[bit].append(n)

    def __getitem__(self, number: int) -> Gate:
        return self._gates[number]

    def atoms_of(self, bit: int) -> Sequence[int]:
        """Return the numbers of the atoms that depend on an operand; none for any other bit."""
        return self._of_bit.get(bit, ())

    def inputs(self, group: Collection[int]) -> list[int]:
        """Return the bits that a group reads and does not make, without constants."""
        made = {bit for n in group for bit in self._gates[n].outputs} | {ZERO, ONE}
        return list(dict.fromkeys(bit for n in sorted(group) for bit in self._gates[n].inputs if bit not in made))

    def own(self, group: Collection[int], seed: int) -> set[int]:
        """Return the gates of a group around ``seed`` whose outputs nothing else needs."""
        return {n for n in group if n == seed or self._free(n, seed, group)}

    def groups(self, seed: int, first: int, weights: Collection[int]) -> Iterator[set[int]]:
        """Yield the groups around gate ``seed`` that are tried.

        Parameters
        ----------
        seed, first : int
            No gate before number ``first`` is taken.
        weights : bits
            Those of the sum.
        """
        group = {seed} | self._selectors(seed, first)
        yield set(group)
        yield group | self._siblings(group, first, weights, more=_LUT)  # a table of several bits
        while True:
            more = (
                self._siblings(group, first, weights)
                or self._decoders(group, first)
                or self._below(group, first)
                or {n for n in self._drivers(group, first) if self._free(n, seed, group)}
                or self._drivers(group, first)
            )
            if not more:
                return
            group |= more
            yield set(group)

    def _from(self, first: int, bits: Iterable[int]) -> set[int]:
        """Return the gates from ``first`` on that make some of these bits."""
        return {n for bit in bits if (n := self.driver.get(bit, -1)) >= first}

    def _selectors(self, seed: int, first: int) -> set[int]:
        """Return the LUT that selects at a position of a carry chain, with another one of its inputs alone that
        generates, but those that other positions need."""
        gate = self._gates[seed]
        found = {n for n in self._from(first, gate.inputs[1:2]) if not self._gates[n].carry} if gate.carry else set()
        read = {bit for n in found for bit in self._gates[n].inputs}
        found |= {
            n for n in self._from(first, gate.inputs[:1])
            if gate.carry and not self._gates[n].carry and read.issuperset(self._gates[n].inputs)
        }  # fmt: skip
        return {n for n in found if self._free(n, seed, {seed, *found})}

    def _siblings(self, group: set[int], first: int, weights: Collection[int], *, more: int = 0) -> set[int]:
        """Return gates with outputs in the sum that read nothing but what the group reads, or ``more`` bits in all."""
        read = set(self.inputs(group))
        found = {n for bit in read for n in self._readers.get(bit, ()) if n not in group and n >= first}
        return {
            n for n in found
            if len(read.union(self._gates[n].inputs)) <= max(more, len(read))
            and any(bit in weights for bit in self._gates[n].outputs)
        }  # fmt: skip

    def _decoders(self, group: set[int], first: int) -> set[int]:
        """Return gates between the group and operands of atoms of which the group has others: what decodes a weight."""
        read = [bit for n in group for bit in self._gates[n].inputs]
        lanes = {bit for other in read for n in self.atoms_of(other) for bit in self._atoms[n]}
        found: set[int] = set()
        waiting = self._from(first, read) if lanes else set()
        while waiting:
            n = waiting.pop()
            own = self._operands[n]
            if n not in group and n not in found and own and lanes >= own:
                found.add(n)
                waiting |= self._from(first, self._gates[n].inputs)
        return found

    def _below(self, group: set[int], first: int) -> set[int]:
        """Return the position of a carry chain below those of the group, with its LUTs."""
        carries = (self._gates[n].inputs[2] for n in sorted(group) if self._gates[n].carry)
        found = [n for n in self._from(first, carries) - group if self._gates[n].carry]
        return {n for below in found for n in (below, *self._selectors(below, first))}

    def _drivers(self, group: set[int], first: int) -> set[int]:
        """Return the gates that make inputs of the group, but positions of carry chains."""
        found = self._from(first, (bit for n in group for bit in self._gates[n].inputs)) - group
        return {n for n in found if not self._gates[n].carry}

    def _free(self, number: int, seed: int, group: Collection[int]) -> bool:
        """Return whether all that reads a gate's outputs is in the group, or done."""
        return all(
            reader in group or reader in self.done or reader > seed
            for bit in self._gates[number].outputs
            for reader in self._readers.get(bit, ())
        )

    def _reached(self, ends: Iterable[int]) -> set[int]:
        live: set[int] = set()
        waiting = list(ends)
        while waiting:
            bit = waiting.pop()
            if bit not in live:
                live.add(bit)
                waiting += self._gates[self.driver[bit]].inputs if bit in self.driver else ()
        return live

    @cached_property
    def _operands(self) -> list[frozenset[int] | None]:
        """The operands that each gate depends on; None for more than a group may have."""
        found: list[frozenset[int] | None] = []
        for gate in self._gates:
            parts = [
                found[self.driver[bit]] if bit in self.driver else frozenset([bit] if self.atoms_of(bit) else [])
                for bit in gate.inputs
            ]
            whole = None if None in parts else frozenset().union(*(part for part in parts if part))
            found.append(None if whole is None or len(whole) > MOST else whole)
        return found
