"""Depths of queues without a run of the cycle model: what the other branch of a join can hold at most."""

from collections.abc import Sequence
from fractions import Fraction

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.pipeline.flows import Stage
from fewbit.hw.stages.routing_plan import ForkPlan, QueuePlan

__all__ = ["bounding_depths", "steps_of_frame"]

_STEPS = 4  # of machines, for a beat that enters a stage and leaves it
_SMALL = 8  # beats that a stage holds beside its memory, at most


def steps_of_frame(plan: AcceleratorPlan) -> int:
    """Return about the machine steps that the cycle model spends on a frame: a few for each beat of a stage."""
    return _STEPS * sum(stage.beats for stage in plan.stages)


def bounding_depths(plan: AcceleratorPlan) -> dict[str, int]:
    """Return a depth for every queue of a plan by name, with which frames leave as with endless queues.

    Behind a fork all branches get the same beats, and a join takes from all of them at a time. So a queue never holds
    more of a frame than the fullest other branch, between the fork and the join, has room for. These depths are safe
    and quickly found, and greater than what `sim.cycles.queues.size_queues` finds.
    """
    stages, depths = plan.stages, {}
    for join in stages:
        if not any(n >= 0 and isinstance(stages[n].plan, QueuePlan) for n, _ in join.inputs):
            continue
        ways = [_ancestors(stages, n) for n, _ in join.inputs]
        common = set.intersection(*(set(way) for way in ways))
        fork = max((n for n in common if n >= 0 and isinstance(stages[n].plan, ForkPlan)), default=-1)
        held = [_held(stages, n, fork) for n, _ in join.inputs]
        for k, (n, _) in enumerate(join.inputs):
            stage = stages[n]
            if isinstance(stage.plan, QueuePlan):
                others = max(h for j, h in enumerate(held) if j != k)
                depths[stage.name] = max(2, _SMALL - int(-others * stage.beats // 1))
    return depths


def _ancestors(stages: Sequence[Stage], number: int) -> set[int]:
    """Return the numbers of all stages that lead to one, itself included; -1 for the accelerator's inputs."""
    found, left = set(), [number]
    while left:
        n = left.pop()
        if n not in found:
            found.add(n)
            left += [source for source, _ in stages[n].inputs] if n >= 0 else []
    return found


def _held(stages: Sequence[Stage], number: int, fork: int) -> Fraction:
    """Return the share of a frame that stages behind ``fork`` hold at most, along the fullest way to a stage; queues
    of the join itself are not among them."""
    best: dict[int, Fraction] = {fork: Fraction(0), -1: Fraction(0)}
    for n in range(max(0, fork + 1), number + 1):
        stage = stages[n]
        ways = [best[source] for source, _ in stage.inputs if source in best]
        if ways:
            memory = 0 if isinstance(stage.plan, QueuePlan) and n == number else getattr(stage.plan, "depth", 0)
            best[n] = max(ways) + Fraction(memory + _SMALL, stage.beats)
    return best[number]
