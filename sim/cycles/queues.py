"""Depths of the queues in front of joins: the smallest that lose no cycle, found with the cycle model."""

from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.stages.routing import QueuePlan
from fewbit.hw.targets.named import DEFAULT

from .model import Run, Standstill, predict

__all__ = ["deep_enough", "size_queues"]

_SHALLOW = 4  # a queue that never held more may not be needed at all
_FRAMES = 8  # whose times must not change, beyond those that the pipeline holds at once


def size_queues(network, folding, *, target=DEFAULT, progress=None):
    """Depth of every queue by name, 0 where none is needed.

    First all queues are deeper than they need to be, which gives the times of the frames and how full each queue gets.
    Then each is made as shallow as makes no frame later. As a deeper queue never makes a frame later, bisection
    finds the smallest depth. A pipeline that stands still even with the deepest queues is refused.

    Parameters
    ----------
    progress : callable or None
        Told the number of queues that are done, and of all.
    """

    depths, good = _enough(network, folding, target)
    for done, name in enumerate(sorted(depths, key=depths.get)):
        if progress:
            progress(done, len(depths))
        enough, little = depths[name], -1
        while enough - little > 1:
            # Most queues turn out to be needed in full or not at all.
            middle = 0 if little < 0 else (enough + little) // 2
            if middle == 1 or not good(depths | {name: middle}):
                little = middle
            else:
                enough = middle
        depths[name] = enough
    return depths


def deep_enough(network, folding, *, target=DEFAULT):
    """Depths that make no frame later either, of not much more than what the queues ever hold: found much sooner."""
    return _enough(network, folding, target)[0]


def _enough(network, folding, target):
    """Such depths; and a function that says whether depths make no frame later."""

    def plan_with(depths):
        return AcceleratorPlan(network, folding, depths=depths, target=target)

    free = plan_with(None)
    if not any(isinstance(stage.plan, QueuePlan) for stage in free.stages):
        return {}, None
    frames = _FRAMES + -(-predict(free, 1).latency // free.bound)
    run = Run(free, frames)
    wanted = run.timing().left

    def good(depths):
        try:
            timing = Run(plan_with(depths), frames).timing(latest=wanted)
        except Standstill:
            return False
        # A queue that is not there saves its latency, which would hide for some frames that each takes longer.
        return timing is not None and timing.left[-1] - timing.left[-_FRAMES] <= wanted[-1] - wanted[-_FRAMES]

    # Two entries are the least that a queue can have.
    depths = {name: most and max(2, most) for name, most in _most_held(run).items()}
    shallow = {name: 0 if depth <= _SHALLOW else depth for name, depth in depths.items()}
    # A queue of exactly what it held may turn a beat away for a cycle.
    more = {name: depth and depth + 2 for name, depth in depths.items()}
    return next((found for found in (shallow, depths) if good(found)), more), good


def _most_held(run):
    """The most beats that each queue of a finished run ever held, by name."""
    machines = zip(run.plan.stages, run.pipeline.stage_machines, strict=True)
    return {stage.name: machine.most for stage, machine in machines if isinstance(stage.plan, QueuePlan)}
