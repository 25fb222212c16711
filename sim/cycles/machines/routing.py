"""Machines of stages that only move beats: gearboxes, queues, forks, repetition, and branches side by side."""

from math import inf

from fewbit.hw.gearbox_plan import GearboxPlan
from fewbit.hw.stages.repeat_plan import RepeatPlan
from fewbit.hw.stages.routing_plan import ConcatPlan, ForkPlan, QueuePlan

from .machine import Machine, compiled, machine_for

__all__ = ["ConcatMachine", "ForkMachine", "GearboxMachine", "QueueMachine", "RepeatMachine"]


@machine_for(GearboxPlan)
@compiled("gearbox", "a", "b", "last", "beats_in", "capacity")
class GearboxMachine(Machine):
    """A gearbox: ``fill`` lanes are held, and ``beat`` is the number of the next beat in within its frame."""

    changing = "fill", "beat"

    def __init__(self, plan: GearboxPlan):
        self.plan, self.fill, self.beat = plan, 0, 0

    def valid(self):
        return self.fill >= self.plan.b

    def ready(self, gives):
        add = self.plan.last if self.beat == self.plan.beats_in - 1 else self.plan.a
        return self.fill - (self.plan.b if gives else 0) + add <= self.plan.capacity

    def move(self, takes, gives):
        if gives:
            self.fill -= self.plan.b
        if takes:
            last = self.beat == self.plan.beats_in - 1
            self.fill += self.plan.last if last else self.plan.a
            self.beat = 0 if last else self.beat + 1


@machine_for(QueuePlan)
@compiled("queue", "depth")
class QueueMachine(Machine):
    """Amaranth's ``SyncFIFOBuffered``: a memory of ``depth - 1`` entries and an output register."""

    changing = "inner", "full"

    def __init__(self, plan: QueuePlan):
        self.plan, self.inner, self.full = plan, 0, False
        self.need = 0  # the depth with which it would have taken all that it has taken

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.inner < self.plan.depth - 1

    def move(self, takes, gives):
        if takes and self.inner + 2 > self.need:
            self.need = self.inner + 2
        reads = self.inner > 0 and (gives or not self.full)
        self.full = reads or (self.full and not gives)
        self.inner += takes - reads

    def rest(self):
        return 0 if self.inner > 0 and not self.full else inf


@machine_for(ForkPlan)
@compiled("fork", "count")
class ForkMachine(Machine):
    """A fork: ``done`` says which branches have taken the beat that is on offer."""

    changing = ("done",)

    def __init__(self, plan: ForkPlan):
        self.plan, self.done = plan, (False,) * plan.count

    def forward(self, valid):
        for o, done in zip(self.outs, self.done, strict=True):
            valid[o] = valid[self.i] and not done

    def backward(self, valid, ready):
        ready[self.i] = all(done or ready[o] for o, done in zip(self.outs, self.done, strict=True))

    def step(self, valid, ready):
        if valid[self.i]:
            passes = ready[self.i]
            self.done = tuple((done or ready[o]) and not passes for o, done in zip(self.outs, self.done, strict=True))


@machine_for(ConcatPlan)
@compiled("concat", "whole", "turns")
class ConcatMachine(Machine):
    """Branches side by side: beats of all at once, or of one after the other as ``turn`` says."""

    changing = ("beat",)

    def __init__(self, plan: ConcatPlan):
        self.plan, self.beat = plan, 0
        self.turn = [k for k, count in enumerate(plan.turns) for _ in range(count)]

    def _chosen(self):
        return self.ins if self.plan.whole else [self.ins[self.turn[self.beat]]]

    def forward(self, valid):
        valid[self.o] = all(valid[i] for i in self._chosen())

    def backward(self, valid, ready):
        for i in self.ins:
            ready[i] = False
        for i in self._chosen():
            ready[i] = valid[self.o] and ready[self.o]

    def step(self, valid, ready):
        if valid[self.o] and ready[self.o]:
            self.beat = (self.beat + 1) % len(self.turn)


@machine_for(RepeatPlan)
@compiled("repeat", "beats")
class RepeatMachine(Machine):
    """Repetition of channels: ``copy`` is the number of the next beat of a channel's copies."""

    changing = ("copy",)

    def __init__(self, plan: RepeatPlan):
        self.plan, self.copy = plan, 0

    def forward(self, valid):
        valid[self.o] = valid[self.i]

    def backward(self, valid, ready):
        ready[self.i] = ready[self.o] and self.copy == self.plan.beats - 1

    def step(self, valid, ready):
        if valid[self.o] and ready[self.o]:
            self.copy = (self.copy + 1) % self.plan.beats
