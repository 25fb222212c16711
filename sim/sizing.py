"""Depths of the queues in front of joins: the smallest that lose no cycle, found with the cycle model."""

from hw.accelerator import AcceleratorPlan
from hw.routing import QueuePlan

from .cycles import Run, Standstill, predict

__all__ = ["size_queues"]

_FRAMES = 4  # whose times must not change: the pipeline is full by the second one


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
    held = _most_held(free)
    if not held:
        return {}
    wanted = _times(free)
    # Two entries are the least that a queue can have.
    depths = {name: 0 if most == 0 else max(2, most) for name, most in held.items()}
    if _times(plan_with(depths)) != wanted:  # a queue of exactly what it held may turn a beat away for a cycle
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
            if _times(plan_with(depths | {name: middle})) == wanted:
                good = middle
            else:
                bad = middle
        depths[name] = good
    return depths


def _times(plan):
    try:
        return predict(plan, _FRAMES).left
    except Standstill:
        return None


def _most_held(plan):
    """The most beats that each queue ever holds, by name."""
    run = Run(plan, _FRAMES)
    queues = {
        stage.name: machine
        for stage, machine in zip(plan.stages, run.pipeline.stage_machines, strict=True)
        if isinstance(stage.plan, QueuePlan)
    }
    most = dict.fromkeys(queues, 0)
    while queues and len(run.left) < _FRAMES:
        run.tick()
        for name, queue in queues.items():
            if queue.held > most[name]:
                most[name] = queue.held
    return most
