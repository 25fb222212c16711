"""What samples say of a model, and how much they leave open."""

import math

import numpy as np

from .results import HeldOutAccuracy

__all__ = ["held_out_accuracy"]

_Z = 1.959964  # of the normal distribution: 95 % lie within so many deviations on both sides


def held_out_accuracy(right: np.ndarray, before: np.ndarray | None = None) -> HeldOutAccuracy:
    """Return an accuracy with its interval of confidence, and with that of what was lost.

    The interval of the accuracy is Wilson's (1927). What was lost is a difference of two shares of the same samples;
    its interval is that of Agresti and Min (2005), who add half a sample to each of the four kinds of pairs.

    Parameters
    ----------
    right : bool array (S,)
        Whether each sample is right.
    before : bool array (S,) or None
        Whether the float model has it right; None where ``right`` is of the float model itself.
    """
    count, share = len(right), float(right.mean())
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    reach = _Z / (1 + _Z**2 / count) * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    accuracy, interval = share, [max(0.0, middle - reach), min(1.0, middle + reach)]
    if before is None:
        return HeldOutAccuracy(accuracy=accuracy, interval=interval, lost=None, lost_interval=None)
    worse, better = (float((one & ~other).sum()) + 0.5 for one, other in ((before, right), (right, before)))
    total = count + 2
    difference = (worse - better) / total
    deviation = math.sqrt(max(0.0, (worse + better) / total - difference**2) / total)
    ends = (difference - _Z * deviation, difference + _Z * deviation)
    return HeldOutAccuracy(
        accuracy=accuracy, interval=interval, lost=100 * (float(before.mean()) - share),
        lost_interval=[100 * max(-1.0, ends[0]), 100 * min(1.0, ends[1])],
    )  # fmt: skip
