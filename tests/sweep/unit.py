"""One unit of the sweep: a component with its plan, the beats that it is sent, and what must come of them."""

from dataclasses import dataclass, field

import numpy as np

from fewbit.hw.packing import pack
from fewbit.sim.cycles.machines import machine_of

__all__ = ["ANY", "PERIOD", "QUIET", "Stalls", "Unit"]

ANY = -1  # a code that may be anything: padding
PERIOD = 4096  # cycles until stalls repeat
QUIET = 24  # cycles after the last beat in which nothing may come
_PATIENCE = 30_000  # cycles in which all beats must have left


@dataclass(frozen=True, eq=False)
class Stalls:
    """When a source begins to offer, and when a sink would take, by cycle modulo `PERIOD`.

    ``offers`` are booleans ``(ports, PERIOD)``, ``takes`` are ``(PERIOD,)``. They follow each other in
    spans of some cycles: neither waits, one does, both do.
    """

    offers: np.ndarray
    takes: np.ndarray

    @classmethod
    def drawn(cls, rng, ports):
        spans = rng.choice(4, PERIOD // 64, p=[0.4, 0.2, 0.2, 0.2]).repeat(64)
        spans[:64] = 0
        idle, refuse = (np.where(np.isin(spans, among), rng.choice([0.2, 0.5, 0.8]), 0) for among in ([1, 3], [2, 3]))
        return cls(rng.random((ports, PERIOD)) >= idle, rng.random(PERIOD) >= refuse)


@dataclass(eq=False)
class Unit:
    """A component under test.

    Attributes
    ----------
    kind, target, words : str
        Which of the sweep's kinds; which target; a description of it all.
    make : callable
        The component, with streams ``ports`` in and ``o`` out.
    plan : its plan
    codes : list of int arrays (beats, lanes)
        Of each stream in.
    bits : list of int
        Of a code of each stream in.
    expected : int array (beats, lanes)
        Codes that must come, `ANY` where they do not matter.
    out_bits : int
    stalls : Stalls
    features : tuple of str
        What else stands in the unit, for the counts.
    """

    kind: str
    target: str
    words: str
    make: object
    plan: object
    codes: list
    bits: list
    expected: np.ndarray
    out_bits: int
    stalls: Stalls
    features: tuple = ()
    taken: list = field(default_factory=list)
    given: list = field(default_factory=list)

    @property
    def ports(self):
        return ["i"] if len(self.codes) == 1 else [f"i{k}" for k in range(len(self.codes))]

    def payloads(self, port):
        """The beats of a stream in as integers."""
        return [pack(beat, self.bits[port]) for beat in self.codes[port].tolist()]

    def predict(self):
        """Cycles that it takes; sets ``taken`` (a list a stream in) and ``given``: when each beat must move.

        RuntimeError if the cycle model has it stand still.
        """
        machine, count = machine_of(self.plan), len(self.codes)
        machine.connect(list(range(count)), [count])
        valid, ready = [False] * (count + 1), [False] * (count + 1)
        offers, takes = self.stalls.offers.tolist(), self.stalls.takes.tolist()
        self.taken, self.given = [[] for _ in range(count)], []
        for cycle in range(_PATIENCE):
            for k in range(count):
                waits = len(self.taken[k]) < len(self.codes[k])
                valid[k] = waits and (valid[k] or offers[k][cycle % PERIOD])
            ready[count] = takes[cycle % PERIOD]
            machine.forward(valid)
            machine.backward(valid, ready)
            machine.step(valid, ready)
            for k in range(count):
                if valid[k] and ready[k]:
                    self.taken[k].append(cycle)
                    valid[k] = False
            if valid[count] and ready[count]:
                self.given.append(cycle)
                if len(self.given) == len(self.expected):
                    return cycle + 1 + QUIET
        raise RuntimeError(f"{self.words}: stands still")

    def differences(self, taken, given, payloads):
        """What is not as it must be, in words, the first of each kind; empty if all is.

        Parameters
        ----------
        taken : list of lists of int
            Cycles in which a beat entered, by stream in.
        given, payloads : lists of int
            Cycles in which one left; the beats.
        """
        found = []
        if len(given) != len(self.expected):
            found.append(f"{len(given)} beats of {len(self.expected)}")
        for name, got, want in (*zip(self.ports, taken, self.taken, strict=True), ("o", given, self.given)):
            wrong = next((n for n, (g, w) in enumerate(zip(got, want, strict=False)) if g != w), None)
            if wrong is not None:
                found.append(f"{name}: beat {wrong} in cycle {got[wrong]}, not {want[wrong]}")
        mask = (1 << self.out_bits) - 1
        lanes = range(self.expected.shape[1])
        got = np.array([[p >> k * self.out_bits & mask for k in lanes] for p in payloads], dtype=np.int64)
        count = min(len(got), len(self.expected))
        want = self.expected[:count]
        wrong = np.argwhere((got.reshape(-1, len(lanes))[:count] != want) & (want != ANY))
        if len(wrong):
            beat, lane = wrong[0]
            found.append(f"{len(wrong)} codes, the first in lane {lane} of beat {beat}: {got[beat, lane]}, "
                         f"not {want[beat, lane]}")  # fmt: skip
        return found
