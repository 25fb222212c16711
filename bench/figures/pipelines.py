"""What each stream of a pipeline does in every cycle, by the cycle model."""

from collections.abc import Iterator

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.pipeline import Pipeline
from fewbit.sim.cycles.wiring import WiredStage, wiring_of

__all__ = ["beats", "wired"]


def wired(plan: AcceleratorPlan) -> list[WiredStage]:
    """Return the stages of a plan that are more than wires, in order."""
    return [stage for stage in wiring_of(plan.stages, len(plan.entries)).stages if stage.machine]


def beats(plan: AcceleratorPlan, frames: int, cycles: int, period: int = 0) -> Iterator[list[bool]]:
    """Yield for each cycle whether a beat moves on each stream; frames are offered one every ``period`` cycles.

    With 0 they follow each other without a gap. The sink takes whatever comes.
    """
    pipeline, size = Pipeline(plan), [entry.beats for entry in plan.entries]
    sent = [0] * len(size)
    for now in range(cycles):
        due = [sent[k] < frames * size[k] and now >= sent[k] // size[k] * period for k in range(len(size))]
        entered, _ = pipeline.step(due, True)
        sent = [count + bool(one) for count, one in zip(sent, entered, strict=True)]
        yield [valid and ready for valid, ready in zip(pipeline.valid, pipeline.ready, strict=True)]
