"""The machines of the stages that put values into another order."""

from math import inf

from fewbit.hw.stages.reorder_plan import ReorderPlan

from .machine import Machine, compiled, machine_for

__all__ = ["ReorderMachine"]


@machine_for(ReorderPlan)
@compiled("reorder", "words", "beats_out")
class ReorderMachine(Machine):
    """A memory of two parts: ``halves`` are written and not read, ``word`` and ``beat`` count within a part."""

    changing = "halves", "word", "beat", "full"

    def __init__(self, plan: ReorderPlan):
        self.plan, self.halves, self.word, self.beat, self.full = plan, 0, 0, 0, False

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.halves != 2

    def move(self, takes, gives):
        issue = self.halves > 0 and (gives or not self.full)
        self.full = issue or (self.full and not gives)
        if takes:
            self.word += 1
        if issue:
            self.beat += 1
        if self.beat == self.plan.beats_out:
            self.beat, self.halves = 0, self.halves - 1
        if self.word == self.plan.words:
            self.word, self.halves = 0, self.halves + 1

    def rest(self):
        return inf if self.full or self.halves == 0 else 0
