"""Lines that step to every level at its threshold: multipliers, addends and a shift, one line a channel."""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.network.pointwise import SecondRounding

__all__ = ["MOST_SHIFT", "SLACK_BITS", "Steps", "lines"]

SLACK_BITS = 20  # slack is in units of so many bits behind the point of a level
_LEAST_SHIFT, MOST_SHIFT = 4, 41
_STEEPEST = 1 << 16  # slope of a line
_FAR = 1 << 62  # from any point, in any unit


@dataclass(frozen=True)
class Steps:
    """Thresholds of levels by channel, ``(C, n)``, and which of them lie within the range.

    ``first`` and ``last``, ``(C,)``, are the levels at the ends of the range ``lo`` and ``hi``, ``(C or 1, 1)``.
    """

    thresholds: np.ndarray
    levels: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    inner: np.ndarray
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, thresholds: np.ndarray, lo: np.ndarray, hi: np.ndarray, base: int) -> "Steps":
        """Take rows of thresholds of the levels from ``base + 1`` on."""
        levels = np.broadcast_to(base + 1 + np.arange(thresholds.shape[1]), thresholds.shape)
        lo, hi = (np.broadcast_to(end, (len(thresholds), 1)) for end in (lo, hi))
        always, reached = thresholds <= lo, thresholds <= hi
        first, last = base + always.sum(axis=1), base + reached.sum(axis=1)
        return cls(thresholds, levels, lo, hi, reached & ~always, first, last)


def lines(
    steps: Steps, clip: tuple[int, int], second: SecondRounding | None, *, slack: int = 0, most_shift: int = MOST_SHIFT
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int] | None:
    """Return (multipliers, addends, kinks, shift) of what is clipped to ``clip``, or None.

    In units of ``2**shift``, a line of slope M has to be at ``j`` or above at each threshold of level j, and below j
    just in front of it; up to the level of a second rounding, at as much more as that takes off. The slopes of the
    lines of a channel that are so fill an open interval that knows nothing of the shift; the least shift is wanted that
    gives every channel's interval a multiple of ``2**-shift``. With ``slack`` a line may be ``slack * 2**-SLACK_BITS``
    of a level on the wrong side of each point. Shifts of more than ``most_shift`` are not tried; where it is more than
    `MOST_SHIFT`, numbers are Python's integers, which may be longer than 64 bits.
    """
    long = most_shift > MOST_SHIFT
    bits = np.zeros(1, dtype=np.int64) if second is None else second.bits
    finest = max(int(bits.max()), SLACK_BITS if slack else 0)  # levels are in units of 2**-finest
    below_zero = _kinks(second, finest)[:, None]
    level = second.level if second else 0

    def height(levels: np.ndarray) -> np.ndarray:
        return (levels << finest) + np.where(levels <= level, below_zero, 0)

    least_shift = max(_LEAST_SHIFT, finest)
    multiplier = np.zeros(len(steps.levels), dtype=np.int64)
    constant = height(steps.first[:, None])[:, 0]  # where a channel has only one code
    rows = np.flatnonzero(steps.inner.any(axis=1))
    if not len(rows):
        shift = least_shift
        return multiplier, constant << (shift - finest), _kinks(second, shift), shift
    # Where the range ends within the bounds of the clip, the line must be at the level that it ends at.
    held, capped = (steps.first > clip[0])[:, None], (steps.last < clip[1])[:, None]
    ends = height(steps.first[:, None]), height(steps.last[:, None] + 1)
    inner, levels = steps.inner, height(steps.levels)
    above = _Points(
        np.hstack([steps.lo, steps.thresholds]), np.hstack([ends[0], levels]) - slack, np.hstack([held, inner])
    )
    below = _Points(np.hstack([steps.hi, steps.thresholds - 1]), np.hstack([ends[1], levels]) + slack,
                    np.hstack([capped, inner]))  # fmt: skip
    above, below = above.of(rows), below.of(rows)
    lower, upper = _steepest(above, below, 1, finest), _steepest(above, below, -1, finest)
    if lower is None or upper is None:
        return None
    if long:
        above, below = above.long(), below.long()
    rise, run, most_rise, most_run = (part.astype(object) if long else part for part in (*lower, *upper))
    farthest = int(np.abs(np.hstack([steps.lo, steps.hi])[rows]).max())
    for shift in range(least_shift, most_shift + 1):
        fine = shift - finest
        least = np.maximum(1, (rise << fine) // run + 1)
        most = np.where(most_run > 0, -(-(most_rise << fine) // np.maximum(1, most_run)) - 1, _STEEPEST << shift)
        if (least <= most).all():
            break
    else:
        return None
    slope = (least + most) // 2
    if int(slope.max()) * farthest >= _FAR and not long:  # beyond what int64 holds
        return None
    lowest, highest = above.highest(slope, fine), below.lowest(slope, fine) - 1
    addend = constant.astype(slope.dtype) << fine
    multiplier = multiplier.astype(slope.dtype)
    multiplier[rows], addend[rows] = slope, (lowest + highest) // 2
    return multiplier, addend, _kinks(second, shift), shift


def _kinks(second: SecondRounding | None, shift: int) -> np.ndarray:
    """Return what a `SecondRounding` takes off below zero, in units of ``2**-shift``."""
    if second is None:
        return np.zeros(1, dtype=np.int64)
    return np.where(second.bits > 0, np.int64(1) << (shift - second.bits), 0)


@dataclass(frozen=True)
class _Points:
    """Points (x, level) of each channel, arrays ``(C, n)``; those that do not ``count`` bound nothing."""

    x: np.ndarray
    level: np.ndarray
    count: np.ndarray

    def of(self, rows: np.ndarray) -> "_Points":
        """Return those of some of the channels."""
        return _Points(self.x[rows], self.level[rows], self.count[rows])

    def long(self) -> "_Points":
        """Return the same points as Python's integers."""
        return _Points(self.x.astype(object), self.level.astype(object), self.count)

    @property
    def far(self) -> int:
        """What is beyond all points, in any unit."""
        return _FAR if self.x.dtype == np.int64 else _FAR**4

    def highest(self, slope: np.ndarray, shift: int) -> np.ndarray:
        """Return, by channel, the largest ``level*2**shift - slope*x``."""
        return np.where(self.count, (self.level << shift) - slope[:, None] * self.x, -self.far).max(axis=1)

    def lowest(self, slope: np.ndarray, shift: int) -> np.ndarray:
        """Return, by channel, the smallest ``level*2**shift - slope*x``."""
        return np.where(self.count, (self.level << shift) - slope[:, None] * self.x, self.far).min(axis=1)


def _steepest(above: _Points, below: _Points, direction: int, finest: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a bound that slopes must exceed (direction 1) or stay below (-1), by channel, as (rise, run).

    It is None where no slope does.

    A line of slope ``p/q`` passes between all points of ``above`` and ``below`` if the largest ``q*level - p*x`` of the
    first is under the smallest of the second. Where it is not, the two points that are worst give the next slope; this
    is Newton's method on a convex function that is a line between few corners, so it ends, at the exact bound
    (Dinkelbach 1967). A run of 0 stands for no bound, which only slopes from above may lack.
    """
    every = np.arange(len(above.x))
    # The first slope is one that is beyond the bound: 0 from below, any steep one from above.
    rise = np.full(len(every), 0 if direction > 0 else _STEEPEST << finest, dtype=np.int64)
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
