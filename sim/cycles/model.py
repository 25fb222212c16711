"""The cycle model computes when every frame enters and leaves, from the plans alone, without any RTL."""

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .engine.description import describe
from .frames import run_frames
from .kept import kept
from .timing import SteadyTiming, Timing, steady_interval

__all__ = ["predict", "predict_steady", "steady_interval"]

_FEWEST = 8  # frames, of which the last half is steady


def predict(plan: AcceleratorPlan, frames: int) -> Timing:
    """Return the `Timing` of ``frames`` frames through the pipeline of an accelerator's plan.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    """

    def find() -> Timing:
        timing = run_frames(plan, frames).timing
        assert timing is not None  # as none can be late
        return timing

    description = describe(plan)
    return find() if description is None else kept((description, frames), find)


def predict_steady(plan: AcceleratorPlan) -> SteadyTiming:
    """Return the `Timing` of so many frames that the last half of them leave in steady state.

    They are twice as many as are inside at a time.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    """
    timing = predict(plan, _FEWEST)
    inside = -(-timing.latency // plan.bound)
    if 2 * inside > _FEWEST:
        timing = predict(plan, 2 * inside)
    return SteadyTiming(timing.entered, timing.left)
