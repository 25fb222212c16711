"""Depths of the queues in front of joins: a run of the cycle model with queues without end says what they need."""

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .frames import run_frames
from .queue_bounds import bounding_depths, steps_of_frame
from .timing import Outcome, Standstill, mean_interval

__all__ = ["size_queues"]

_ENDLESS = 1 << 40  # beats
_MOST_FRAME = 500_000_000  # steps of a frame, of which queues are sized by runs
_FEW, _MANY = 40, 4000  # frames, within which everything repeats
_SHALLOW = 4  # a queue that needs no more may not be needed at all
_HALVINGS = 4  # of what a queue is deeper for the first frame alone
# What is spent on fewer bits: times the steps of the first run, but at least and at most so many steps.
_EFFORT, _LEAST_STEPS, _MOST_STEPS = 6, 10_000_000, 100_000_000
Depths = dict[str, int]  # of queues in beats, by name; 0 is no queue


def size_queues(plan: AcceleratorPlan, *, cheapest: bool = True) -> Depths:
    """Return the depth of every queue of a plan by name, 0 where none is needed, for `AcceleratorPlan.with_depths`.

    With them frames leave as often as with endless queues: every ``plan.bound`` cycles, or as often as they can where
    something else keeps them from that. The first one leaves no later either. Without ``cheapest`` nothing is spent on
    fewer bits.

    Frames are sent spread evenly over the bound into a pipeline with endless queues, until everything repeats. What
    each queue needed then suffices for ever: these times are possible with queues of that depth, and where every beat
    moves as soon as it can, none moves later than it could. Queues that need next to nothing are taken out where that
    costs no time. The first frame, which does not wait for its turn, may need more. At last queues are made shallower,
    to where their memory is cheaper, as long as the times stay. Of large networks, of which one run takes more than may
    be spent on that, queues stay as deep as they need to be.

    Where even that run would take too long, depths are those of `sim.cycles.queue_bounds.bounding_depths`.

    Raises
    ------
    Standstill
        If the pipeline stands still even with endless queues.
    """
    if not plan.queues:
        return {}
    if steps_of_frame(plan) > _MOST_FRAME:
        return bounding_depths(plan)
    sizing = _Sizing(plan, cheapest)
    sizing.drop_shallow()
    sizing.deepen_for_the_first()
    sizing.make_cheaper()
    return sizing.depths


class _Sizing:
    """Depths that are found step by step.

    Attributes
    ----------
    interval : int
        The cycles between frames that can be sent for ever.
    least, depths : dict of str to int
        What the queues need for that, and the depths that they have by now.
    latest : list of int
        The cycle in which each frame must have left.
    steps : int
        What may be spent on fewer bits: nothing, where one run takes more.
    """

    def __init__(self, plan: AcceleratorPlan, cheapest: bool):
        self.plan, self.endless = plan, plan.with_depths(dict.fromkeys(plan.queues, _ENDLESS))
        self.interval, found = self._spread()
        self.least = {name: need and max(2, need) for name, need in found.needs.items()}
        self.depths = dict(self.least)
        left = _timing(found).left
        self.latest = left + [left[-1] + k * self.interval for k in range(1, _MANY - len(left) + 1)]
        most = min(_MOST_STEPS, max(_LEAST_STEPS, _EFFORT * found.steps))
        self.steps = most if cheapest and found.steps <= most else -1

    def _spread(self) -> tuple[int, Outcome]:
        """Return the interval at which frames can be sent for ever, and what sending them so gives."""
        interval, frames = self.plan.bound, _FEW
        while True:
            found = run_frames(self.endless, frames, period=interval)
            if found.repetition or frames >= _MANY:
                return interval, found
            # Either frames are sent more often than they can be taken, which the last ones show, or that took too few.
            slower = -int(-mean_interval(_timing(found).left) // 1)
            if self.plan.weight_port is not None and frames > _FEW:
                slower = max(slower, interval + 1 + interval // 2000)  # a port that is shared comes close to no limit
            interval, frames = max(interval, slower), frames if slower > interval else 10 * frames

    def keeps_pace(self, depths: Depths) -> bool:
        """Return whether no frame is late with these depths, however many there are."""
        found = self._in_time(depths, _MANY)
        # A queue that is not there saves its latency, which would hide for some frames that each takes longer.
        repeats = found.repetition if found else None
        return bool(repeats and repeats.cycles <= repeats.frames * self.interval)

    def begins_in_time(self, depths: Depths) -> bool:
        """Return whether the first frame is not late, of depths that keep pace."""
        return self._in_time(depths, 1) is not None

    def _in_time(self, depths: Depths, frames: int) -> Outcome | None:
        """Return what so many frames give; None if one is late, or never leaves."""
        try:
            found = run_frames(self.plan.with_depths(depths), frames, latest=self.latest[:frames])
        except Standstill:
            return None
        self.steps -= found.steps
        return found if found.timing else None

    def drop_shallow(self) -> None:
        """Take out those shallow queues that are not needed; all at once, if that will do."""
        if self.steps < 0:
            return
        small = [name for name, depth in self.depths.items() if 0 < depth <= _SHALLOW]
        small.sort(key=self.depths.__getitem__)
        if small and self.keeps_pace(without := self.depths | dict.fromkeys(small, 0)):
            self.depths = without
            return
        for name in small:
            if self.keeps_pace(without := self.depths | {name: 0}):
                self.depths = without

    def deepen_for_the_first(self) -> None:
        """Make queues deeper, if need be, with which the first frame leaves as early as with endless ones."""
        alone = run_frames(self.endless, 1)
        self.latest = [*_timing(alone).left, *self.latest[1:]]
        enough = {name: max(depth, alone.needs[name]) for name, depth in self.least.items()}
        if self.steps < 0:
            self.depths = enough
            return
        if self.begins_in_time(self.depths):
            return
        kept = {name: depth and max(depth, alone.needs[name]) for name, depth in self.depths.items()}
        self.depths = kept if self.begins_in_time(kept) else enough
        for name in self._by_bits():
            self._halve(name)

    def _halve(self, name: str) -> None:
        """Make a queue shallower that is deeper than the least for the first frame."""
        little, enough = self.least[name], self.depths[name]
        if not 0 < little < enough:
            return
        middle = little
        for _ in range(1 + _HALVINGS):
            if self.steps < 0 or middle >= enough:
                break
            if self.begins_in_time(self.depths | {name: middle}):
                enough = middle
            else:
                little = middle + 1
            middle = (little + enough) // 2
        self.depths[name] = enough

    def make_cheaper(self) -> None:
        """Make queues so shallow that their memory is cheaper, or take them out, where the times stay."""
        queues = self.plan.queues
        for name in filter(self.depths.__getitem__, self._by_bits() if self.steps >= 0 else ()):
            for depth in [*queues[name].cheaper_than(self.depths[name]), 0]:
                if self.steps < 0 or not self.keeps_pace(self.depths | {name: depth}):
                    break
                self.depths[name] = depth

    def _by_bits(self) -> list[str]:
        """Return the names of the queues, those of most bits first."""
        queues = self.plan.queues
        return sorted(self.depths, key=lambda name: queues[name].width * self.depths[name], reverse=True)


def _timing(found: Outcome):
    assert found.timing is not None  # as no frame could be late
    return found.timing
