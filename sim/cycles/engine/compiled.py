"""Runs of the compiled engine."""

from collections.abc import Sequence
from ctypes import POINTER, c_int64

import numpy as np

from fewbit.sim.cycles.timing import Clock, Outcome, Repetition, Standstill, Timing

from .description import Description
from .library import Library

__all__ = ["run_compiled"]

_CHUNK = 4_000_000  # machine steps between two looks at signals: a fifth of a second
_ADVICE = "fold to fewer cycles a frame"
_DONE, _STANDSTILL, _LATE, _FAILED = 1, 2, 3, 4  # `Status` of ``engine.cpp``


def run_compiled(
    engine: Library, description: Description, frames: int, *, period: int = 0, latest: Sequence[int] | None = None
) -> Outcome:
    """Return what `sim.cycles.run.Run` gives for a pipeline.

    Parameters
    ----------
    engine : Library
    description : Description
    frames, period
        As of `sim.cycles.run.Run`.
    latest : list of int or None
        As of `sim.cycles.run.Run.outcome`.

    Raises
    ------
    Standstill
        If the frames do not all leave.
    LimitError
        If that takes too long.
    MemoryError
        If the engine gets no memory for the pipeline.
    """
    numbers = description.numbers(engine.kinds)
    limits = None if latest is None else np.array(latest, dtype=np.int64)
    run = engine.begin(_at(numbers), frames, period, None if limits is None else _at(limits))
    if not run:
        raise MemoryError("The cycle model has no memory for this pipeline")
    try:
        status, clock = 0, Clock(_ADVICE)
        while status == 0 and not clock.over:
            status = engine.advance(run, _CHUNK)
        return _outcome(engine, run, description, frames, status, clock)
    finally:
        engine.end(run)


def _outcome(engine, run, description, frames, status, clock):
    entered, left = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    needs, figures = np.zeros(len(description.parts), np.int64), np.zeros(6, np.int64)
    engine.results(run, _at(entered), _at(left), _at(needs), _at(figures))
    _, gone, now, steps, repeated, cycles = figures.tolist()
    if status == 0:
        raise clock.too_long(gone, frames, now)
    if status == _STANDSTILL:
        raise Standstill.of(gone, frames, now)
    if status == _FAILED:
        raise MemoryError("The cycle model has no memory for this pipeline")
    timing = Timing(entered.tolist(), left.tolist()) if status == _DONE else None
    queues = {p.name: n for p, n in zip(description.parts, needs.tolist(), strict=True) if p.kind == "queue"}
    return Outcome(timing, Repetition(repeated, cycles) if repeated else None, queues, steps)


def _at(array: np.ndarray):
    """Return where an array of int64 lies."""
    return array.ctypes.data_as(POINTER(c_int64))
