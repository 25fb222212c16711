"""The cycle model: when every beat moves, from the plans alone, without any RTL.

Each stage of the pipeline is a small state machine over tokens (beats), with the same rule for when it takes and gives
one as the hardware has. All are stepped together, a cycle at a time. The times are those of the hardware, exactly; the
bench asserts it.
"""

from dataclasses import dataclass

from .machines import machine_of

__all__ = ["Pipeline", "Run", "Standstill", "Timing", "predict", "steady_interval"]


class Standstill(RuntimeError):
    """The pipeline stands still: no beat moves any more, and none ever will."""


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
    """All stages of an accelerator's plan; `step` is one clock cycle.

    Streams are numbered: 0 enters, the last one leaves. A machine knows the numbers of its own streams.
    """

    def __init__(self, plan):
        number = {(-1, 0): 0}
        self.machines, self.stage_machines, made = [], [], []
        for k, stage in enumerate(plan.stages):
            ins = [number[source] for source in stage.inputs]
            if getattr(stage.plan, "wires", False):
                number[k, 0] = ins[0]
                self.stage_machines.append(None)
                continue
            machine = machine_of(stage.plan)
            self.stage_machines.append(machine)
            outs = []
            for port in range(machine.outputs):
                made.append(stage.name)
                number[k, port] = len(made)
                outs.append(len(made))
            machine.connect(ins, outs)
            self.machines.append(machine)
        self.exit = number[len(plan.stages) - 1, 0] if plan.stages else 0
        self.valid, self.ready = [False] * (len(made) + 1), [False] * (len(made) + 1)

    def step(self, offers, takes):
        """Whether a beat enters and one leaves, given whether the source offers one and the sink would take one."""
        valid, ready = self.valid, self.ready
        valid[0], ready[self.exit] = offers, takes
        for machine in self.machines:
            machine.forward(valid)
        for machine in reversed(self.machines):
            machine.backward(valid, ready)
        for machine in self.machines:
            machine.step(valid, ready)
        return valid[0] and ready[0], valid[self.exit] and takes

    def state(self):
        """Everything that the future depends on."""
        return tuple(machine.state() for machine in self.machines)


class Run:
    """Frames through a pipeline whose source and sink never wait; `tick` is one clock cycle.

    The last beat of a result says whether its frame was whole, so it waits until that has been seen.
    """

    def __init__(self, plan, frames):
        self.plan, self.frames, self.pipeline = plan, frames, Pipeline(plan)
        self.sent = self.got = self.now = self.whole = self._idle = 0
        self.entered, self.left = [], []
        self._patience = 4 * plan.bound + sum(min(getattr(s.plan, "depth", 0), 1 << 14) for s in plan.stages) + 10_000

    def tick(self):
        plan, got = self.plan, self.got
        takes = got % plan.beats_out != plan.beats_out - 1 or len(self.left) < self.whole
        enters, leaves = self.pipeline.step(self.sent < self.frames * plan.beats_in, takes)
        if enters:
            if self.sent % plan.beats_in == 0:
                self.entered.append(self.now)
            self.sent += 1
        self.whole = self.sent // plan.beats_in
        if leaves:
            self.got += 1
            if self.got % plan.beats_out == 0:
                self.left.append(self.now)
        self.now += 1
        self._idle = 0 if enters or leaves else self._idle + 1
        if self._idle > self._patience:
            raise Standstill(
                f"the pipeline stands still: {len(self.left)} of {self.frames} frames left in {self.now} cycles"
            )

    def timing(self):
        """Go on to the end; the frames' `Timing`.

        Once everything is in a state that it was in when an earlier frame entered, what follows repeats.
        """
        seen = {}
        while len(self.left) < self.frames:
            if self.sent % self.plan.beats_in == 0 and self.sent < self.frames * self.plan.beats_in:
                key = self.state()
                number, now, gone = len(self.entered), self.now, len(self.left)
                if key in seen and seen[key][0] < number:
                    return _repeated(self.entered, self.left, self.frames, *seen[key], number, now, gone)
                seen[key] = number, now, gone
            self.tick()
        return Timing(self.entered, self.left)

    def state(self):
        """Everything that the future depends on."""
        return self.pipeline.state(), self.got % self.plan.beats_out, self.whole - len(self.left)


def predict(plan, frames):
    """The `Timing` of ``frames`` frames through an accelerator's plan; `Standstill` if they do not all leave."""
    return Run(plan, frames).timing()


def _repeated(entered, left, frames, frame, then, gone, again, now, gone_now):
    """Timing of all frames, when the state before frame ``again`` at ``now`` is that before ``frame`` at ``then``."""
    period, shift, out = again - frame, now - then, gone_now - gone
    while len(entered) < frames:
        entered.append(entered[-period] + shift)
    while len(left) < frames:
        left.append(left[-out] + shift)
    return Timing(entered[:frames], left[:frames])
