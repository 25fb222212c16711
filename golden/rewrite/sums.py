"""Joins of two branches: what a quantizer behind one gives for every pair, and multipliers as small as that allows.

A sum is one integer ``p*a + q*b``. Where the scales of the branches are in no simple ratio, p and q are large, and so
is the adder. But a quantizer behind it tells few sums apart: any p and q that keep the pairs of each code apart do.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge, Network
from fewbit.golden.network.joins import Add, IntegerJoin
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.elementwise import Chain, apply, is_shared
from fewbit.golden.numbers.thresholds import steps_of

__all__ = ["BranchSum", "PairFunction", "pair_function", "separating_sum", "smaller_sums"]

Steps = tuple[np.ndarray, np.ndarray]  # thresholds, and codes

_MOST_PAIRS = 1 << 22  # of all channels, that may be visited
_MOST_SMALL = 12  # whole numbers up to it are all tried as multipliers, within a factor of the ratio
_NEAR = 1.6
_FINEST = 1 << 22  # the largest denominator of a ratio of scales


@dataclass(frozen=True, eq=False)
class BranchSum:
    """What an importer knows of a node that joins two branches, an `Add` or a `Multiply`.

    Attributes
    ----------
    node : golden.network.joins.IntegerJoin
    chains : (Chain, Chain)
        The float operations behind the edges of the two operands.
    combine : callable
        What the model makes of the floats of both operands: float32 arrays that broadcast, in and out.
    parts : tuple
        For each operand, the `BranchSum` that its edge is itself, whose floats the first operation of its chain stands
        for; None if it is another edge.
    """

    node: IntegerJoin
    chains: tuple[Chain, ...]
    combine: Callable[[np.ndarray, np.ndarray], np.ndarray]
    parts: tuple["BranchSum | None", ...] = (None, None)

    def for_one_channel(self) -> "BranchSum | None":
        """Return the same of one channel that stands for every one; None where channels differ."""
        node = self.node.for_one_channel()
        parts = tuple(part and part.for_one_channel() for part in self.parts)
        if node is None or not all(is_shared(c) for c in self.chains):
            return None
        if any(part is None for part, whole in zip(parts, self.parts, strict=True) if whole):
            return None
        return replace(self, node=node, parts=parts)


@dataclass(frozen=True, eq=False)
class PairFunction:
    """A function of the integers of a join: what `find_thresholds` returns, and the node that gives the integers.

    Attributes
    ----------
    node : golden.network.joins.IntegerJoin
        The join that was asked about, or a finer one of the same operands.
    lo, hi, thresholds, codes : int64 arrays
        Reachable range of the node's integers; thresholds and codes on it.
    """

    node: IntegerJoin
    lo: np.ndarray
    hi: np.ndarray
    thresholds: np.ndarray
    codes: np.ndarray


def pair_function(
    branches: BranchSum,
    edge_of: Callable[[str], Edge],
    function: Callable[[np.ndarray], np.ndarray],
    *,
    shared: bool,
) -> PairFunction | None:
    """Return the quantizer behind a join, from the model's own floats of every pair of operands.

    Where pairs of equal integers have different codes, the model's rounding decides between them. Then the integers are
    those of a finer node, which tell all pairs apart.

    Parameters
    ----------
    branches : BranchSum
    edge_of : callable
        Gives the edge of an operand by its name.
    function : callable
        Function from floats ``(n, C)`` of the sum or product to codes; C is 1 if it is shared.
    shared : bool
        Whether one function serves all channels.

    Returns
    -------
    None where there are too many pairs, or where no integer tells those apart that have different codes.
    """
    one = branches.for_one_channel() if shared else branches
    edges = [edge_of(x) for x in branches.node.inputs]
    for finer in (False, True):
        node = branches.node.finer(*edges) if finer else branches.node
        try:
            edge = node.out(*edges)
        except ValueError:  # of more than 32 bits
            return None
        lo, hi = (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True)) if shared else (edge.lo, edge.hi)
        of_all = one and replace(one, node=(node.for_one_channel() if shared else node) or node)
        every = of_all and _every_pair(of_all, edge_of, len(lo))
        if not every:
            return None
        steps = _steps_of_pairs(every[0], function(every[1]), hi)
        if steps is not None:
            return PairFunction(node, lo, hi, *steps)
    return None


def _steps_of_pairs(x: np.ndarray, codes: np.ndarray, hi: np.ndarray) -> Steps | None:
    """Return thresholds and codes for integers and codes ``(n, C)``; None where equal integers have different codes."""
    found = []
    for c in range(len(hi)):
        values, first, group = np.unique(x[:, c], return_index=True, return_inverse=True)
        code = codes[first, c]
        if (codes[:, c] != code[group]).any():
            return None
        at = np.flatnonzero(np.diff(code)) + 1
        found.append((values[at], code[np.r_[0, at]]))
    return _table(found, hi)


def _every_pair(
    branches: BranchSum, edge_of: Callable[[str], Edge], channels: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the integers of a join and the model's floats, ``(n, C)``, for every pair of its operands' values.

    None stands for too many pairs.
    """
    integers, floats = [], []
    for name, chain, part in zip(branches.node.inputs, branches.chains, branches.parts, strict=True):
        if part is None:
            x = _values_of(edge_of(name), channels)
            if x is None:
                return None
            y = apply(chain, x)
        else:
            inner = _every_pair(part, edge_of, channels)
            if inner is None:
                return None
            x, y = inner[0], apply(chain[1:], inner[1])
        integers.append(x)
        floats.append(y)
    if len(integers[0]) * len(integers[1]) * channels > _MOST_PAIRS:
        return None
    with np.errstate(all="ignore"):
        y = branches.combine(floats[0][:, None], floats[1][None])
    x = execute(branches.node, integers[0][:, None], integers[1][None])
    return _distinct(x.reshape(-1, channels), y.reshape(-1, channels))


def _distinct(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that differ in an integer of ``x`` or in a bit of a float of ``y``, for one channel only."""
    if x.shape[1] > 1:
        return x, y
    _, first = np.unique((x << 32) + np.ascontiguousarray(y).view(np.uint32), return_index=True)
    return x[first], y[first]


def _pairs_of(edges: Sequence[Edge], channels: int) -> list[np.ndarray] | None:
    """Return the values of both edges as `_values_of` gives them; None if there are too many pairs."""
    a, b = (_values_of(edge, channels) for edge in edges)
    return None if a is None or b is None or len(a) * len(b) * channels > _MOST_PAIRS else [a, b]


def _values_of(edge: Edge, channels: int) -> np.ndarray | None:
    """Return the values of an edge, ``(values, C)``; None if there are too many.

    The last value is repeated where a channel has fewer. With one channel, it stands for all of them.
    """
    lo, hi = (edge.lo, edge.hi) if channels > 1 else (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True))
    step = edge.format.spacing
    count = int((hi - lo).max()) // step + 1
    return None if count > _MOST_PAIRS else np.minimum(lo + step * np.arange(count)[:, None], hi)


def _table(found: list[Steps], hi: np.ndarray) -> Steps:
    """Return one array of the thresholds, and one of the codes, of every channel."""
    most = max(len(t) for t, _ in found)
    thresholds = np.array([np.r_[t, np.full(most - len(t), h + 1)] for (t, _), h in zip(found, hi, strict=True)])
    codes = np.array([np.r_[c, np.full(most + 1 - len(c), c[-1])] for _, c in found])
    return thresholds.reshape(len(hi), most).astype(np.int64), codes.astype(np.int64)


def separating_sum(a, b, codes, ratio):
    """A sum of whole multiples that tells pairs of different codes apart: for functions of two integers that rise.

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
        values = None if (np.abs(node.multipliers) == 1).all() else _pairs_of(inputs, channels)
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
            thresholds, codes = _table([steps[k] for steps in found], hi)
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
