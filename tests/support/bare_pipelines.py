"""Pipelines of the cycle model's machines alone: plans with no hardware behind them, of any numbers."""

from types import SimpleNamespace

from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.pool_plan import LargestOfAllPlan
from fewbit.hw.stages.reorder_plan import ReorderPlan, WiredPlan
from fewbit.hw.stages.repeat_plan import RepeatPlan
from fewbit.hw.stages.routing_plan import ConcatPlan, ForkPlan, QueuePlan

__all__ = ["bare", "random_pipeline"]


def bare(kind, **numbers):
    """Return a plan of a class that has these attributes and no others."""
    plan = object.__new__(kind)
    vars(plan).update(numbers)
    return plan


def random_pipeline(rng):
    """Return what the cycle model asks of a plan: inputs side by side, then two branches in different orders, a join.

    Depths are so small that some pipelines stand still.
    """
    number = lambda most: int(rng.integers(1, most + 1))  # noqa: E731
    stages = []

    def add(plan, *sources):
        stages.append(SimpleNamespace(name=f"stage{len(stages)}", plan=plan, inputs=sources))
        return len(stages) - 1, 0

    def through(source):
        """Add up to three stages that let every beat through."""
        for _ in range(number(4) - 1):
            plan = bare(rng.choice([WiredPlan, LargestOfAllPlan])) if number(2) == 1 else queue()
            source = add(plan, source)
        return source

    def queue():
        return bare(QueuePlan, depth=1 + number(12))

    turns, pixels = [number(4) for _ in range(number(3))], number(12)
    beats = sum(turns) * pixels
    inputs = [through((-1, k)) for k in range(len(turns))]
    whole = rng.random() < 0.3
    if whole:
        turns, beats = [1] * len(turns), pixels
    end = add(bare(ConcatPlan, whole=whole, turns=[1] if whole else turns), *inputs)
    fork, _ = add(bare(ForkPlan, count=2), end)
    words = int(rng.choice([n for n in range(1, beats + 1) if beats % n == 0]))
    short = through((fork, 1))
    long = through(add(bare(ReorderPlan, words=words, beats_out=words), through((fork, 0))))
    end = add(bare(JoinPlan, depth=number(6), latency=number(5)), *[long, short][:: int(rng.choice([1, -1]))])
    end = add(bare(ReorderPlan, words=beats, beats_out=number(9)), end)
    copies = number(4)
    through(add(bare(RepeatPlan, beats=copies), end))
    entries = [SimpleNamespace(beats=turn * pixels) for turn in turns]
    beats_out = stages[end[0]].plan.beats_out * copies
    return SimpleNamespace(stages=stages, entries=entries, beats_out=beats_out, bound=max(beats, beats_out))
