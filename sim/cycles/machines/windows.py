"""Machines of line buffers: a ring of words that windows are read from."""

from math import inf

from fewbit.hw.stages.window_columns_plan import ColumnsPlan
from fewbit.hw.stages.window_plan import SlidingPlan

from .machine import Machine, compiled, machine_for

__all__ = ["ColumnsMachine", "SlidingMachine"]


class _Ring(Machine):
    """A memory of ``plan.depth`` words: ``room`` is for so many more, and so many of a frame it is known to ``have``.

    Subclasses say in `issue` what is read and given in a cycle.
    """

    def __init__(self, plan: SlidingPlan | ColumnsPlan):
        self.plan, self.have, self.room = plan, 0, plan.depth
        self.held, self.full = False, False  # something in front of the output register, and in it

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.room > 0

    def issue(self, gives: bool) -> None:
        """Read the next word and move what was read on, in a cycle in which a beat is given or not."""
        raise NotImplementedError

    def move(self, takes, gives):
        self.issue(gives)
        if takes:
            self.have += 1
            self.room -= 1


@machine_for(SlidingPlan)
@compiled(
    "sliding", "depth", "beats_pixel", "words_frame", "need_row", "need_column", "free_row", "advances", "free_column"
)
class SlidingMachine(_Ring):
    """`hw.stages.sliding_window.SlidingWindow` as a state machine over beats."""

    changing = "have", "room", "held", "full", "beat", "pixel"

    def __init__(self, plan):
        super().__init__(plan)
        self.beat, self.pixel = 0, 0  # within the output pixel; the output pixel
        rows, columns = plan.window.out_size
        places = [(y, x) for y in range(rows) for x in range(columns)]
        self.needs = [plan.need(y, x) for y, x in places]
        self.frees = [
            plan.free_row[y] if x == columns - 1 else plan.advances[y] * plan.free_column[x] for y, x in places
        ]

    def issue(self, gives):
        plan = self.plan
        moves = self.held and (gives or not self.full)
        self.full = moves or (self.full and not gives)
        issues = (self.beat or self.have >= self.needs[self.pixel]) and (moves or not self.held)
        self.held = bool(issues) or (self.held and not moves)
        if issues:
            self.beat += 1
            if self.beat == plan.beats_pixel:
                self.beat = 0
                self.room += self.frees[self.pixel]
                self.pixel += 1
                if self.pixel == len(self.needs):
                    self.pixel = 0
                    self.have -= plan.words_frame

    def rest(self):
        if self.held:
            return inf if self.full else 0
        return 0 if self.beat or self.have >= self.needs[self.pixel] else inf


@machine_for(ColumnsPlan)
@compiled(
    "columns", "depth", "whole", "words_frame", "need_row", "column_need", "emits", "frees", "advances", "free_end"
)
class ColumnsMachine(_Ring):
    """`hw.stages.window_columns.WindowColumns` as a state machine over beats."""

    changing = "have", "room", "full", "column", "row", "read", "held", "emits"

    def __init__(self, plan):
        super().__init__(plan)
        # A column at the memories' outputs, one behind their registers; and whether each completes a window.
        self.column, self.row, self.read, self.emits = 0, 0, False, (False, False)

    def _there(self):
        return self.have >= self.plan.need_row[self.row] + self.plan.column_need[self.column]

    def rest(self):
        onward = self.held and self.plan.whole and not self.full
        onward = onward or (self.read and not self.held)
        return 0 if onward or (not self.read and self._there()) else inf

    def issue(self, gives):
        plan = self.plan
        if plan.whole:
            moves = self.held and (gives or not self.full)
            self.full = bool(self.emits[1]) if moves else self.full and not gives
        else:
            moves = gives
        onward = self.read and (moves or not self.held)
        issues = self._there() and (onward or not self.read)
        self.held = onward or (self.held and not moves)
        self.read = issues or (self.read and not onward)
        if onward:
            self.emits = self.emits[0], self.emits[0]
        if issues:
            self.emits = plan.emits[self.column], self.emits[1]
            last = self.column == plan.row_cycles - 1
            self.room += plan.free_end[self.row] if last else plan.advances[self.row] * plan.frees[self.column]
            self.column = 0 if last else self.column + 1
            if last:
                self.row += 1
                if self.row == plan.window.out_size[0]:
                    self.row = 0
                    self.have -= plan.words_frame
        if not plan.whole:
            self.full = self.held
