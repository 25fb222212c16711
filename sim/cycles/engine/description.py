"""A pipeline as the compiled engine reads it: kinds of machines, their numbers, and their streams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.machines import twin_of
from fewbit.sim.cycles.wiring import wiring_of

__all__ = ["Description", "MachineNumbers", "describe"]


@dataclass(frozen=True)
class MachineNumbers:
    """One machine: the stage's name, the machine's kind, and what the engine reads of it behind that."""

    name: str
    kind: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Description:
    """A pipeline: what stands in front of the machines, as ``engine.cpp`` has it, and the machines in order."""

    head: tuple[int, ...]
    parts: tuple[MachineNumbers, ...]

    def numbers(self, kinds: Mapping[str, int]) -> np.ndarray:
        """Return everything as int64, with a number for each kind."""
        total = list(self.head)
        for part in self.parts:
            total += [kinds[part.kind], *part.numbers]
        return np.array(total, dtype=np.int64)


def describe(plan: AcceleratorPlan) -> Description | None:
    """Return the description of a plan's pipeline; None if the machine of one of its stages has no compiled twin."""
    wiring, parts = wiring_of(plan.stages, len(plan.entries)), []
    for stage in wiring.stages:
        if not stage.machine:
            continue
        twin = twin_of(stage.plan)
        if twin is None:
            return None
        own = [n for name in twin.numbers for n in _flat(getattr(stage.plan, name))]
        parts.append(MachineNumbers(stage.name, twin.kind, (*_flat(stage.ins), *_flat(stage.outs), *own)))
    beats = [entry.beats for entry in plan.entries]
    head = wiring.streams, len(beats), wiring.exit, *_flat(beats), plan.beats_out, len(parts)
    return Description(head, tuple(parts))


def _flat(value: Any) -> list[int]:
    """Return an integer, or a list with its length in front."""
    if isinstance(value, list | tuple):
        return [len(value), *map(int, value)]
    return [int(value)]
