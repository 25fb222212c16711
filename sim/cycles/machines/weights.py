"""Machines of external weights: the port to memory with the rings behind it, tiles, and layers that read both."""

from collections import deque
from math import inf

from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.memory.external_plan import WeightPortPlan
from fewbit.hw.stages.tile_plan import TileRepeatPlan

from .credited import Credited
from .machine import Machine, compiled, machine_for

__all__ = ["ExternalMachine", "TileRepeatMachine", "WeightPortMachine"]

_TO_BUS = 2  # cycles from a grant to the burst on the bus
_FROM_BUS = 1  # cycles from a beat on the bus to its ring


class _Ring:
    """A `hw.memory.weight_buffer.WeightBuffer`: ``room`` is for so many beats more, ``ahead`` beats are there and were
    not read for a tile's first vector."""

    def __init__(self, channel):
        self.plan, self.room, self.ahead = channel, channel.depth * channel.beats, 0
        self.burst = self.step = self.vector = 0
        self.held = self.full = False

    def asks(self):
        return self.room >= self.plan.burst

    def issues(self):
        """Say whether a word can be read, were there a place for it."""
        return self.vector > 0 or self.ahead >= self.plan.beats

    def quiet(self):
        """Say whether nothing moves inside as long as no word leaves and no beat comes."""
        return self.full and self.held or not (self.issues() or self.held)

    def grant(self):
        """Return the beats of the burst that is granted."""
        p = self.plan
        last = self.burst == p.bursts - 1
        self.burst = 0 if last else self.burst + 1
        beats = p.last_burst if last else p.burst
        self.room -= beats
        return beats

    def move(self, gives, comes):
        p = self.plan
        moves = self.held and (gives or not self.full)
        issue = self.issues() and (moves or not self.held)
        self.full = moves or (self.full and not gives)
        self.held = issue or (self.held and not moves)
        self.ahead += comes
        if issue:
            row_ends = self.step == p.steps - 1
            if row_ends or self.step % p.words == p.words - 1:
                self.ahead -= p.beats if self.vector == 0 else 0
                self.room += p.beats if self.vector == p.tile - 1 else 0
            self.step = 0 if row_ends else self.step + 1
            if row_ends:
                self.vector = 0 if self.vector == p.tile - 1 else self.vector + 1

    def state(self):
        return self.room, self.ahead, self.burst, self.step, self.vector, self.held, self.full


@machine_for(WeightPortPlan)
@compiled("weights", "latency", "outstanding", "numbers")
class WeightPortMachine(Machine):
    """`hw.memory.weight_port.WeightPort` with a memory that never stalls, once all rings are full.

    The memory takes a burst in every cycle, gives its first beat ``latency`` cycles later or once the burst before is
    through, and then a beat a cycle.

    Attributes
    ----------
    under_way : deque of [int, int, int]
        Bursts that were granted: the ring, the cycle in which its next beat is written, and the beats that are to come.
    """

    def __init__(self, plan: WeightPortPlan):
        self.plan, self.rings = plan, [_Ring(channel) for channel in plan.channels]
        self.now, self.slots, self.last, self.free = 0, plan.outstanding, len(self.rings) - 1, 0
        self.under_way: deque[list[int]] = deque()
        while not self._still():
            self._cycle([False] * len(self.rings))
        self.free -= self.now
        self.now = 0

    def _still(self):
        return not self.under_way and not any(r.asks() or not r.quiet() for r in self.rings)

    def forward(self, valid):
        for o, k in zip(self.outs, range(len(self.rings)), strict=True):
            valid[o] = self.rings[k].full

    def backward(self, valid, ready):
        pass

    def connect(self, ins, outs):
        self.ins, self.outs = ins, outs

    def step(self, valid, ready):
        self._cycle([valid[o] and ready[o] for o in self.outs])

    def _cycle(self, gives):
        comes = done = None
        if self.under_way and self.under_way[0][1] == self.now:
            burst = self.under_way[0]
            comes, burst[1], burst[2] = burst[0], burst[1] + 1, burst[2] - 1
            if burst[2] == 0:
                self.under_way.popleft()
        # The last beat on the bus, a cycle before it is written, makes room for another burst.
        done = any(at + left - 1 == self.now + _FROM_BUS for _, at, left in self.under_way)
        granted = self._granted() if self.slots else None
        for k, ring in enumerate(self.rings):
            if k == granted:
                beats = ring.grant()
                first = max(self.now + _TO_BUS + self.plan.latency, self.free)
                self.free = first + beats
                self.under_way.append([k, first + _FROM_BUS, beats])
            ring.move(gives[k], k == comes)
        self.slots += done - (granted is not None)
        self.now += 1

    def _granted(self):
        """Return the ring that is served: the next one that asks."""
        asks = [k for k, ring in enumerate(self.rings) if ring.asks()]
        if not asks:
            return None
        self.last = next((k for k in asks if k > self.last), asks[0])
        return self.last

    def rest(self):
        if self.slots and any(ring.asks() for ring in self.rings):
            return 0
        if not all(ring.quiet() for ring in self.rings):
            return 0
        if not self.under_way:
            return inf
        return max(0, self.under_way[0][1] - self.now - _FROM_BUS)

    def skip(self, cycles):
        self.now += cycles

    def state(self):
        return (
            self.slots, self.last, max(0, self.free - self.now - _TO_BUS - self.plan.latency),
            *((k, at - self.now, left) for k, at, left in self.under_way), *(ring.state() for ring in self.rings),
        )  # fmt: skip


@machine_for(TileRepeatPlan)
@compiled("tile", "beats", "rows")
class TileRepeatMachine(Machine):
    """A memory of two tiles: ``used`` beats are held, ``row`` and ``place`` say what is given next."""

    changing = "used", "row", "place", "held", "full"

    def __init__(self, plan: TileRepeatPlan):
        self.plan, self.used, self.row, self.place, self.held, self.full = plan, 0, 0, 0, False, False

    def valid(self):
        return self.full

    def ready(self, gives):
        return self.used != 2 * self.plan.beats

    def _there(self):
        needed = self.place if self.plan.rows > 1 else 0  # what is read for the last time is let go
        return self.row > 0 or self.used > needed

    def move(self, takes, gives):
        p = self.plan
        moves = self.held and (gives or not self.full)
        issue = self._there() and (moves or not self.held)
        self.full = moves or (self.full and not gives)
        self.held = issue or (self.held and not moves)
        last_row = self.row == p.rows - 1
        self.used += takes - (issue and last_row)
        if issue:
            self.place += 1
            if self.place == p.beats:
                self.place, self.row = 0, 0 if last_row else self.row + 1

    def rest(self):
        return inf if self.full and self.held or not (self._there() or self.held) else 0


@machine_for(ExternalPlan)
@compiled("external", "depth", "steps", "rows", "tile", "row_beats", "last_row_beats", "latency")
class ExternalMachine(Credited):
    """A matrix-vector unit that takes codes and weights in the same cycle; ``row``, ``vector`` and ``place`` say of
    which step."""

    def __init__(self, plan: ExternalPlan):
        super().__init__(plan)
        self.row = self.vector = self.place = 0

    def connect(self, ins, outs):
        super().connect(ins, outs)
        self.x, self.w = ins

    def backward(self, valid, ready):
        may = self.place > 0 or self.credit >= self.plan.row_beats
        ready[self.x] = ready[self.w] = may and valid[self.x] and valid[self.w]

    def move(self, takes, gives):
        p = self.plan
        if takes:
            last_row = self.row == p.rows - 1
            beats = p.last_row_beats if last_row else p.row_beats
            if self.place == 0:
                self.credit -= beats
            self.place += 1
            if self.place == p.steps:
                self.place = 0
                self.due.extend(self.now + p.latency + j for j in range(beats))
                self.vector += 1
                if self.vector == p.tile:
                    self.vector, self.row = 0, 0 if last_row else self.row + 1
        self.deliver(gives)

    def state(self):
        return (self.row, self.vector, self.place, *super().state())
