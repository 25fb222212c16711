"""A multiply, add and shift in place of thresholds a few of which are off its line, and the list of what is off.

A model's float32 operations are a line but for their rounding, which moves one threshold in some hundred by one
integer. A line for all of them does not exist then. But a line that comes so close that each threshold is within a
small part of a level of it does, and the few integers at which the codes of both differ are exceptions.
"""

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Threshold

from .lines import Steps, lines

__all__ = ["as_rescale_with_exceptions"]

_SLACKS = tuple(1 << k for k in range(9))  # in units of 2**-SLACK_BITS levels
_FEWEST_SAVED = 16  # bits of thresholds for each bit of an exception
_MOST_SPAN = 64  # integers that a threshold may be off by
_TAG_BITS = 40  # of memory for an exception, about


def as_rescale_with_exceptions(node: Threshold, edge: Edge, steps: Steps) -> Rescale | None:
    """Return the `Rescale` with exceptions equal to a `Threshold`; None where that is not much smaller.

    Parameters
    ----------
    node : Threshold
        One threshold a level, without a second rounding.
    edge : Edge
        What it reads.
    steps : Steps
        Its thresholds.
    """
    reached = int(steps.first.min()), int(steps.last.max())
    clip = None if reached == (node.format.lo, node.format.hi) else reached
    bounds = clip or reached
    for slack in _SLACKS:
        found = lines(steps, bounds, None, slack=slack)
        if found is not None:
            break
    else:
        return None
    multiplier, addend, _, shift = found
    exceptions = _exceptions(steps, bounds, multiplier, addend, int(shift))
    if exceptions is None:
        return None
    rows = len(steps.thresholds)
    if rows == 1 < edge.channels:
        exceptions = np.concatenate([exceptions + [[c, 0, 0]] for c in range(edge.channels)])
    saved = steps.thresholds.size * edge.format.bits
    if len(exceptions) * _TAG_BITS * _FEWEST_SAVED > saved:
        return None
    multiplier, addend = (np.broadcast_to(v, edge.channels) for v in (multiplier, addend))
    return Rescale(node.name, node.x, node.y, multiplier, addend, int(shift), node.format, clip, exceptions=exceptions)


def _exceptions(
    steps: Steps, bounds: tuple[int, int], multiplier: np.ndarray, addend: np.ndarray, shift: int
) -> np.ndarray | None:
    """Return (channel, integer, correction) for every integer at which a line has another code, ``(E, 3)``.

    It is None where a threshold is far off.
    """
    wanted = np.clip(steps.thresholds, steps.lo, steps.hi + 1)
    slope = np.maximum(multiplier, 1)[:, None]
    own = -((addend[:, None] - (steps.levels << shift)) // slope)  # ceil((level*2**shift - addend) / slope)
    flat = (multiplier == 0)[:, None]
    own = np.where(flat, np.where(steps.levels << shift <= addend[:, None], steps.lo, steps.hi + 1), own)
    own = np.clip(own, steps.lo, steps.hi + 1)
    counts = (steps.levels > bounds[0]) & (steps.levels <= bounds[1])
    off = np.where(counts, own - wanted, 0)
    if np.abs(off).max(initial=0) > _MOST_SPAN:
        return None
    found: dict[tuple[int, int], int] = {}
    for c, j in zip(*np.nonzero(off), strict=True):
        first, last = sorted((int(own[c, j]), int(wanted[c, j])))
        for x in range(first, last):
            found[int(c), x] = found.get((int(c), x), 0) + (1 if off[c, j] > 0 else -1)
    rows = [(c, x, by) for (c, x), by in sorted(found.items()) if by]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
