"""Depths of the queues in front of joins: the cycle model says which are the smallest that lose no cycle."""

from collections.abc import Callable

from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding
from fewbit.hw.pipeline.accelerator import AcceleratorPlan
from fewbit.hw.stages.routing import QueuePlan
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .machines.routing import QueueMachine
from .model import Run, Standstill, predict

__all__ = ["deep_enough", "size_queues"]

_SHALLOW = 4  # a queue that never held more may not be needed at all
_FRAMES = 8  # whose times must not change, beyond those that the pipeline holds at once
Depths = dict[str, int]  # of queues in beats, by name; 0 is no queue


def size_queues(
    network: Network, folding: Folding, *, target: Target = DEFAULT,
    progress: Callable[[int, int], None] | None = None,
) -> Depths:  # fmt: skip
    """Return the depth of every queue by name, 0 where none is needed.

    First all queues are deeper than they need to be, which gives the times of the frames and how full each queue gets.
    Then each is made as shallow as makes no frame later. As a deeper queue never makes a frame later, bisection
    finds the smallest depth.

    Parameters
    ----------
    network : golden.network.graph.Network
    folding : hw.folding.Folding
    target : hw.targets.target.Target
    progress : callable or None
        Told the number of queues that are done, and of all.

    Raises
    ------
    Standstill
        If the pipeline stands still even with the deepest queues.
    """
    depths, good = _enough(network, folding, target)
    for done, name in enumerate(sorted(depths, key=depths.__getitem__)):
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


def deep_enough(network: Network, folding: Folding, *, target: Target = DEFAULT) -> Depths:
    """Return depths that make no frame later either, but are not the smallest; this takes much less time.

    They are not much more than what the queues ever hold.

    Raises
    ------
    Standstill
        If the pipeline stands still even with the deepest queues.
    """
    return _enough(network, folding, target)[0]


def _enough(network: Network, folding: Folding, target: Target) -> tuple[Depths, Callable[[Depths], bool]]:
    """Return such depths, and a function that says whether depths make no frame later."""

    def plan_with(depths):
        return AcceleratorPlan(network, folding, depths=depths, target=target)

    free = plan_with(None)
    if not any(isinstance(stage.plan, QueuePlan) for stage in free.stages):
        return {}, lambda depths: True
    frames = _FRAMES + -(-predict(free, 1).latency // free.bound)
    run = Run(free, frames)
    wanted = run.timing().left

    def good(depths: Depths) -> bool:
        try:
            timing = Run(plan_with(depths), frames).timing(latest=wanted)
        except Standstill:
            return False
        # A queue that is not there saves its latency, which would hide for some frames that each takes longer.
        return timing is not None and timing.left[-1] - timing.left[-_FRAMES] <= wanted[-1] - wanted[-_FRAMES]

    # Two entries are the least that a queue can have.
    depths = {name: most and max(2, most) for name, most in _most_held(run).items()}
    shallow = {name: 0 if depth <= _SHALLOW else depth for name, depth in depths.items()}
    # A queue as deep as what it held may turn a beat away for a cycle.
    more = {name: depth and depth + 2 for name, depth in depths.items()}
    return next((found for found in (shallow, depths) if good(found)), more), good


def _most_held(run: Run) -> Depths:
    """Return the most beats that each queue of a finished run ever held, by name."""
    machines = zip(run.plan.stages, run.pipeline.stage_machines, strict=True)
    return {stage.name: machine.most for stage, machine in machines if isinstance(machine, QueueMachine)}
