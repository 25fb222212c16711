"""The record of an IP block's streams, cycle by cycle, and when frames begin in it."""

from collections.abc import Sequence

import numpy as np

__all__ = ["begins_of", "parts_of"]


def parts_of(trace: np.ndarray) -> list[np.ndarray]:
    """Return a record ``(ports, cycles)`` in parts: TVALID and TREADY of the inputs, bool ``(inputs, cycles)``, then
    TVALID, TREADY, TLAST and TUSER of the results, ``(cycles,)``.
    """
    trace = trace.astype(bool)
    return [trace[:-4:2], trace[1:-4:2], *trace[-4:]]


def begins_of(offered: np.ndarray, taken: np.ndarray, beats: Sequence[int]) -> np.ndarray:
    """Return the cycles in which frames begin: each with its first beat at any input.

    ``beats`` are those of a frame at each input, at all of which as many frames must have begun.
    """
    first = [np.flatnonzero(moved)[::count] for moved, count in zip(offered & taken, beats, strict=True)]
    return np.min(first, axis=0)
