"""Sums of two branches with multipliers as small as the quantizers behind them allow.

A sum is one integer ``p*a + q*b``. Where the scales of the branches are in no simple ratio, p and q are large, and so
is the adder. But a quantizer behind it tells few sums apart: any p and q that keep the pairs of each code apart do.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from fewbit.golden.network.graph import Network
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.thresholds import steps_of

from .pairs import Steps, every_value, table_of

__all__ = ["separating_sum", "smaller_sums"]

_MOST_SMALL = 12  # whole numbers up to it are all tried as multipliers, within a factor of the ratio
_NEAR = 1.6
_FINEST = 1 << 22  # the largest denominator of a ratio of scales


def separating_sum(
    a: np.ndarray, b: np.ndarray, codes: np.ndarray, ratio: float
) -> tuple[tuple[int, int], np.ndarray, np.ndarray] | None:
    """Return a sum of whole multiples that tells pairs of different codes apart, for a function of two integers.

    The function rises in both, or rises in one and falls in the other.

    Parameters
    ----------
    a, b : int64 arrays ``(A,)`` and ``(B,)``
        The values of both operands.
    codes : int64 array ``(A, B)``
        The code for every pair.
    ratio : float
        About how much more a step of ``a`` counts than one of ``b``; negative if they count in opposite directions.

    Returns
    -------
    (p, q), thresholds, codes : as for `find_thresholds`, on ``p*a + q*b``; the multipliers are the smallest that were
    tried. ``None`` if no multipliers near the ratio keep the codes apart.
    """
    order = np.argsort(codes.reshape(-1), kind="stable")
    ordered = codes.reshape(-1)[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    near = Fraction(abs(ratio)).limit_denominator(_FINEST)
    for p, q in _candidates(near.numerator, int(math.copysign(near.denominator, ratio))):
        steps = _apart((p * a[:, None] + q * b).reshape(-1), order, begins, ordered[begins], falls=False)
        if steps is not None:
            return (p, q), *steps
    return None


# Smaller multipliers


def smaller_sums(network: Network) -> Network:
    """Return the network with the smallest multipliers that give every pair the same codes.

    That is done for sums that only thresholds read.
    """
    nodes, edges = list(network.nodes), network.edges()
    for i, node in enumerate(nodes):
        every = network.readers(node.y)
        readers = [r for r in every if isinstance(r, Threshold)]
        if not (isinstance(node, Add) and readers and len(readers) == len(every)):
            continue
        inputs = [edges[x] for x in node.inputs]
        alike = (node.multipliers == node.multipliers[:, :1]).all() and all(len(r.thresholds) == 1 for r in readers)
        channels = 1 if alike else edges[node.y].channels
        values = None if (np.abs(node.multipliers) == 1).all() else every_value(inputs, channels)
        if values is None or (node.multipliers == 0).any():
            continue
        multipliers = node.multipliers[:, :channels].copy()
        tables = [(np.broadcast_to(r.thresholds, (channels, r.thresholds.shape[1])), r.table()) for r in readers]
        tables = [(t, np.broadcast_to(c, (channels, c.shape[1]))) for t, c in tables]
        found = []
        for c in range(channels):
            column = [(t[c], codes[c]) for t, codes in tables]
            multipliers[:, c], steps = _smallest(multipliers[:, c], [v[:, c] for v in values], column)
            found.append(steps)
        nodes[i] = replace(node, multipliers=np.broadcast_to(multipliers, node.multipliers.shape))
        edge = nodes[i].out(*inputs)
        lo, hi = (edge.lo, edge.hi) if channels > 1 else (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True))
        for k, reader in enumerate(readers):
            thresholds, codes = table_of([steps[k] for steps in found], hi)
            regular = steps_of(thresholds, codes, lo, hi, reader.format)
            at = nodes.index(reader)
            if regular is None:
                nodes[at] = replace(reader, thresholds=thresholds, codes=codes)
            else:
                nodes[at] = replace(reader, thresholds=regular, codes=None)
    return network.with_nodes(nodes)


def _smallest(
    multipliers: np.ndarray, values: list[np.ndarray], tables: list[Steps]
) -> tuple[tuple[int, int], list[Steps]]:
    """Return multipliers of one channel, and thresholds and codes behind them for each reader."""
    a, b = (v.reshape(-1) for v in np.meshgrid(np.unique(values[0]), np.unique(values[1]), indexing="ij"))
    x = multipliers[0] * a + multipliers[1] * b
    parts = []  # of each reader: the order of the pairs by code, where each stretch of one code begins, its code
    for thresholds, codes in tables:
        stretch = np.r_[0, np.cumsum(np.diff(codes) != 0)][np.searchsorted(thresholds, x, side="right")]
        order = np.argsort(stretch, kind="stable")
        begins = np.flatnonzero(np.diff(stretch[order], prepend=-1))
        parts.append((order, begins, codes[np.searchsorted(thresholds, x[order[begins]], side="right")]))
    falls = all(len(codes) > 1 and (np.diff(codes) < 0).all() for _, _, codes in parts)
    for p, q in _candidates(*(int(m) for m in multipliers)):
        if falls:
            p, q = -p, -q
        found = [_apart(p * a + q * b, *part, falls) for part in parts]
        steps = [step for step in found if step is not None]
        if len(steps) == len(found):
            return (p, q), steps
    raise AssertionError("the multipliers themselves keep the codes apart")


def _apart(x: np.ndarray, order: np.ndarray, begins: np.ndarray, codes: np.ndarray, falls: bool) -> Steps | None:
    """Return thresholds and codes if the stretches lie one after the other in ``x``, else None."""
    lo, hi = (f.reduceat(x[order], begins) for f in (np.minimum, np.maximum))
    if falls:
        lo, hi, codes = lo[::-1], hi[::-1], codes[::-1]
    return None if (hi[:-1] >= lo[1:]).any() else (lo[1:], codes)


def _candidates(p: int, q: int) -> Iterator[tuple[int, int]]:
    """Yield multipliers in a ratio near ``p/q``, small ones first; ``(p, q)`` itself last."""
    ratio = Fraction(abs(p), abs(q))
    found = {ratio.limit_denominator(1 << bits) for bits in range(q.bit_length())}
    small = [Fraction(n, d) for n in range(1, _MOST_SMALL + 1) for d in range(1, _MOST_SMALL + 1)]
    found |= {f for f in small if 1 / _NEAR < f / ratio < _NEAR}
    for f in sorted(found - {0}, key=lambda f: (max(f.numerator, f.denominator), f)):
        if max(f.numerator, f.denominator) < max(abs(p), abs(q)):
            yield f.numerator * int(math.copysign(1, p)), f.denominator * int(math.copysign(1, q))
    yield p, q
