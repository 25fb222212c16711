"""The cycle model computes when every beat moves, from the plans alone, without any RTL.

Each stage of the pipeline is a small state machine over tokens (beats), with the same rule for when it takes and gives
one as the hardware has. All are stepped together, a cycle at a time. The times are those of the hardware, exactly; the
bench asserts it.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from operator import gt
from typing import TYPE_CHECKING, overload

from .machines import Machine, machine_of

if TYPE_CHECKING:  # it imports Amaranth
    from fewbit.hw.pipeline.accelerator import AcceleratorPlan

__all__ = ["Pipeline", "Run", "Standstill", "SteadyTiming", "Timing", "predict", "predict_steady", "steady_interval"]


class Standstill(RuntimeError):
    """The pipeline stands still: no beat moves any more, and none ever will."""


@dataclass(frozen=True)
class Timing:
    """Times of frames in cycles from the first input beat of the first frame, for a source and sink that never wait.

    Attributes
    ----------
    entered, left : list of int
        The cycles in which each frame's first beat entered and its last beat left.
    """

    entered: list[int]
    left: list[int]

    @property
    def latency(self) -> int:
        """The cycles from the first beat of the first frame in to the last beat of its result out."""
        return self.left[0] - self.entered[0]

    @property
    def interval(self) -> int | float | None:
        """The cycles between results in steady state, as of `steady_interval`."""
        return steady_interval(self.left)


@dataclass(frozen=True)
class SteadyTiming(Timing):
    """The `Timing` of so many frames that the last half of them leave in steady state."""

    @property
    def interval(self) -> int | float:
        """The cycles between results in steady state."""
        return _mean_interval(self.left)


def steady_interval(left: Sequence[int]) -> int | float | None:
    """Return the cycles between results in steady state: the mean over the last half of the frames.

    ``left`` are the cycles in which frames left. None stands for fewer than two frames.
    """
    return _mean_interval(left) if len(left) > 1 else None


def _mean_interval(left: Sequence[int]) -> int | float:
    half = max(1, len(left) // 2)
    span = left[-1] - left[-1 - half]
    return span // half if span % half == 0 else span / half


class Pipeline:
    """All stages of an accelerator's plan as machines; `step` is one clock cycle.

    Streams are numbered: the first ones enter, one for each input; the last one leaves. A machine knows the numbers of
    its own streams. Only machines are stepped that something can happen to: a beat moved on one of their streams, what
    they see on one has changed, or the time that they gave is over. The others catch up later.
    """

    def __init__(self, plan: "AcceleratorPlan"):
        inputs = len(plan.entries)
        self.entries = range(inputs)
        number = {(-1, k): k for k in self.entries}
        # Each machine with its streams in, its streams out, and all of them.
        self.machines: list[tuple[Machine, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = []
        self.stage_machines: list[Machine | None] = []  # of each stage; None where it is wires alone
        self.outputs: list[list[int]] = []  # of each stage, the numbers of its streams out
        made: list[str] = []
        for k, stage in enumerate(plan.stages):
            ins = [number[source] for source in stage.inputs]
            if getattr(stage.plan, "wires", False):
                number[k, 0] = ins[0]
                self.stage_machines.append(None)
                self.outputs.append(ins[:1])
                continue
            machine = machine_of(stage.plan)
            self.stage_machines.append(machine)
            outs: list[int] = []
            for port in range(machine.outputs):
                number[k, port] = inputs + len(made)
                outs.append(inputs + len(made))
                made.append(stage.name)
            machine.connect(ins, outs)
            self.outputs.append(outs)
            self.machines.append((machine, tuple(ins), tuple(outs), (*ins, *outs)))
        self.exit = number[len(plan.stages) - 1, 0] if plan.stages else 0
        count = inputs + len(made)
        self.valid, self.ready = [False] * count, [False] * count
        # Sets of machines are integers, bit n for machine n, so that the lowest and the highest are found quickly.
        self._source, self._reader = [0] * count, [0] * count
        for n, (_, taken, given, _) in enumerate(self.machines):
            for stream in taken:
                self._reader[stream] = 1 << n
            for stream in given:
                self._source[stream] = 1 << n
        self.now = 0
        self._done = [0] * len(self.machines)  # cycles that each has been stepped
        self._awake = (1 << len(self.machines)) - 1  # in the next cycle
        self._timers: list[tuple[float, int]] = []  # when to wake, and which

    def step(self, offers: Sequence[bool], takes: bool) -> tuple[list[bool], bool]:
        """Do a cycle in which the source of each input offers a beat or not, and the sink would take one or not.

        Return whether a beat enters at each input, and whether one leaves.
        """
        valid, ready = self.valid, self.ready
        pending = self._awake
        while self._timers and self._timers[0][0] <= self.now:
            pending |= heappop(self._timers)[1]
        for k, offer in enumerate(offers):
            if valid[k] != offer:
                valid[k] = offer
                pending |= self._reader[k]
        if ready[self.exit] != takes:
            ready[self.exit] = takes
            pending |= self._source[self.exit]
        self._move(self._backward(self._forward(pending)))
        self.now += 1
        return [valid[k] and ready[k] for k in self.entries], valid[self.exit] and takes

    def _forward(self, pending):
        """Set what is valid, from machine to machine, and return the machines that are awake."""
        valid, reader, machines, done, now, awake = self.valid, self._reader, self.machines, self._done, self.now, 0
        while pending:
            bit = pending & -pending
            pending ^= bit
            awake |= bit
            n = bit.bit_length() - 1
            machine, _, outs, _ = machines[n]
            if done[n] != now:
                self._catch_up(n)
            if len(outs) == 1:
                was = valid[outs[0]]
                machine.forward(valid)
                if valid[outs[0]] != was:
                    pending |= reader[outs[0]]
                continue
            before = [valid[o] for o in outs]
            machine.forward(valid)
            for o, was in zip(outs, before, strict=True):
                if valid[o] != was:
                    pending |= reader[o]
        return awake

    def _backward(self, awake):
        """Set what is ready, from machine to machine in reverse, and return the machines that are awake."""
        valid, ready, source, machines, pending = self.valid, self.ready, self._source, self.machines, awake
        while pending:
            n = pending.bit_length() - 1
            bit = 1 << n
            pending ^= bit
            if not awake & bit:
                awake |= bit
                if self._done[n] != self.now:
                    self._catch_up(n)
            machine, ins, _, _ = machines[n]
            if len(ins) == 1:
                was = ready[ins[0]]
                machine.backward(valid, ready)
                if ready[ins[0]] != was:
                    pending |= source[ins[0]]
                continue
            before = [ready[i] for i in ins]
            machine.backward(valid, ready)
            for i, was in zip(ins, before, strict=True):
                if ready[i] != was:
                    pending |= source[i]
        return awake

    def _move(self, awake):
        """Step the machines that are awake, and note which of them stay so."""
        valid, ready, machines, done = self.valid, self.ready, self.machines, self._done
        after, stay = self.now + 1, 0
        while awake:
            bit = awake & -awake
            awake ^= bit
            n = bit.bit_length() - 1
            machine, _, _, streams = machines[n]
            for s in streams:
                if valid[s] and ready[s]:
                    rest = 0
                    break
            else:
                rest = machine.rest()
            machine.step(valid, ready)
            done[n] = after
            if rest == 0:  # what others see may have changed
                stay |= bit
            elif rest != inf:
                heappush(self._timers, (self.now + rest, bit))
        self._awake = stay

    def _catch_up(self, n):
        self.machines[n][0].skip(self.now - self._done[n])
        self._done[n] = self.now

    def idle(self) -> float:
        """Return for how many cycles no beat will move, if source and sink stay as they are.

        `math.inf` stands for ever.
        """
        if self._awake:
            return 0
        return max(0, self._timers[0][0] - self.now) if self._timers else inf

    def skip(self, cycles: int) -> None:
        """Let so many idle cycles pass."""
        self.now += cycles

    def state(self) -> tuple[Hashable, ...]:
        """Return everything that the future of the pipeline depends on."""
        for n, done in enumerate(self._done):
            if done != self.now:
                self._catch_up(n)
        return tuple(machine.state() for machine, *_ in self.machines)


class Run:
    """Frames through a pipeline whose sources and sink never wait; `tick` is a cycle, and the idle ones after it.

    A frame has a part at each input. The last beat of a result says whether they were whole, so it waits until that has
    been seen.

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

    def __init__(self, plan: "AcceleratorPlan", frames: int):
        self.plan, self.frames, self.pipeline = plan, frames, Pipeline(plan)
        self.beats = [entry.beats for entry in plan.entries]  # of a frame at each input
        self.sent = [0] * len(self.beats)
        self._offers = [frames > 0] * len(self.beats)
        self.got = self.now = self.whole = 0
        self.entered: list[int] = []
        self.left: list[int] = []

    def tick(self) -> None:
        """Do a cycle, and the idle ones after it.

        Raises
        ------
        Standstill
            If frames are inside and no beat will ever move again.
        """
        plan, got = self.plan, self.got
        takes = got % plan.beats_out != plan.beats_out - 1 or len(self.left) < self.whole
        enters, leaves = self.pipeline.step(self._offers, takes)
        if True in enters:
            self._enter(enters)
        if leaves:
            self.got += 1
            if self.got % plan.beats_out == 0:
                self.left.append(self.now)
        self.now += 1
        idle = self.pipeline.idle()
        if idle == inf and len(self.left) < self.frames:
            raise Standstill(
                f"the pipeline stands still: {len(self.left)} of {self.frames} frames left in {self.now} cycles"
            )
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
                self._offers[k] = sent[k] < self.frames * beats[k]
        self.whole = min(s // n for s, n in zip(sent, beats, strict=True))

    @overload
    def timing(self, latest: None = None) -> Timing: ...

    @overload
    def timing(self, latest: Sequence[int]) -> Timing | None: ...

    def timing(self, latest=None):
        """Go on to the end and return the frames' `Timing`; None as soon as one leaves later than ``latest`` says.

        Once everything is in a state that it was in when an earlier frame entered, what follows repeats.

        Raises
        ------
        Standstill
            If the frames do not all leave.
        """
        seen = {}
        while len(self.left) < self.frames:
            if self.sent[0] % self.beats[0] == 0 and all(self._offers):
                key = self.state()
                number, now, gone = len(self.entered), self.now, len(self.left)
                if key in seen and seen[key][0] < number:
                    timing = _repeated(self.entered, self.left, self.frames, *seen[key], number, now, gone)
                    return None if latest and any(map(gt, timing.left, latest)) else timing
                seen[key] = number, now, gone
            self.tick()
            if latest and len(self.left) < self.frames and self.now > latest[len(self.left)] + 1:
                return None
        return None if latest and self.left[-1] > latest[-1] else Timing(self.entered, self.left)

    def state(self) -> tuple[Hashable, ...]:
        """Return everything that the future of the run depends on."""
        at = self.sent[0] // self.beats[0]
        ahead = [s - at * n for s, n in zip(self.sent, self.beats, strict=True)]  # of so many frames, in beats
        return self.pipeline.state(), self.got % self.plan.beats_out, at - len(self.left), tuple(ahead)


def predict(plan: "AcceleratorPlan", frames: int) -> Timing:
    """Return the `Timing` of ``frames`` frames through the pipeline of an accelerator's plan.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    """
    return Run(plan, frames).timing()


def predict_steady(plan: "AcceleratorPlan") -> SteadyTiming:
    """Return the `Timing` of so many frames that the last half of them leave in steady state.

    They are twice as many as are inside at a time.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    """
    inside = -(-predict(plan, 1).latency // plan.bound)
    timing = predict(plan, max(8, 2 * inside))
    return SteadyTiming(timing.entered, timing.left)


def _repeated(entered, left, frames, frame, then, gone, again, now, gone_now):
    """Return the timing of all frames, as the state before frame ``again`` at ``now`` is that before ``frame`` at
    ``then``.
    """
    period, shift, out = again - frame, now - then, gone_now - gone
    while len(entered) < frames:
        entered.append(entered[-period] + shift)
    while len(left) < frames:
        left.append(left[-out] + shift)
    return Timing(entered[:frames], left[:frames])
