"""The streams between the machines of a pipeline, by number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fewbit.hw.pipeline.flows import Stage

__all__ = ["WiredStage", "Wiring", "wiring_of"]


@dataclass(frozen=True)
class WiredStage:
    """A stage's name and plan, and the numbers of its streams in and out; ``machine`` is whether it is more than wires,
    of which the streams are the same on both sides.
    """

    name: str
    plan: Any
    ins: tuple[int, ...]
    outs: tuple[int, ...]
    machine: bool


@dataclass(frozen=True)
class Wiring:
    """The stages of a pipeline in order, the number of streams, and which of them leaves.

    The first streams enter, one for each input.
    """

    stages: tuple[WiredStage, ...]
    streams: int
    exit: int


def wiring_of(stages: Sequence[Stage], inputs: int) -> Wiring:
    """Return how stages that read so many inputs are wired."""
    number = {(-1, k): k for k in range(inputs)}
    last = [0] * len(stages)  # of the streams out that are read
    for source, port in (source for stage in stages for source in stage.inputs):
        if source >= 0:
            last[source] = max(last[source], port)
    wired, streams = [], inputs
    for k, stage in enumerate(stages):
        ins = tuple(number[source] for source in stage.inputs)
        machine = not getattr(stage.plan, "wires", False)
        outs = ins[:1]
        if machine:
            outs = tuple(range(streams, streams + 1 + last[k]))
            streams += len(outs)
        number |= {(k, port): out for port, out in enumerate(outs)}
        wired.append(WiredStage(stage.name, stage.plan, ins, outs, machine))
    return Wiring(tuple(wired), streams, wired[-1].outs[0] if wired else 0)
