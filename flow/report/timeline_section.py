"""Section: when frames are in which part of the pipeline, cycle by cycle as the cycle model has them."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult
from fewbit.sim.cycles.frames import run_frames
from fewbit.sim.cycles.run import Run
from fewbit.sim.cycles.wiring import wiring_of

from .blocks import pipeline_blocks
from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["BlockTimes", "TimelineFigures", "timeline_figures"]

_FEWEST, _MOST = 3, 8  # frames that are shown
_PROBE = 2  # frames of a run of the compiled model, which says how long the other will take
_PROBED_QUICK, _PROBED_LONG = 5_000_000, 2_000_000_000  # machine steps of that, at most
_QUICK, _LONG = 60_000, 2_000_000  # machine steps of the run: about a second, and most of a minute


@dataclass(frozen=True, kw_only=True)
class BlockTimes(JsonResult):
    """A block of the pipeline: for each frame the cycles in which its first beat came in and its last one went out."""

    name: str
    spans: list[list[int]]


@dataclass(frozen=True, kw_only=True)
class TimelineFigures(JsonResult):
    """The first frames through an empty pipeline.

    Attributes
    ----------
    entered, left : list of int
        The cycles in which each frame's first beat entered and its last beat left.
    blocks : list of BlockTimes
    obtained : Obtained
    """

    entered: list[int]
    left: list[int]
    blocks: list[BlockTimes]
    obtained: Obtained


def timeline_figures(subject: ReportSubject) -> TimelineFigures | NotRun:
    """Return the times of the first frames, unless a run of the cycle model that sees all beats takes too long."""
    inside = -(-subject.latency // max(1, int(subject.interval)))
    frames = max(_FEWEST, min(_MOST, inside + 2))
    kept = subject.kept.get("timeline", TimelineFigures, frames)
    if kept is not None:
        return kept
    if not _is_short(subject, frames):
        reason = "the cycle model was not followed beat by beat"
        return NotRun(reason=reason + ", as that takes minutes" * subject.whole, command=subject.command("report"))
    return subject.kept.put("timeline", _traced(subject, frames), frames)


def _is_short(subject: ReportSubject, frames: int) -> bool:
    """Return whether so many frames can be followed in the time that there is."""
    probed, most = (_PROBED_LONG, _LONG) if subject.whole else (_PROBED_QUICK, _QUICK)
    if subject.steps_of_run > probed:
        return False
    return run_frames(subject.project.plan, _PROBE).steps * frames // _PROBE <= most


def _traced(subject: ReportSubject, frames: int) -> TimelineFigures:
    plan = subject.project.plan
    run, wiring = Run(plan, frames), wiring_of(plan.stages, len(plan.entries))
    valid, ready = run.pipeline.valid, run.pipeline.ready
    moved: list[list[int]] = [[] for _ in range(wiring.streams)]
    while len(run.left) < frames:
        now = run.now
        run.tick()
        for stream, times in enumerate(moved):
            if valid[stream] and ready[stream]:
                times.append(now)
    streams = {stage.name: (stage.ins, stage.outs) for stage in wiring.stages}
    blocks = []
    for block in pipeline_blocks(subject):
        ins = [s for name in block.stages for s in streams[name][0]]
        outs = streams[block.stages[-1]][1]
        first = [_of_frames(moved[s], frames) for s in ins]  # beats between its own stages move later
        last = [_of_frames(moved[s], frames) for s in outs]
        spans = [
            [min(times[frame][0] for times in first or last), max(times[frame][1] for times in last)]
            for frame in range(frames)
        ]
        blocks.append(BlockTimes(name=block.name, spans=spans))
    return TimelineFigures(
        entered=run.entered[:frames], left=run.left, blocks=blocks,
        obtained=Obtained(
            means=Means.COMPUTED, text="by the cycle model, for a source and a sink that never wait",
            command=subject.command("report"),
        ),
    )  # fmt: skip


def _of_frames(times: list[int], frames: int) -> list[tuple[int, int]]:
    """Return the first and the last cycle of each frame's beats on a stream that as many beats of each frame move on.

    The last frame may lack beats that no result depends on.
    """
    count = max(1, -(-len(times) // frames))
    parts = [times[frame * count : (frame + 1) * count] for frame in range(frames)]
    known = [part or [times[-1] if times else 0] for part in parts]
    return [(part[0], part[-1]) for part in known]
