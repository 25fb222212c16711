"""Section: queues in front of joins, and the highest level that they reach."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult
from fewbit.sim.cycles.frames import run_frames

from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["QueueFigures", "QueuesFigures", "queues_figures"]

_FRAMES = 12
_QUICK, _LONG = 2_000_000, 2_000_000_000  # machine steps of a run in the compiled model


@dataclass(frozen=True, kw_only=True)
class QueueFigures(JsonResult):
    """A queue: its depth and its highest level in beats, the bits of a beat, and those of its memory."""

    name: str
    depth: int
    highest: int
    width: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class QueuesFigures(JsonResult):
    """All queues; none where the network has no branches."""

    queues: list[QueueFigures]
    frames: int
    obtained: Obtained


def queues_figures(subject: ReportSubject) -> QueuesFigures | NotRun:
    """Return the queues of a build, unless the run that shows their levels takes too long."""
    plan = subject.project.plan
    found = Obtained(
        means=Means.COMPUTED, text=f"by the cycle model over {_FRAMES} frames that come as fast as they are taken",
        command=subject.command("report"),
    )  # fmt: skip
    if not plan.queues:
        return QueuesFigures(queues=[], frames=0, obtained=found)
    kept = subject.kept.get("queues", QueuesFigures, _FRAMES)
    if kept is not None:
        return kept
    if subject.steps_of_run * _FRAMES > (_LONG if subject.whole else _QUICK):
        return NotRun(reason="a run of the cycle model takes a while", command=subject.command("report"))
    needs = run_frames(plan, _FRAMES).needs
    queues = [
        QueueFigures(name=name, depth=queue.depth, highest=needs[name], width=queue.width,
                     bits=queue.width * queue.depth)
        for name, queue in plan.queues.items()
    ]  # fmt: skip
    return subject.kept.put("queues", QueuesFigures(queues=queues, frames=_FRAMES, obtained=found), _FRAMES)
