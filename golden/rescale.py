"""A multiply, add and shift in place of many thresholds, where that gives the same code for every reachable integer.

``((x*m + a) >> s)`` steps to level ``j`` exactly at threshold ``T`` if ``T*m + a >= j*2**s`` and ``(T-1)*m + a < j*2**s``;
between thresholds both sides are constant and monotone, so these inequalities at the thresholds prove it everywhere.
For a fixed ``m`` they are an interval for ``a``.
"""

import numpy as np

from .network import Rescale

__all__ = ["FEWEST_LEVELS", "as_rescale"]

FEWEST_LEVELS = 32  # below, a binary search over thresholds is cheaper than a multiplier
_MOST_SHIFT = 30
_CANDIDATES = np.array([0, 1, -1, 2, -2, 3, -3, 4, -4])


def as_rescale(node, edge):
    """The `Rescale` equal to a `Threshold` on ``edge``, or ``None`` where there is none or thresholds are cheaper."""
    if node.codes is not None or node.format.levels < FEWEST_LEVELS or len(node.thresholds) != edge.length:
        return None
    if edge.format.bits <= node.format.bits + 2:
        return None
    for shift in range(4, _MOST_SHIFT):
        found = [_channel(t, lo, hi, shift, node.format.lo) for t, lo, hi in
                 zip(node.thresholds, edge.lo, edge.hi, strict=True)]  # fmt: skip
        if None not in found:
            multiplier, addend = np.array(found, dtype=np.int64).T
            return Rescale(node.name, node.x, node.y, multiplier, addend, shift, node.format)
    return None


def _channel(thresholds, lo, hi, shift, base):
    """(m, a) for one channel, or None. Levels at the ends that are always or never reached bound a from one side."""
    levels = base + 1 + np.arange(len(thresholds), dtype=np.int64) << shift
    inner = (thresholds > lo) & (thresholds <= hi)
    if not inner.any():  # one code for every reachable x
        level = int(base + (thresholds <= lo).sum())
        return 0, level << shift
    t, level = thresholds[inner], levels[inner]
    slope = (level[-1] - level[0]) / max(1, t[-1] - t[0]) if len(t) > 1 else 0
    if len(t) == 1:
        slope = float(1 << shift)
    never, always = levels[thresholds > hi], levels[thresholds <= lo]
    for m in int(round(slope)) + _CANDIDATES:
        if m <= 0:
            continue
        at_least = (level - t * m).max()
        at_most = (level - 1 - (t - 1) * m).min()
        if len(always):
            at_least = max(at_least, always.max() - lo * m)
        if len(never):
            at_most = min(at_most, never.min() - 1 - hi * m)
        if at_least <= at_most:
            return int(m), int(at_least + at_most) // 2
    return None
