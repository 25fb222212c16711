"""Frames through a pipeline of the cycle model, in Python: the reference of the compiled engine, and its stand-in."""

from collections.abc import Hashable, Sequence
from math import inf
from operator import gt

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .machines.routing import QueueMachine
from .pipeline import Pipeline
from .timing import Clock, Outcome, Repetition, Standstill, Timing

__all__ = ["Run"]

_LOOKS = 1000  # cycles between looks at the clock
_ADVICE = (
    "with a C++ compiler (`c++`, or what CXX names) it is about fifty times as fast; or fold to fewer cycles a frame"
)


class Run:
    """Frames through a pipeline whose sources and sink never wait; `tick` is a cycle, and the idle ones after it.

    A frame has a part at each input. The last beat of a result says whether they were whole, so it waits until that has
    been seen.

    Parameters
    ----------
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    frames : int
    period : int
        Cycles that the beats of a frame are spread over: beat ``k`` of ``n`` of frame ``f`` is not offered before cycle
        ``f*period + k*period//n``. With 0 every beat is on offer from the start.

    Attributes
    ----------
    sent : list of int
        The beats that have entered at each input.
    got : int
        The beats that have left.
    whole : int
        The frames that have entered whole, at all inputs.
    entered, left : list of int
        As of `Timing`, as far as the run has come.
    """

    def __init__(self, plan: AcceleratorPlan, frames: int, *, period: int = 0):
        self.plan, self.frames, self.period, self.pipeline = plan, frames, period, Pipeline(plan)
        self.beats = [entry.beats for entry in plan.entries]  # of a frame at each input
        self.sent = [0] * len(self.beats)
        self.got = self.now = self.whole = 0
        self.entered: list[int] = []
        self.left: list[int] = []
        self._due = [self._next(k) for k in range(len(self.beats))]

    def _next(self, k: int) -> float:
        """Return from which cycle on the next beat of input ``k`` is on offer; `math.inf` if there is none."""
        sent, beats = self.sent[k], self.beats[k]
        if sent == self.frames * beats:
            return inf
        return sent // beats * self.period + sent % beats * self.period // beats

    def tick(self) -> None:
        """Do a cycle, and the idle ones after it.

        Raises
        ------
        Standstill
            If frames are inside and no beat will ever move again.
        """
        plan, got = self.plan, self.got
        takes = got % plan.beats_out != plan.beats_out - 1 or len(self.left) < self.whole
        enters, leaves = self.pipeline.step([due <= self.now for due in self._due], takes)
        if True in enters:
            self._enter(enters)
        if leaves:
            self.got += 1
            if self.got % plan.beats_out == 0:
                self.left.append(self.now)
        self.now += 1
        idle = self.pipeline.idle()
        if idle:
            idle = min(idle, *(due - self.now for due in self._due if due >= self.now), inf)
        if idle == inf and len(self.left) < self.frames:
            raise Standstill.of(len(self.left), self.frames, self.now)
        if 0 < idle < inf:
            self.pipeline.skip(int(idle))
            self.now += int(idle)

    def _enter(self, enters: Sequence[bool]) -> None:
        """Count the beats that enter in this cycle, by input."""
        beats, sent = self.beats, self.sent
        for k, enter in enumerate(enters):
            if enter:
                if sent[k] == len(self.entered) * beats[k]:  # no other input has begun that frame
                    self.entered.append(self.now)
                sent[k] += 1
                self._due[k] = self._next(k)
        self.whole = min(s // n for s, n in zip(sent, beats, strict=True))

    def outcome(self, latest: Sequence[int] | None = None) -> Outcome:
        """Go on to the end, or until a frame leaves later than ``latest`` says of it, and return what was found.

        Once everything is in a state that it was in when an earlier frame entered, what follows repeats.

        Raises
        ------
        Standstill
            If the frames do not all leave.
        LimitError
            If that takes too long.
        """
        clock, ticks = Clock(_ADVICE), 0
        seen: dict[Hashable, tuple[int, int, int]] = {}
        looked, repetition = -1, None
        while len(self.left) < self.frames:
            if self.sent[0] % self.beats[0] == 0 and self.sent[0] != looked and inf not in self._due:
                looked, key = self.sent[0], self.state()
                if key in seen:
                    repetition = self._repeat(*seen[key])
                    break
                seen[key] = len(self.entered), self.now, len(self.left)
            self.tick()
            ticks += 1
            if ticks % _LOOKS == 0 and clock.over:
                raise clock.too_long(len(self.left), self.frames, self.now)
            if latest and len(self.left) < self.frames and self.now > latest[len(self.left)] + 1:
                return self._found(None, None)
        if latest and any(map(gt, self.left, latest)):
            return self._found(None, repetition)
        return self._found(Timing(self.entered, self.left), repetition)

    def _found(self, timing, repetition):
        needs = {name: m.need for name, m in self.pipeline.by_stage.items() if isinstance(m, QueueMachine)}
        return Outcome(timing, repetition, needs, self.pipeline.steps)

    def _repeat(self, frame: int, now: int, gone: int) -> Repetition:
        """Add the times of all frames to come, as everything is as it was in cycle ``now`` before ``frame`` entered,
        when ``gone`` had left.
        """
        frames, cycles = len(self.entered) - frame, self.now - now
        for times in self.entered, self.left:
            while len(times) < self.frames:
                times.append(times[-frames] + cycles)
        return Repetition(frames, cycles)

    def state(self) -> tuple[Hashable, ...]:
        """Return everything that the future of the run depends on."""
        at = self.sent[0] // self.beats[0]
        ahead = [s - at * n for s, n in zip(self.sent, self.beats, strict=True)]  # of so many frames, in beats
        phase = self.now - at * self.period if self.period else 0
        return self.pipeline.state(), self.got % self.plan.beats_out, at - len(self.left), phase, tuple(ahead)
