"""What a quantizer behind a join of two branches gives, found from the model's own floats of every pair of operands.

A join has one integer for a pair, but the model rounds both operands and what it makes of them: pairs of one integer
can have floats that differ in the last bit, and a quantizer may tell them apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add, IntegerJoin
from fewbit.golden.numbers.elementwise import Chain, apply, is_shared

__all__ = ["BranchSum", "PairFunction", "Steps", "every_value", "pair_function", "table_of"]

Steps = tuple[np.ndarray, np.ndarray]  # thresholds, and codes
EdgeOf = Callable[[str], Edge]

_MOST_PAIRS = 1 << 22  # of all channels, that may be visited


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

    @property
    def marks(self) -> tuple[str, ...]:
        """The first operands of this node, and of those that its operands are: with its integer, they say all pairs."""
        return (self.node.x, *(mark for part in self.parts if part for mark in part.marks))


@dataclass(frozen=True, eq=False)
class PairFunction:
    """A function of the integers of a join: what `find_thresholds` returns, and the nodes that give the integers.

    Attributes
    ----------
    nodes : tuple of golden.network.joins.IntegerJoin
        Nodes to be added, one behind the other, whose last one gives the integers; none if the join itself does.
    lo, hi, thresholds, codes : int64 arrays
        Reachable range of the integers; thresholds and codes on it.
    """

    nodes: tuple[IntegerJoin, ...]
    lo: np.ndarray
    hi: np.ndarray
    thresholds: np.ndarray
    codes: np.ndarray


def pair_function(
    branches: BranchSum, edge_of: EdgeOf, function: Callable[[np.ndarray], np.ndarray], *, shared: bool
) -> PairFunction | None:
    """Return the quantizer behind a join, from the model's own floats of every pair of operands.

    Where pairs of equal integers have different codes, the model's rounding decides between them. Then the integers are
    those of finer nodes, which tell all pairs apart.

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
    None where there are too many pairs, or finer integers would have more than 32 bits.
    """
    one = branches.for_one_channel() if shared else branches
    channels = 1 if shared else edge_of(branches.node.x).channels
    every = None if one is None else _every_pair(one, edge_of, channels)
    if every is None:
        return None
    codes = function(every.floats)
    finer = _finer(branches, edge_of)
    for count in range(len(finer) + 1):
        nodes = finer[:count]
        edge = _last_edge(nodes or (branches.node,), edge_of)
        if edge is None:
            return None
        lo, hi = (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True)) if shared else (edge.lo, edge.hi)
        steps = _steps_of_pairs(every.through(nodes, shared) if nodes else every.integers, codes, hi)
        if steps is not None:
            return PairFunction(nodes, lo, hi, *steps)
    return None


def _finer(branches: BranchSum, edge_of: EdgeOf) -> tuple[IntegerJoin, ...]:
    """Return the join with its first operand as the last digit of its integers, and nodes that append the other marks.

    So the last node's integers are in the order of the join's, and those of any two different operands differ.
    """
    node = branches.node
    name = f"{node.name}_finer"
    found: list[IntegerJoin] = [replace(node.finer(*(edge_of(x) for x in node.inputs)), name=name, y=name)]
    for k, mark in enumerate(branches.marks[1:]):
        edge, name = edge_of(mark), f"{node.name}_finer{k}"
        one = np.ones(edge.channels, dtype=np.int64)
        multipliers = np.stack([one << int((edge.hi - edge.lo).max()).bit_length(), one])
        found.append(Add(name, found[-1].y, name, (mark,), multipliers))
    return tuple(found)


def _last_edge(nodes: Sequence[IntegerJoin], edge_of: EdgeOf) -> Edge | None:
    """Return the edge that the last of the nodes makes; None if one has more than 32 bits."""
    made: dict[str, Edge] = {}
    try:
        for node in nodes:
            made[node.y] = node.out(*(made[x] if x in made else edge_of(x) for x in node.inputs))
    except ValueError:
        return None
    return made[nodes[-1].y]


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
    return table_of(found, hi)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Every combination of the operands of a join and of those that its operands are: arrays ``(n, C)``.

    Attributes
    ----------
    operands : tuple of int64 arrays
        The integers of both operands.
    integers : int64 array
        The node's integers.
    floats : float32 array
        What the model has there.
    marks : tuple of int64 arrays
        The integers of `BranchSum.marks`.
    """

    operands: tuple[np.ndarray, ...]
    integers: np.ndarray
    floats: np.ndarray
    marks: tuple[np.ndarray, ...]

    def through(self, nodes: Sequence[IntegerJoin], shared: bool) -> np.ndarray:
        """Return the integers of the last of the first few nodes that `_finer` gives."""
        x, second = self.operands
        for node, mark in zip(nodes, (second, *self.marks[1:]), strict=False):
            of_one = node.for_one_channel() if shared else node
            assert of_one is not None
            x = execute(of_one, x, mark)
        return x


def _every_pair(branches: BranchSum, edge_of: EdgeOf, channels: int) -> _Pairs | None:
    """Return every combination; None if there are too many."""
    given = zip(branches.node.inputs, branches.chains, branches.parts, strict=True)
    sides = [_every_operand(edge_of, channels, *operand) for operand in given]
    first, second = sides
    if first is None or second is None:
        return None
    shape = len(first[0]), len(second[0]), channels
    if shape[0] * shape[1] * channels > _MOST_PAIRS:
        return None

    def spread(values: np.ndarray, k: int) -> np.ndarray:
        return np.broadcast_to(np.expand_dims(values, 1 - k), shape).reshape(-1, channels)

    operands = spread(first[0], 0), spread(second[0], 1)
    with np.errstate(all="ignore"):
        floats = branches.combine(spread(first[1], 0), spread(second[1], 1))
    marks = operands[0], *(spread(v, 0) for v in first[2]), *(spread(v, 1) for v in second[2])
    return _Pairs(operands, execute(branches.node, *operands), floats, marks)


def _every_operand(
    edge_of: EdgeOf, channels: int, name: str, chain: Chain, part: BranchSum | None
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]] | None:
    """Return integers, floats and marks of an operand, ``(n, C)`` each; None if there are too many."""
    if part is None:
        values = _values_of(edge_of(name), channels)
        return None if values is None else (values, apply(chain, values), ())
    inner = _every_pair(part, edge_of, channels)
    return None if inner is None else (inner.integers, apply(chain[1:], inner.floats), inner.marks)


def every_value(edges: Sequence[Edge], channels: int) -> list[np.ndarray] | None:
    """Return the values of both edges, ``(values, C)`` each; None if there are too many pairs.

    The last value is repeated where a channel has fewer. With one channel, it stands for all of them.
    """
    a, b = (_values_of(edge, channels) for edge in edges)
    return None if a is None or b is None or len(a) * len(b) * channels > _MOST_PAIRS else [a, b]


def _values_of(edge: Edge, channels: int) -> np.ndarray | None:
    """Return the values of one edge as `every_value` gives them."""
    lo, hi = (edge.lo, edge.hi) if channels > 1 else (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True))
    step = edge.format.spacing
    count = int((hi - lo).max()) // step + 1
    return None if count > _MOST_PAIRS else np.minimum(lo + step * np.arange(count)[:, None], hi)


def table_of(found: list[Steps], hi: np.ndarray) -> Steps:
    """Return one array of the thresholds, and one of the codes, of every channel."""
    most = max(len(t) for t, _ in found)
    thresholds = np.array([np.r_[t, np.full(most - len(t), h + 1)] for (t, _), h in zip(found, hi, strict=True)])
    codes = np.array([np.r_[c, np.full(most + 1 - len(c), c[-1])] for _, c in found])
    return thresholds.reshape(len(hi), most).astype(np.int64), codes.astype(np.int64)
