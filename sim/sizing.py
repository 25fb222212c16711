"""Depths of the queues in front of joins: the smallest that lose no cycle, found with the cycle model."""

from hw.accelerator import AcceleratorPlan
from hw.routing import QueuePlan

from .cycles import Run, Standstill, predict

__all__ = ["size_queues"]

_FRAMES = 4  # whose times must not change, beyond those that the pipeline holds at once


def size_queues(network, folding, *, dsp=True, progress=None):
    """Depth of every queue by name, 0 where none is needed.

    First all queues are deeper than they need to be, which gives the times of the frames and how full each queue gets.
    Then each is made as shallow as leaves every time as it was. As a deeper queue never makes a frame later, bisection
    finds the smallest depth. A pipeline that stands still even with the deepest queues is refused.

    Parameters
    ----------
    progress : callable or None
        Told the number of queues that are done, and of all.
    """

    def plan_with(depths):
        return AcceleratorPlan(network, folding, depths=depths, dsp=dsp)

    free = plan_with(None)
    if not any(isinstance(stage.plan, QueuePlan) for stage in free.stages):
        return {}
    frames = _FRAMES + -(-predict(free, 1).latency // free.bound)
    run = Run(free, frames)
    wanted = run.timing().left
    held = _most_held(run)
    # Two entries are the least that a queue can have.
    depths = {name: 0 if most == 0 else max(2, most) for name, most in held.items()}
    if _times(plan_with(depths), frames) != wanted:  # a queue of exactly what it held may turn a beat away for a cycle
        depths = {name: depth and depth + 2 for name, depth in depths.items()}
    for done, name in enumerate(sorted(depths, key=depths.get)):
        if progress:
            progress(done, len(depths))
        good, bad = depths[name], -1
        while good - bad > 1:
            # Most queues turn out to be needed in full or not at all.
            middle = 0 if bad < 0 else (good + bad) // 2
            if middle == 1:
                bad = 1
                continue
            if _times(plan_with(depths | {name: middle}), frames) == wanted:
                good = middle
            else:
                bad = middle
        depths[name] = good
    return depths


def _times(plan, frames):
    try:
        return predict(plan, frames).left
    except Standstill:
        return None


def _most_held(run):
    """The most beats that each queue of a finished run ever held, by name."""
    machines = zip(run.plan.stages, run.pipeline.stage_machines, strict=True)
    return {stage.name: machine.most for stage, machine in machines if isinstance(stage.plan, QueuePlan)}
