"""The machine of the stage that enlarges an image."""

from math import inf

from fewbit.hw.stages.upsample_plan import UpsamplePlan

from .machine import Machine, compiled, machine_for

__all__ = ["UpsampleMachine"]


@machine_for(UpsamplePlan)
@compiled("upsample", "row_beats", "width", "chunks", "rows", "columns", "depth")
class UpsampleMachine(Machine):
    """An enlargement: ``used`` words are held, and ``at`` counts the beats out of one row of the input."""

    changing = "used", "full", "at"

    def __init__(self, plan: UpsamplePlan):
        self.plan, self.used, self.full, self.at = plan, 0, False, 0
        self.total = plan.row_beats * plan.columns * plan.rows

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.used != self.plan.depth

    def _next(self):
        """Say whether the next beat out is there, and whether it is the last use of a word."""
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
