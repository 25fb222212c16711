"""The cycle model: when every beat moves, from the plans alone, without any RTL.

Each stage of the pipeline is a small state machine over tokens (beats), with the same rule for when it takes and gives
one as the hardware has. All are stepped together, a cycle at a time. The times are those of the hardware, exactly; the
bench asserts it.
"""

from collections import deque
from dataclasses import dataclass

from hw.argmax import ArgMaxPlan
from hw.gearbox import GearboxPlan
from hw.layerplan import LayerPlan
from hw.pointwise import PointwisePlan

__all__ = ["Pipeline", "Timing", "predict", "steady_interval"]


class _Gearbox:
    def __init__(self, plan):
        self.plan, self.fill, self.beat = plan, 0, 0

    def valid(self):
        return self.fill >= self.plan.b

    def ready(self, gives):
        add = self.plan.last if self.beat == self.plan.beats_in - 1 else self.plan.a
        return self.fill - (self.plan.b if gives else 0) + add <= self.plan.capacity

    def step(self, takes, gives):
        if gives:
            self.fill -= self.plan.b
        if takes:
            last = self.beat == self.plan.beats_in - 1
            self.fill += self.plan.last if last else self.plan.a
            self.beat = 0 if last else self.beat + 1


class _Fifo:
    """Writes that are due later, and what can be read: shared by all that run freely behind credit."""

    def __init__(self, depth):
        self.now, self.level, self.due, self.credit = 0, 0, deque(), depth

    def valid(self):
        return self.level > 0

    def step_fifo(self, gives):
        if gives:
            self.level -= 1
            self.credit += 1
        while self.due and self.due[0] == self.now:
            self.due.popleft()
            self.level += 1
        self.now += 1


class _Pointwise(_Fifo):
    def __init__(self, plan):
        super().__init__(plan.depth)
        self.plan = plan

    def ready(self, gives):
        return self.credit > 0

    def step(self, takes, gives):
        if takes:
            self.due.append(self.now + self.plan.latency)
            self.credit -= 1
        self.step_fifo(gives)


class _Layer(_Fifo):
    def __init__(self, plan):
        super().__init__(plan.depth)
        self.plan, self.used, self.row, self.place = plan, 0, 0, 0
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

    def step(self, takes, gives):
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
        self.step_fifo(gives)


class _ArgMax:
    def __init__(self, plan):
        self.plan, self.beat, self.full = plan, 0, False

    def valid(self):
        return self.full

    def ready(self, gives):
        return not self.full or gives

    def step(self, takes, gives):
        if gives:
            self.full = False
        if takes:
            self.beat += 1
            if self.beat == self.plan.beats_in:
                self.beat, self.full = 0, True


_MODELS = {GearboxPlan: _Gearbox, PointwisePlan: _Pointwise, LayerPlan: _Layer, ArgMaxPlan: _ArgMax}


@dataclass(frozen=True)
class Timing:
    """Times of frames in cycles from the first input beat of the first frame, for a source and sink that never wait.

    Attributes
    ----------
    entered, left : lists
        When each frame's first beat entered and its last beat left.
    """

    entered: list
    left: list

    @property
    def latency(self):
        """Cycles from the first beat of the first frame in to the last beat of its result out."""
        return self.left[0] - self.entered[0]

    @property
    def interval(self):
        """Cycles between results in steady state: the mean over the last half of the frames."""
        return steady_interval(self.left)


def steady_interval(left):
    """Mean cycles between the last half of the times ``left``; ``None`` for fewer than two frames."""
    if len(left) < 2:
        return None
    half = max(1, len(left) // 2)
    span = left[-1] - left[-1 - half]
    return span // half if span % half == 0 else span / half


class Pipeline:
    """All stages of an accelerator's plan; `step` is one clock cycle."""

    def __init__(self, plan):
        self.stages = [_MODELS[type(s.plan)](s.plan) for s in plan.stages if not getattr(s.plan, "wires", False)]

    def step(self, offers, takes):
        """Whether a beat enters and one leaves, given whether the source offers one and the sink would take one."""
        stages = self.stages
        moves = [takes and stages[-1].valid()]
        for k in range(len(stages) - 1, 0, -1):
            moves.append(stages[k - 1].valid() and stages[k].ready(moves[-1]))
        moves.append(offers and stages[0].ready(moves[-1]))
        moves.reverse()
        for k, stage in enumerate(stages):
            stage.step(moves[k], moves[k + 1])
        return moves[0], moves[-1]


def predict(plan, frames):
    """The `Timing` of ``frames`` frames through an accelerator's plan."""
    pipeline = Pipeline(plan)
    beats_in, beats_out = frames * plan.beats_in, frames * plan.beats_out
    sent = got = now = 0
    entered, left = [], []
    depths = sum(getattr(s.plan, "depth", 0) for s in plan.stages)
    limit = (frames + len(pipeline.stages) + 4) * (plan.bound + 1) * 4 + depths + 10_000
    while got < beats_out:
        enters, leaves = pipeline.step(sent < beats_in, True)
        if enters:
            if sent % plan.beats_in == 0:
                entered.append(now)
            sent += 1
        if leaves:
            got += 1
            if got % plan.beats_out == 0:
                left.append(now)
        now += 1
        if now > limit:
            raise RuntimeError(f"the pipeline stands still: {got} of {beats_out} beats after {now} cycles")
    return Timing(entered, left)
