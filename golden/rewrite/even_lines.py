"""A shift in place of thresholds where halves go to even: quantizers whose scales are a power of two apart.

With ``2**k`` sums to a level, every sum in the middle between two levels is a tie, so every other threshold is one
later than a line has it. The ``ties`` of a `Rescale` take those codes down.
"""

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Threshold

from .lines import Steps

__all__ = ["as_even_rescale"]

_MOST_SHIFT = 40


def as_even_rescale(node: Threshold, edge: Edge, steps: Steps) -> Rescale | None:
    """Return the `Rescale` with ties equal to a `Threshold` on ``edge``; None where there is none.

    Parameters
    ----------
    node : Threshold
        One threshold a level.
    edge : Edge
        What it reads.
    steps : Steps
        Its thresholds.
    """
    for ties in (0, 1):
        found = _shifts(steps, ties)
        if found is None:
            continue
        shifts, places = found
        shift = int(shifts.max())
        multiplier = np.int64(1) << (shift - shifts)
        addend = np.broadcast_to(-places * multiplier, edge.channels)
        multiplier = np.broadcast_to(multiplier, edge.channels)
        line = Rescale(node.name, node.x, node.y, multiplier, addend, shift, node.format, ties=ties)
        if _are_equal(line, node, edge, steps):
            return line
    return None


def _shifts(steps: Steps, ties: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return by channel how many bits a level has, and the sum at which level 0 would begin; None if it is no line."""
    begins = steps.thresholds - (steps.levels % 2 != ties)
    both = steps.inner[:, 1:] & steps.inner[:, :-1]
    gaps = np.diff(begins, axis=1)
    widest = np.where(both, gaps, 0).max(axis=1)
    known = widest > 0
    if not known.any():
        return None
    # A channel of one threshold, or of none, has a step that is longer than its range.
    longest = np.maximum(widest[known].max(), _power_above((steps.hi - steps.lo)[:, 0] + 2))
    widest = np.where(known, widest, longest)
    if (both & (gaps != widest[:, None])).any() or (widest & (widest - 1)).any() or widest.min() < 2:
        return None
    shifts = np.array([int(w).bit_length() - 1 for w in widest])
    if shifts.max() > _MOST_SHIFT:
        return None
    at = steps.inner.argmax(axis=1)[:, None]
    first = np.take_along_axis(begins, at, axis=1)[:, 0], np.take_along_axis(steps.levels, at, axis=1)[:, 0]
    some = steps.inner.any(axis=1)
    begin, level = np.where(some, first[0], steps.lo[:, 0] - 1), np.where(some, first[1], steps.first)
    return shifts, begin - (level << shifts)


def _power_above(numbers: np.ndarray) -> np.ndarray:
    """Return the powers of two that are more than these numbers."""
    return np.array([1 << int(n).bit_length() for n in numbers], dtype=np.int64)


def _are_equal(line: Rescale, node: Threshold, edge: Edge, steps: Steps) -> bool:
    """Say whether both give the same at every threshold, in front of it, and at the ends: so they do everywhere."""
    inside = np.clip(steps.thresholds, steps.lo, steps.hi)
    points = np.hstack([steps.lo, inside - 1, inside, steps.hi]).clip(steps.lo, steps.hi)
    points = np.broadcast_to(points, (edge.channels, points.shape[1])) if len(points) == 1 else points
    rows = np.broadcast_to(node.thresholds, (edge.channels, node.thresholds.shape[1]))
    wanted = np.stack([np.searchsorted(row, x, side="right") for row, x in zip(rows, points, strict=True)])
    return np.array_equal(line.values(points.T), node.format.values[wanted].T)
