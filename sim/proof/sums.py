"""The proof that a module has a behaviour: its latency, its accumulators, and each of its sums."""

from .affine import Atom
from .behaviour import Behaviour, Slice, TermSum
from .conservation import Weighted
from .netlist import ONE, Gate, ModuleNetlist
from .timed import Timed, Unproved

__all__ = ["prove"]


def prove(netlist: ModuleNetlist, behaviour: Behaviour) -> None:
    """Prove that a module does what a behaviour says, from the cycle on in which its registers are filled.

    Raises
    ------
    Unproved
        If it does not, or its structure is none that can be proved; the message says where.
    """
    try:
        for each in behaviour.sums:
            _Proof(netlist, behaviour, each).run()
    except Unproved as error:
        raise Unproved(f"module {netlist.name}: {error}") from None


class _Proof:
    """The proof of one sum of a module."""

    def __init__(self, netlist: ModuleNetlist, behaviour: Behaviour, each: TermSum):
        self._netlist, self._sum, self._latency = netlist, each, behaviour.latency
        known = dict.fromkeys((bit for part in behaviour.inputs() for bit in self._bits(part)), 0)
        self._late = [
            bit for name in ("init", "load", "enable") if name in netlist.ports for bit in netlist.ports[name].bits
        ]
        self._late += [bit for other in behaviour.sums if other.registered for bit in self._bits(other.output)]
        self._timed = Timed(netlist, known | dict.fromkeys(self._late, behaviour.latency))

    def run(self) -> None:
        """Follow the sum backwards, first through what depends on the accumulator, and compare what is left."""
        modulus, olds, terms = 1 << self._sum.output.count, self._olds(), self._terms()
        gates, first = self._late_last()
        whole = Weighted(gates, self._weights(), [*olds, *(atom for atom, _ in terms)])
        whole.follow(first)
        if any(weight % modulus for _, weight in whole.unread):
            raise Unproved("a carry of the accumulator is lost")
        if any(weight < 0 for weight in whole.weights.values()):
            raise Unproved("a bit counts negatively")
        before = whole.constant
        whole.unread.clear()
        whole.follow()
        found = whole.found[len(olds) :]
        most = sum(c * max(table) for c, ((_, table), _) in zip(found, terms, strict=True)) + whole.constant - before
        lost = [weight for _, weight in whole.unread if weight % modulus]
        if min(found, default=0) < 0 or any(not most < weight for weight in lost):
            raise Unproved("a carry that can be set is lost")
        want = [*(1 << k for k in range(len(olds))), *(1 << exponent for _, exponent in terms)]
        wrong = sum((a - b) % modulus != 0 for a, b in zip(whole.found, want, strict=True))
        if wrong or whole.weights or whole.constant % modulus:
            raise Unproved(f"{wrong or 'some'} of {len(want)} terms count something else than they should")

    def _weights(self) -> dict[int, int]:
        """Return the bits of the sum, each with its weight; a bit may stand in several places."""
        weights: dict[int, int] = {}
        for part in self._totals():
            for k, bit in enumerate(part):
                weights[bit] = weights.get(bit, 0) + (1 << k)
        return weights

    def _bits(self, part: Slice) -> tuple[int, ...]:
        port = self._netlist.ports.get(part.port)
        if port is None or len(port.bits) < part.start + part.count:
            raise Unproved(f"it has no {part.count} bits of a port {part.port} from bit {part.start} on")
        return port.bits[part.start : part.start + part.count]

    def _totals(self) -> list[list[int]]:
        """Return the bits of the sum, from bit 0 on; of two rows if there are two."""
        each = self._sum
        if not each.registered:
            parts = [each.output] + ([each.second] if each.second else [])
            return [self._timed.at(self._bits(part), self._latency) for part in parts]
        taken = []
        drivers = {bit: gate for gate in self._netlist.gates for bit in gate.outputs}
        for q in self._bits(each.output):
            if q not in self._netlist.registers:
                raise Unproved("its output is no register")
            d = self._netlist.registers[q]
            enable = self._netlist.ports["enable"].bits[0] if each.feedback else ONE
            taken.append(_when_enabled(drivers.get(d), q, enable) if each.feedback else d)
        return [self._timed.at(taken, self._latency)]

    def _olds(self) -> list[Atom]:
        """Return what each bit of the sum starts with, as a function of bits of the accumulator's cycle."""
        each = self._sum
        init = self._bits(each.init) if each.init else ()
        if not each.feedback:
            return [((bit,), (0, 1)) for bit in init]
        load, held = self._netlist.ports["load"].bits[0], self._bits(each.output)
        if not init:
            return [((load, bit), (0, 0, 1, 0)) for bit in held]
        chosen = tuple(i if to else h for h in (0, 1) for i in (0, 1) for to in (0, 1))
        return [((load, i, h), chosen) for i, h in zip(init, held, strict=True)]

    def _terms(self) -> list[tuple[Atom, int]]:
        """Return the number of each term and lane, with its exponent."""
        return [
            ((bits, term.table), term.exponent)
            for term in self._sum.terms
            for bits in zip(*(self._bits(part) for part in term.planes), strict=True)
        ]

    def _late_last(self) -> tuple[list[Gate], int]:
        """Return all gates, those last that depend on bits of the accumulator's cycle, and the number of the others."""
        late, early, behind = set(self._late), [], []
        for gate in self._timed.gates:
            if late.isdisjoint(gate.inputs):
                early.append(gate)
            else:
                late.update(gate.outputs)
                behind.append(gate)
        return early + behind, len(early)


def _when_enabled(gate: Gate | None, q: int, enable: int) -> int:
    """Return the bit that a register with output ``q`` takes while ``enable`` is high; else it must keep its own."""
    if gate is not None and enable in gate.inputs and len(gate.outputs) == 1:
        at = gate.inputs.index(enable)
        found = {high: _bits_that(gate, at, high) for high in (0, 1)}
        others = [bit for bit in found[1] if bit != q] or found[1]
        if q in found[0] and others:
            return others[0]
    raise Unproved("its accumulator does not wait for enable")


def _bits_that(gate: Gate, at: int, high: int) -> list[int]:
    """Return the inputs that the gate's output equals wherever input number ``at`` is ``high``."""
    cases = [n for n in range(1 << len(gate.inputs)) if n >> at & 1 == high]
    return [b for k, b in enumerate(gate.inputs) if all(n >> k & 1 == gate.tables[0] >> n & 1 for n in cases)]
