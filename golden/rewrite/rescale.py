"""A multiply, add and shift in place of many thresholds, where that gives the same code for every reachable integer.

``((x*m + a) >> s)`` steps to level ``j`` exactly at threshold ``T`` if ``T*m + a >= j*2**s`` and
``(T-1)*m + a < j*2**s``. Both functions are monotone, so these inequalities at the thresholds prove it everywhere. Two
of them, one from below and one from above, bound ``m/2**s``; any ``m`` within all bounds has an ``a``.
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.network.pointwise import Rescale

__all__ = ["FEWEST_LEVELS", "as_rescale"]

FEWEST_LEVELS = 32  # below, a binary search over thresholds is cheaper than a multiplier
_LEAST_SHIFT, _MOST_SHIFT = 4, 30
_STEEPEST = 1 << 16  # slope of a line
_FAR = 1 << 62  # from any point, in any unit


def as_rescale(node, edge):
    """The `Rescale` equal to a `Threshold` on ``edge``, or ``None`` where there is none or thresholds are cheaper."""
    if node.codes is not None or node.format.levels < FEWEST_LEVELS or not node.format.linear:
        return None
    lo, hi = (edge.lo, edge.hi) if len(node.thresholds) == edge.channels else ([edge.lo.min()], [edge.hi.max()])
    if edge.format.bits <= node.format.bits + 2 and not node.format.is_chance:
        return None
    found = _lines(node.thresholds, np.asarray(lo)[:, None], np.asarray(hi)[:, None], node.format.lo)
    if found is None:
        return None
    *numbers, shift = found
    multiplier, addend = (np.broadcast_to(v, edge.channels) for v in numbers)
    return Rescale(node.name, node.x, node.y, multiplier, addend, shift, node.format)


def _lines(thresholds, lo, hi, base):
    """(multipliers, addends, shift) for rows of thresholds, or None.

    In units of ``2**shift``, a line of slope M has to be at ``j`` or above at each threshold of level j, and below j
    just in front of it. The slopes of the lines of a channel that are so fill an open interval that knows nothing of
    the shift; the least shift is wanted that gives every channel's interval a multiple of ``2**-shift``.
    """
    levels = np.broadcast_to(base + 1 + np.arange(thresholds.shape[1]), thresholds.shape)
    inner, never, always = (thresholds > lo) & (thresholds <= hi), thresholds > hi, thresholds <= lo
    rows = np.flatnonzero(inner.any(axis=1))
    multiplier = np.zeros(len(thresholds), dtype=np.int64)
    constant = base + always.sum(axis=1)  # the code where a channel has only one
    if not len(rows):
        return multiplier, constant << _LEAST_SHIFT, _LEAST_SHIFT
    # Levels that are always or never reached bound the line at the ends of the range.
    reached = np.where(always, levels, base).max(axis=1)[:, None]
    missed = np.where(never, levels, base + levels.shape[1] + 1).min(axis=1)[:, None]
    above = _Points(np.hstack([lo, thresholds]), np.hstack([reached, levels]), np.hstack([_any(always), inner])).of(
        rows
    )
    below = _Points(np.hstack([hi, thresholds - 1]), np.hstack([missed, levels]), np.hstack([_any(never), inner])).of(
        rows
    )
    ends = _steepest(above, below, 1), _steepest(above, below, -1)
    if any(end is None for end in ends):
        return None
    (rise, run), (most_rise, most_run) = ends
    for shift in range(_LEAST_SHIFT, _MOST_SHIFT):
        least = np.maximum(1, (rise << shift) // run + 1)
        most = np.where(most_run > 0, -(-(most_rise << shift) // np.maximum(1, most_run)) - 1, _STEEPEST << shift)
        if (least <= most).all():
            break
    else:
        return None
    slope = (least + most) // 2
    lowest, highest = above.highest(slope, shift), below.lowest(slope, shift) - 1
    addend = constant << shift
    multiplier[rows], addend[rows] = slope, (lowest + highest) // 2
    return multiplier, addend, shift


def _any(flags):
    return flags.any(axis=1)[:, None]


@dataclass(frozen=True)
class _Points:
    """Points (x, level) of each channel, arrays ``(C, n)``; those that do not ``count`` bound nothing."""

    x: np.ndarray
    level: np.ndarray
    count: np.ndarray

    def of(self, rows):
        """Those of some of the channels."""
        return _Points(self.x[rows], self.level[rows], self.count[rows])

    def highest(self, slope, shift):
        """By channel the largest ``level*2**shift - slope*x``."""
        return np.where(self.count, (self.level << shift) - slope[:, None] * self.x, -_FAR).max(axis=1)

    def lowest(self, slope, shift):
        """By channel the smallest ``level*2**shift - slope*x``."""
        return np.where(self.count, (self.level << shift) - slope[:, None] * self.x, _FAR).min(axis=1)


def _steepest(above, below, direction):
    """A bound that slopes must exceed (direction 1), or stay below (-1), by channel: (rise, run), or None without one.

    A line of slope ``p/q`` passes between all points of ``above`` and ``below`` if the largest ``q*level - p*x`` of the
    first is under the smallest of the second. Where it is not, the two points that are worst give the next slope; this
    is Newton's method on a convex function that is a line between few corners, so it ends, at the exact bound
    (Dinkelbach 1967). A run of 0 stands for no bound, which only slopes from above may lack.
    """
    every = np.arange(len(above.x))
    # The first slope is one that is beyond the bound: 0 from below, any steep one from above.
    rise = np.full(len(every), 0 if direction > 0 else _STEEPEST, dtype=np.int64)
    run, rows = np.ones(len(every), dtype=np.int64), every
    bound = np.full(len(every), direction > 0)
    while len(rows):
        p, q, at = rise[rows][:, None], run[rows][:, None], np.arange(len(rows))
        high, low = above.of(rows), below.of(rows)
        i = np.where(high.count, q * high.level - p * high.x, -_FAR).argmax(axis=1)
        j = np.where(low.count, q * low.level - p * low.x, _FAR).argmin(axis=1)
        across, up = high.x[at, i] - low.x[at, j], high.level[at, i] - low.level[at, j]
        wrong = up * q[:, 0] > across * p[:, 0]
        if (wrong & (across * direction <= 0)).any():
            return None
        rows, across, up = rows[wrong], across[wrong], up[wrong]
        rise[rows], run[rows], bound[rows] = up * direction, across * direction, True
    return rise, np.where(bound, run, 0)
