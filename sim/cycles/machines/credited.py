"""Machines of stages that run freely behind credit: layers, joins of branches, functions of single codes."""

from collections import deque
from math import inf

from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.pointwise_plan import PointwisePlan

from .machine import Machine, compiled, machine_for

__all__ = ["JoinMachine", "LayerMachine", "PointwiseMachine"]


class Credited(Machine):
    """A stage that runs freely behind credit, and writes its results into a queue of ``plan.depth`` beats.

    Attributes
    ----------
    now : int
        The cycles that have passed.
    due : deque of int
        The cycles in which beats are written that are under way.
    level, credit : int
        How many beats the queue holds, and for how many more there is room. Credit comes back a cycle late.
    back : bool
        Whether a beat left in the cycle before, whose credit comes back in this one.
    """

    def __init__(self, plan: LayerPlan | JoinPlan | PointwisePlan):
        self.plan, self.now, self.level, self.credit = plan, 0, 0, plan.depth
        self.due: deque[int] = deque()
        self.back = False

    def valid(self):
        return self.level > 0

    def deliver(self, gives: bool) -> None:
        """Move the queue on by a cycle, in which a beat leaves it or not."""
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


@machine_for(PointwisePlan)
@compiled("pointwise", "depth", "latency")
class PointwiseMachine(Credited):
    """A function of single codes as a state machine over beats."""

    def ready(self, gives):
        return self.credit > 0

    def move(self, takes, gives):
        if takes:
            self.due.append(self.now + self.plan.latency)
            self.credit -= 1
        self.deliver(gives)


@machine_for(JoinPlan)
@compiled("join", "depth", "latency")
class JoinMachine(PointwiseMachine):
    """A join of two branches: it takes a beat of both in the same cycle."""

    def connect(self, ins, outs):
        super().connect(ins, outs)
        self.a, self.b = ins

    def backward(self, valid, ready):
        ready[self.a] = ready[self.b] = self.credit > 0 and valid[self.a] and valid[self.b]


@machine_for(LayerPlan)
@compiled("layer", "depth", "steps", "rows", "whole", "row_beats", "last_row_beats", "latency")
class LayerMachine(Credited):
    """A matrix-vector unit with its replay memory, which it does without where it is ``direct``.

    Attributes
    ----------
    used : int
        How many steps of inputs the replay memory holds, of two vectors at most.
    row, place : int
        The row that is computed, and the next step of it.
    issuing : bool
        Whether a step is issued in each of the cycles that `rest` has told.
    """

    def __init__(self, plan: LayerPlan):
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
