"""A multiply, add and shift in place of many thresholds, where that gives the same code for every reachable integer.

``((x*m + a) >> s)`` steps to level ``j`` exactly at threshold ``T`` if ``T*m + a >= j*2**s`` and
``(T-1)*m + a < j*2**s``. Both functions are monotone, so these inequalities at the thresholds prove it everywhere. Two
of them, one from below and one from above, bound ``m/2**s``; any ``m`` within all bounds has an ``a``.
"""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, SecondRounding, Threshold

from .even_lines import as_even_rescale
from .exceptions import as_rescale_with_exceptions
from .lines import Steps, lines

__all__ = ["FEWEST_LEVELS", "as_rescale"]

FEWEST_LEVELS = 32  # below, a binary search over thresholds is cheaper than a multiplier


def as_rescale(node: Threshold, edge: Edge) -> Rescale | None:
    """Return the `Rescale` equal to a `Threshold` on ``edge``; None where there is none or thresholds are cheaper."""
    if node.codes is not None or node.format.levels < FEWEST_LEVELS or not node.format.linear:
        return None
    lo, hi = (edge.lo, edge.hi) if len(node.thresholds) == edge.channels else (edge.lo.min(), edge.hi.max())
    if edge.format.bits <= node.format.bits + 2 and not node.format.is_chance:
        return None
    steps = Steps.of(node.thresholds, np.reshape(lo, (-1, 1)), np.reshape(hi, (-1, 1)), node.format.lo)
    for clip, second in _forms(steps, node):
        found = lines(steps, clip or (node.format.lo, node.format.hi), second)
        if found is not None:
            *numbers, shift = found
            multiplier, addend, kink = (np.broadcast_to(v, edge.channels) for v in numbers)
            line = Rescale(node.name, node.x, node.y, multiplier, addend, int(shift), node.format, clip)
            return line if second is None else replace(line, kink=kink, level=second.level)
    if node.second is not None:
        return None
    return as_even_rescale(node, edge, steps) or as_rescale_with_exceptions(node, edge, steps)


def _forms(steps: Steps, node: Threshold) -> list[tuple[tuple[int, int] | None, SecondRounding | None]]:
    """Return what a `Rescale` may have beside its line, the cheapest first: bounds of its own, and a kink."""
    reached = int(steps.first.min()), int(steps.last.max())
    narrow = None if reached == (node.format.lo, node.format.hi) else reached
    forms: list[tuple[tuple[int, int] | None, SecondRounding | None]]
    forms = [(None, None), (narrow, None), (narrow, node.second)]
    return [form for k, form in enumerate(forms) if form not in forms[:k]]
