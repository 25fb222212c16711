"""A multiply, add and shift in place of many thresholds, where that gives the same code for every reachable integer.

``((x*m + a) >> s)`` steps to level ``j`` exactly at threshold ``T`` if ``T*m + a >= j*2**s`` and
``(T-1)*m + a < j*2**s``. Both functions are monotone, so these inequalities at the thresholds prove it everywhere. Two
of them, one from below and one from above, leave an interval for ``m``; any ``m`` in all intervals has an ``a``.
"""

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Threshold

__all__ = ["FEWEST_LEVELS", "as_rescale"]

FEWEST_LEVELS = 32  # below, a binary search over thresholds is cheaper than a multiplier
_MOST_SHIFT = 30


def as_rescale(node: Threshold, edge: Edge) -> Rescale | None:
    """Return the `Rescale` equal to a `Threshold` on ``edge``; None where there is none or thresholds are cheaper."""
    if node.codes is not None or node.format.levels < FEWEST_LEVELS or not node.format.linear:
        return None
    lo, hi = (edge.lo, edge.hi) if len(node.thresholds) == edge.channels else ([edge.lo.min()], [edge.hi.max()])
    if edge.format.bits <= node.format.bits + 2 and not node.format.is_chance:
        return None
    hardest = 0  # the channel that needed the last shift: most shifts that are too small are so for it
    for shift in range(4, _MOST_SHIFT):
        found: dict[int, tuple[int, int] | None] = {}
        for c in [hardest, *range(len(node.thresholds))]:
            found[c] = found.get(c) or _channel(node.thresholds[c], lo[c], hi[c], shift, node.format.lo)
            if found[c] is None:
                hardest = c
                break
        else:
            pairs = np.array([found[c] for c in range(len(found))], dtype=np.int64)
            multiplier, addend = np.broadcast_to(pairs, (edge.channels, 2)).T
            return Rescale(node.name, node.x, node.y, multiplier, addend, shift, node.format)
    return None


def _channel(thresholds: np.ndarray, lo: int, hi: int, shift: int, base: int) -> tuple[int, int] | None:
    """Return ``(m, a)`` for one channel whose lowest level is ``base``; None if there are none of this shift."""
    levels = base + 1 + np.arange(len(thresholds), dtype=np.int64) << shift
    inner, never, always = (thresholds > lo) & (thresholds <= hi), thresholds > hi, thresholds <= lo
    if not inner.any():  # one code for every reachable x
        return 0, int(base + always.sum()) << shift
    # x*m + a >= y at these points, and x*m + a <= y at those; levels that are always or never reached bound one side.
    above_x, above_y = thresholds[inner], levels[inner]
    below_x, below_y = thresholds[inner] - 1, levels[inner] - 1
    if always.any():
        above_x, above_y = np.r_[lo, above_x], np.r_[levels[always].max(), above_y]
    if never.any():
        below_x, below_y = np.r_[below_x, hi], np.r_[below_y, levels[never].min() - 1]
    run, rise = above_x[:, None] - below_x, above_y[:, None] - below_y
    if (rise[run == 0] > 0).any():
        return None
    least = max(1, (-(-rise[run > 0] // run[run > 0])).max(initial=1))
    most = (-rise[run < 0] // -run[run < 0]).min(initial=1 << (shift + 16))
    if least > most:
        return None
    m = int(least + most) // 2
    at_least, at_most = int((above_y - above_x * m).max()), int((below_y - below_x * m).min())
    return m, (at_least + at_most) // 2
