"""The proof that a netlist is a sum, by conservation of its weight.

A sum is a weighted sum of output bits. Going backwards, the weighted sum of the outputs of a group of gates (a LUT, a
position of a carry chain with its LUTs, …) is replaced by the affine function of the group's inputs that it equals,
checked over all cases of these (`sim.proof.affine`). What is left at the end must be the terms of the behaviour, each
with its own weight. So nothing is searched, and a proof takes as long as reading the netlist.

A group may have outputs that nothing reads: those that would be the highest bits of its sum. Where such a bit counts a
multiple of the whole sum's modulus it does not matter, and where it counts more than all terms together it is never
set: weights are positive, and the weighted sum is exactly that of the terms.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

from .affine import MOST, Atom, affine_of
from .groups import Gates
from .netlist import ONE, ZERO, Gate
from .timed import Unproved

__all__ = ["Weighted"]

Basis = list[tuple[int | None, Atom]]  # numbers of a group's inputs; for each its place among the atoms, if it is one


class Weighted:
    """A weighted sum of bits, which is followed backwards through gates.

    Parameters
    ----------
    gates : list of Gate
        All gates, in an order in which each reads only what came before.
    weights : dict of int to int
        The bits of the sum, each with its weight.
    atoms : list of Atom
        The numbers that are to be left. Their bits are the operands.
    complete : bool
        Whether bits may be added to the sum that it does not have, though others read them.

    Attributes
    ----------
    weights : dict of int to int
        What is left of the bits that are no operands.
    found : list of int
        The coefficient of each atom so far.
    constant : int
    unread : list of (int, int)
        Bits that the sum should have had and that nothing reads, with their weights.
    """

    def __init__(
        self, gates: Sequence[Gate], weights: Mapping[int, int], atoms: Sequence[Atom], *, complete: bool = False
    ):
        self._atoms, self._complete = list(atoms), complete
        self._single = {bits[0]: n for n, (bits, table) in enumerate(atoms) if len(bits) == 1 and table == (0, 1)}
        self._gates = Gates(gates, weights, [bits for bits, _ in atoms])
        self.weights: dict[int, int] = {}
        self.found, self.constant = [0] * len(self._atoms), 0
        self.unread: list[tuple[int, int]] = []
        self._waiting: list[int] = []  # minus the numbers of gates with outputs in the sum
        for bit, weight in weights.items():
            self._add(bit, weight)

    def follow(self, first: int = 0) -> None:
        """Follow the sum backwards through gate number ``first`` and all behind it.

        Raises
        ------
        Unproved
            If the outputs of some group are no affine function of its inputs.
        """
        while self._waiting and -self._waiting[0] >= first:
            seed = -heappop(self._waiting)
            if any(bit in self.weights for bit in self._gates[seed].outputs):
                self._replace(seed, first)

    def _replace(self, seed: int, first: int) -> None:
        """Replace the outputs of a gate, and of others with it, by what they are a weighted sum of."""
        for group in self._gates.groups(seed, first, self.weights):
            inputs = self._gates.inputs(group)
            if len(inputs) > MOST:
                continue
            own, basis = self._gates.own(group, seed), self._basis(inputs)
            gates, made = [self._gates[n] for n in sorted(group)], [bit for n in own for bit in self._gates[n].outputs]
            for unread in self._unread(own):
                weights = [(bit, w) for bit in made if (w := unread.get(bit) or self.weights.get(bit))]
                found = affine_of(gates, inputs, weights, [atom for _, atom in basis])
                if found is not None:
                    self.unread += unread.items()
                    self._gates.done |= own
                    for bit in made:
                        self.weights.pop(bit, None)
                    self._take(basis, *found)
                    return
        raise Unproved(f"the outputs of gate {seed}, {self._gates[seed]}, are no weighted sum of what it is made of")

    def _take(self, basis: Basis, constant: int, coefficients: Sequence[int]) -> None:
        self.constant += constant
        for (place, (bits, _)), coefficient in zip(basis, coefficients, strict=True):
            if place is None:
                self._add(bits[0], coefficient)
            else:
                self.found[place] += coefficient

    def _add(self, bit: int, weight: int) -> None:
        if bit in (ZERO, ONE):
            self.constant += bit * weight
        elif bit in self._single:
            self.found[self._single[bit]] += weight
        elif bit not in self._gates.driver:
            raise Unproved("an operand counts that should not, or not by itself")
        elif after := self.weights.get(bit, 0) + weight:
            self.weights[bit] = after
            heappush(self._waiting, -self._gates.driver[bit])
        else:
            self.weights.pop(bit, None)

    def _basis(self, inputs: Sequence[int]) -> Basis:
        """Return the numbers that the inputs of a group make: atoms of operands, and other bits."""
        atoms = dict.fromkeys(n for bit in inputs for n in self._gates.atoms_of(bit))
        have, others = set(inputs), [bit for bit in inputs if not self._gates.atoms_of(bit)]
        basis: Basis = [(n, self._atoms[n]) for n in atoms if have.issuperset(self._atoms[n][0])]
        return basis + [(None, ((bit,), (0, 1))) for bit in others]

    def _unread(self, own: set[int]) -> Iterator[dict[int, int]]:
        """Yield weights for outputs that nothing reads: what the next higher bit counts, for carries at first; none."""
        gates = [self._gates[n] for n in sorted(own, reverse=True)]  # the upper positions of carry chains first
        sums = {gate.inputs[1]: self.weights.get(gate.outputs[0], 0) for gate in gates if gate.carry}  # by the select
        found: dict[int, int] = {}
        tried = [found]
        for gate in sorted(gates, key=lambda gate: not gate.carry):
            lost = [bit for bit in gate.outputs if self._is_lost(bit)]
            if gate.carry and self._complete and gate.outputs[0] in lost:
                above = (up.outputs[0] for up in gates if up.carry and up.inputs[2] == gate.outputs[1])
                known = [found.get(bit) or self.weights.get(bit, 0) for bit in above]
                weight = max(self.weights.get(gate.outputs[1], 0), *known, 0)
                more = {gate.outputs[0]: weight // 2} if weight else {}
            elif len(gate.outputs) == 2 and len(lost) == 1:
                (kept,) = set(gate.outputs) - set(lost)
                weight = self.weights.get(kept) or sums.get(kept) or 0
                below = self._complete and not gate.carry
                more = {lost[0]: weight // 2 if below else 2 * weight} if weight else {}
            else:
                continue
            if more:
                found = found | more
                tried.insert(0 if gate.carry else len(tried), found)
        yield from tried

    def _is_lost(self, bit: int) -> bool:
        return bit not in self.weights if self._complete else bit not in self._gates.live
