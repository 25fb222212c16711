"""The stages of a pipeline as state machines over tokens: when each takes and gives a beat, as its hardware does.

In each cycle every machine says which of its streams out are valid (`forward`, in the order of the pipeline), then
which streams in it is ready for (`backward`, in reverse), then moves on (`step`). Where no beat moves on any of its
streams, a machine can be left alone for the cycles that `rest` says; `skip` catches up with them.
"""

from collections import deque
from math import inf

from fewbit.hw.gearbox import GearboxPlan
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.stages.add import JoinPlan
from fewbit.hw.stages.argmax import ArgMaxPlan
from fewbit.hw.stages.pointwise import PointwisePlan
from fewbit.hw.stages.pool import LargestOfAllPlan, LargestPlan
from fewbit.hw.stages.routing import ConcatPlan, ForkPlan, QueuePlan
from fewbit.hw.stages.sliding_window import SlidingPlan
from fewbit.hw.stages.upsample import UpsamplePlan
from fewbit.hw.stages.window_columns import ColumnsPlan

from .windows import ColumnsMachine, SlidingMachine

__all__ = ["Machine", "machine_of"]


class Machine:
    """A machine of one stream in and one out, whose output is registered.

    Subclasses say ``valid()``, ``ready(gives)`` and ``move(takes, gives)``; attributes that change are listed in
    ``changing``.
    """

    outputs = 1
    changing = ()

    def __init__(self, plan):
        self.plan = plan

    def connect(self, ins, outs):
        self.ins, self.outs = ins, outs
        self.i, self.o = ins[0], outs[0]

    def forward(self, valid):
        valid[self.o] = self.valid()

    def backward(self, valid, ready):
        ready[self.i] = self.ready(valid[self.o] and ready[self.o])

    def step(self, valid, ready):
        self.move(valid[self.i] and ready[self.i], valid[self.o] and ready[self.o])

    def rest(self):
        """For how many cycles nothing that others see changes, nor anything that `skip` does not do, if no beat moves.

        This is for a machine that only beats can change.
        """
        return inf

    def skip(self, cycles):
        """So many steps without a beat, at most ``rest()``."""

    def state(self):
        return tuple(getattr(self, name) for name in self.changing)


class _Gearbox(Machine):
    changing = "fill", "beat"

    def __init__(self, plan):
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


class _Credited(Machine):
    """What runs freely behind credit: writes that are due, what can be read. Credit comes back a cycle late."""

    def __init__(self, plan):
        self.plan, self.now, self.level, self.due, self.credit = plan, 0, 0, deque(), plan.depth
        self.back = False

    def valid(self):
        return self.level > 0

    def deliver(self, gives):
        if gives:
            self.level -= 1
        self.credit += self.back
        self.back = gives
        while self.due and self.due[0] == self.now:
            self.due.popleft()
            self.level += 1
        self.now += 1

    def rest(self):
        if self.back:
            return 0
        return self.due[0] - self.now if self.due else inf

    def skip(self, cycles):
        self.now += cycles

    def state(self):
        return (self.level, self.credit, self.back, *(t - self.now for t in self.due))


class _Pointwise(_Credited):
    def ready(self, gives):
        return self.credit > 0

    def move(self, takes, gives):
        if takes:
            self.due.append(self.now + self.plan.latency)
            self.credit -= 1
        self.deliver(gives)


class _Join(_Pointwise):
    def connect(self, ins, outs):
        super().connect(ins, outs)
        self.a, self.b = ins

    def backward(self, valid, ready):
        ready[self.a] = ready[self.b] = self.credit > 0 and valid[self.a] and valid[self.b]


class _Layer(_Credited):
    def __init__(self, plan):
        super().__init__(plan)
        self.used, self.row, self.place, self.issuing = 0, 0, 0, False
        self.direct = plan.rows == 1 and not (plan.whole and plan.steps > 1)

    def _may_issue(self):
        return self.place > 0 or self.credit >= self.plan.row_beats

    def ready(self, gives):
        return self._may_issue() if self.direct else self.used != 2 * self.plan.steps

    def _there(self):
        needed = self.plan.steps - 1 if self.plan.whole else self.place
        if self.row > 0 or (self.plan.whole and self.plan.rows == 1 and self.place > 0):
            return True
        return self.used > needed

    def move(self, takes, gives):
        p = self.plan
        issues = takes if self.direct else self._may_issue() and self._there()
        last_row = self.row == p.rows - 1
        if not self.direct:
            self.used += takes - (issues and last_row)
        if issues:
            beats = p.last_row_beats if last_row else p.row_beats
            if self.place == 0:
                self.credit -= beats
            self.place += 1
            if self.place == p.steps:
                self.place = 0
                self.row = 0 if last_row else self.row + 1
                self.due.extend(self.now + p.latency + j for j in range(beats))
        self.deliver(gives)

    def rest(self):
        p, steps = self.plan, inf
        self.issuing = not self.direct and self._may_issue() and self._there()
        if self.issuing:
            # The first and the last step of a row do more than count, and so does the one that makes room again.
            last = p.steps - 1 if self.row > 0 or p.whole else min(p.steps - 1, self.used)
            steps = last - self.place
            if self.place == 0 or steps <= 0 or (self.row == p.rows - 1 and self.used == 2 * p.steps):
                return 0
        return min(steps, super().rest())

    def skip(self, cycles):
        super().skip(cycles)
        if self.issuing:
            self.place += cycles
            if self.row == self.plan.rows - 1:
                self.used -= cycles

    def state(self):
        return (self.used, self.row, self.place, *super().state())


class _ArgMax(Machine):
    changing = "beat", "full"

    def __init__(self, plan):
        self.plan, self.beat, self.full, self.count = plan, 0, False, plan.beats_in

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def move(self, takes, gives):
        if gives:
            self.full = False
        if takes:
            self.beat += 1
            if self.beat == self.count:
                self.beat, self.full = 0, True


class _Largest(_ArgMax):
    def __init__(self, plan):
        self.plan, self.beat, self.full, self.count = plan, 0, False, plan.taps

    def ready(self, gives):
        return not self.full or gives or self.beat != self.count - 1


class _Queue(Machine):
    """Amaranth's ``SyncFIFOBuffered``: a memory of ``depth - 1`` entries and an output register."""

    changing = "inner", "full"

    def __init__(self, plan):
        self.plan, self.inner, self.full = plan, 0, False
        self.most = 0  # that it ever held

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.inner < self.plan.depth - 1

    def move(self, takes, gives):
        reads = self.inner > 0 and (gives or not self.full)
        self.full = reads or (self.full and not gives)
        self.inner += takes - reads
        if self.inner + self.full > self.most:
            self.most = self.inner + self.full

    def rest(self):
        return 0 if self.inner > 0 and not self.full else inf


class _Fork(Machine):
    changing = ("done",)

    def __init__(self, plan):
        self.plan, self.outputs, self.done = plan, plan.count, (False,) * plan.count

    def forward(self, valid):
        for o, done in zip(self.outs, self.done, strict=True):
            valid[o] = valid[self.i] and not done

    def backward(self, valid, ready):
        ready[self.i] = all(done or ready[o] for o, done in zip(self.outs, self.done, strict=True))

    def step(self, valid, ready):
        if valid[self.i]:
            passes = ready[self.i]
            self.done = tuple((done or ready[o]) and not passes for o, done in zip(self.outs, self.done, strict=True))


class _Concat(Machine):
    changing = ("beat",)

    def __init__(self, plan):
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


class _LargestOfAll(Machine):
    changing = ("full",)

    def __init__(self, plan):
        self.plan, self.full = plan, False

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def move(self, takes, gives):
        self.full = takes or (self.full and not gives)


class _Upsample(Machine):
    changing = "used", "full", "at"

    def __init__(self, plan):
        self.plan, self.used, self.full, self.at = plan, 0, False, 0
        self.total = plan.row_beats * plan.columns * plan.rows

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.used != self.plan.depth

    def _next(self):
        """Whether the next beat out is there, and whether it is the last use of a word."""
        p = self.plan
        rest, chunk = divmod(self.at, p.chunks)
        rest, copy = divmod(rest, p.columns)
        row, pixel = divmod(rest, p.width)
        last_copy = copy == p.columns - 1
        need = pixel * p.chunks + chunk if p.rows > 1 else 0 if last_copy else chunk
        return row > 0 or self.used > need, last_copy and row == p.rows - 1

    def move(self, takes, gives):
        there, last_use = self._next()
        issue = there and (gives or not self.full)
        if issue:
            self.at = (self.at + 1) % self.total
        self.full = issue or (self.full and not gives)
        self.used += takes - (issue and last_use)

    def rest(self):
        return inf if self.full or not self._next()[0] else 0


_MACHINES = {
    ArgMaxPlan: _ArgMax, ColumnsPlan: ColumnsMachine, ConcatPlan: _Concat, ForkPlan: _Fork, GearboxPlan: _Gearbox,
    JoinPlan: _Join, LargestOfAllPlan: _LargestOfAll,
    LargestPlan: _Largest, LayerPlan: _Layer, PointwisePlan: _Pointwise, QueuePlan: _Queue, SlidingPlan: SlidingMachine,
    UpsamplePlan: _Upsample,
}  # fmt: skip


def machine_of(plan):
    """The machine of a stage's plan."""
    return _MACHINES[type(plan)](plan)
