"""The cycle model steps every stage of a pipeline together, a cycle at a time.

Each stage is a small state machine over tokens (beats), with the same rule for when it takes and gives one as the
hardware has. The times are those of the hardware, exactly; the bench asserts it.
"""

from collections.abc import Hashable, Sequence
from heapq import heappop, heappush
from math import inf

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .machines import Machine, machine_of
from .wiring import wiring_of

__all__ = ["Pipeline"]


class Pipeline:
    """All stages of an accelerator's plan as machines; `step` is one clock cycle.

    Streams are numbered: the first ones enter, one for each input; the last one leaves. A machine knows the numbers of
    its own streams. Only machines are stepped that something can happen to: a beat moved on one of their streams, what
    they see on one has changed, or the time that they gave is over. The others catch up later.
    """

    def __init__(self, plan: AcceleratorPlan):
        self.entries = range(len(plan.entries))
        wiring = wiring_of(plan.stages, len(plan.entries))
        # Each machine with its streams in, its streams out, and all of them.
        self.machines: list[tuple[Machine, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = []
        self.by_stage: dict[str, Machine] = {}  # of the stages that are more than wires
        self.outputs = [stage.outs for stage in wiring.stages]  # of each stage, the numbers of its streams out
        for stage in wiring.stages:
            if stage.machine:
                self.by_stage[stage.name] = machine = machine_of(stage.plan)
                machine.connect(stage.ins, stage.outs)
                self.machines.append((machine, stage.ins, stage.outs, (*stage.ins, *stage.outs)))
        self.exit, count = wiring.exit, wiring.streams
        self.valid, self.ready = [False] * count, [False] * count
        # Sets of machines are integers, bit n for machine n, so that the lowest and the highest are found quickly.
        self._source, self._reader = [0] * count, [0] * count
        for n, (_, taken, given, _) in enumerate(self.machines):
            for stream in taken:
                self._reader[stream] = 1 << n
            for stream in given:
                self._source[stream] = 1 << n
        self.now = self.steps = 0
        self._done = [0] * len(self.machines)  # cycles that each has been stepped
        self._awake = (1 << len(self.machines)) - 1  # in the next cycle
        self._timers: list[tuple[float, int]] = []  # when to wake, and which

    def step(self, offers: Sequence[bool], takes: bool) -> tuple[list[bool], bool]:
        """Do a cycle in which the source of each input offers a beat or not, and the sink would take one or not.

        Return whether a beat enters at each input, and whether one leaves.
        """
        valid, ready = self.valid, self.ready
        pending = self._awake
        while self._timers and self._timers[0][0] <= self.now:
            pending |= heappop(self._timers)[1]
        for k, offer in enumerate(offers):
            if valid[k] != offer:
                valid[k] = offer
                pending |= self._reader[k]
        if ready[self.exit] != takes:
            ready[self.exit] = takes
            pending |= self._source[self.exit]
        self._move(self._backward(self._forward(pending)))
        self.now += 1
        return [valid[k] and ready[k] for k in self.entries], valid[self.exit] and takes

    def _forward(self, pending):
        """Set what is valid, from machine to machine, and return the machines that are awake."""
        valid, reader, machines, done, now, awake = self.valid, self._reader, self.machines, self._done, self.now, 0
        while pending:
            bit = pending & -pending
            pending ^= bit
            awake |= bit
            n = bit.bit_length() - 1
            machine, _, outs, _ = machines[n]
            if done[n] != now:
                self._catch_up(n)
            if len(outs) == 1:
                was = valid[outs[0]]
                machine.forward(valid)
                if valid[outs[0]] != was:
                    pending |= reader[outs[0]]
                continue
            before = [valid[o] for o in outs]
            machine.forward(valid)
            for o, was in zip(outs, before, strict=True):
                if valid[o] != was:
                    pending |= reader[o]
        return awake

    def _backward(self, awake):
        """Set what is ready, from machine to machine in reverse, and return the machines that are awake."""
        valid, ready, source, machines, pending = self.valid, self.ready, self._source, self.machines, awake
        while pending:
            n = pending.bit_length() - 1
            bit = 1 << n
            pending ^= bit
            if not awake & bit:
                awake |= bit
                if self._done[n] != self.now:
                    self._catch_up(n)
            machine, ins, _, _ = machines[n]
            if len(ins) == 1:
                was = ready[ins[0]]
                machine.backward(valid, ready)
                if ready[ins[0]] != was:
                    pending |= source[ins[0]]
                continue
            before = [ready[i] for i in ins]
            machine.backward(valid, ready)
            for i, was in zip(ins, before, strict=True):
                if ready[i] != was:
                    pending |= source[i]
        return awake

    def _move(self, awake):
        """Step the machines that are awake, and note which of them stay so."""
        valid, ready, machines, done = self.valid, self.ready, self.machines, self._done
        after, stay = self.now + 1, 0
        self.steps += awake.bit_count()
        while awake:
            bit = awake & -awake
            awake ^= bit
            n = bit.bit_length() - 1
            machine, _, _, streams = machines[n]
            for s in streams:
                if valid[s] and ready[s]:
                    rest = 0
                    break
            else:
                rest = machine.rest()
            machine.step(valid, ready)
            done[n] = after
            if rest == 0:  # what others see may have changed
                stay |= bit
            elif rest != inf:
                heappush(self._timers, (self.now + rest, bit))
        self._awake = stay

    def _catch_up(self, n):
        self.machines[n][0].skip(self.now - self._done[n])
        self._done[n] = self.now

    def idle(self) -> float:
        """Return for how many cycles no beat will move, if source and sink stay as they are.

        `math.inf` stands for ever.
        """
        if self._awake:
            return 0
        return max(0, self._timers[0][0] - self.now) if self._timers else inf

    def skip(self, cycles: int) -> None:
        """Let so many idle cycles pass."""
        self.now += cycles

    def state(self) -> tuple[Hashable, ...]:
        """Return everything that the future of the pipeline depends on."""
        for n, done in enumerate(self._done):
            if done != self.now:
                self._catch_up(n)
        return tuple(machine.state() for machine, *_ in self.machines)
