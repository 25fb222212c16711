"""The cycle model of a line buffer."""

from math import inf

__all__ = ["ColumnsMachine", "SlidingMachine"]


class SlidingMachine:
    """`hw.stages.sliding_window.SlidingWindow` as a state machine over beats."""

    outputs = 1

    def __init__(self, plan):
        self.plan, self.have, self.room, self.held, self.full = plan, 0, plan.depth, False, False
        self.beat, self.pixel = 0, 0  # within the output pixel; the output pixel
        rows, columns = plan.window.out_size
        places = [(y, x) for y in range(rows) for x in range(columns)]
        self.needs = [plan.need(y, x) for y, x in places]
        self.frees = [
            plan.free_row[y] if x == columns - 1 else plan.advances[y] * plan.free_column[x] for y, x in places
        ]

    def connect(self, ins, outs):
        self.i, self.o = ins[0], outs[0]

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.room > 0

    def forward(self, valid):
        valid[self.o] = self.full

    def backward(self, valid, ready):
        ready[self.i] = self.room > 0

    def step(self, valid, ready):
        self.move(valid[self.i] and self.room > 0, self.full and ready[self.o])

    def move(self, takes, gives):
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
        if takes:
            self.have += 1
            self.room -= 1

    def rest(self):
        """As `sim.cycles.machines.Machine.rest`."""
        if self.held:
            return inf if self.full else 0
        return 0 if self.beat or self.have >= self.needs[self.pixel] else inf

    def skip(self, cycles):
        """As `sim.cycles.machines.Machine.skip`: without a beat nothing changes."""

    def state(self):
        return self.have, self.room, self.held, self.full, self.beat, self.pixel


class ColumnsMachine(SlidingMachine):
    """`hw.stages.window_columns.WindowColumns` likewise."""

    def __init__(self, plan):
        self.plan, self.have, self.room, self.full = plan, 0, plan.depth, False
        # A column at the memories' outputs, one behind their registers; and whether each completes a window.
        self.column, self.row, self.read, self.held, self.emits = 0, 0, False, False, (False, False)

    def _there(self):
        return self.have >= self.plan.need_row[self.row] + self.plan.column_need[self.column]

    def rest(self):
        onward = self.held and self.plan.whole and not self.full
        onward = onward or (self.read and not self.held)
        return 0 if onward or (not self.read and self._there()) else inf

    def move(self, takes, gives):
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
        if takes:
            self.have += 1
            self.room -= 1

    def state(self):
        return self.have, self.room, self.full, self.column, self.row, self.read, self.held, self.emits
