"""Runs of frames: by the compiled engine where it can be had, in Python otherwise, with equal results."""

from collections.abc import Sequence

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .engine.compiled import run_compiled
from .engine.description import describe
from .engine.library import library
from .run import Run
from .timing import Outcome

__all__ = ["run_frames"]


def run_frames(plan: AcceleratorPlan, frames: int, *, period: int = 0, latest: Sequence[int] | None = None) -> Outcome:
    """Return the `Outcome` of frames through the pipeline of an accelerator's plan.

    Parameters
    ----------
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    frames, period
        As of `Run`.
    latest : list of int or None
        The cycle in which each frame must have left; none is any time. The run ends when one is late.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    """
    description = describe(plan)
    engine = library() if description is not None else None
    if description is None or engine is None or not engine.knows(description):
        return Run(plan, frames, period=period).outcome(latest)
    return run_compiled(engine, description, frames, period=period, latest=latest)
