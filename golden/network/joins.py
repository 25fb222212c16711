"""Nodes that join branches."""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

from fewbit.golden.numbers import float32
from fewbit.golden.numbers.formats import Bipolar, Float32, Format

from .graph import Edge, Node, accumulator_format
from .registry import execution_of

__all__ = ["Add", "Concat", "FloatAdd", "FloatMultiply", "IntegerJoin", "Multiply"]


@dataclass(frozen=True, eq=False)
class _Join(Node):
    """A node of several inputs, ``x`` and ``others``, which are all of one size."""

    others: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.x, *self.others)

    def reading(self, old: str, new: str) -> Node:
        others = tuple(new if e == old else e for e in self.others)
        return replace(self, x=new if self.x == old else self.x, others=others)

    def _same_size(self, edges: tuple[Edge, ...]) -> None:
        if len({e.size for e in edges}) > 1:
            raise ValueError(f"{self.name}: its inputs are images of {' and '.join(str(e.size) for e in edges)}")


@dataclass(frozen=True, eq=False)
class IntegerJoin(_Join):
    """A function of an integer of each of two inputs; its parameters are int64 ``(2, C)``, a row an input."""

    def for_one_channel(self) -> Self | None:
        """Return the node of one channel that computes what every channel does; None where channels differ."""
        arrays: dict[str, Any] = {f.name: v for f in fields(self) if isinstance(v := getattr(self, f.name), np.ndarray)}
        if any((v != v[:, :1]).any() for v in arrays.values()):
            return None
        return replace(self, **{name: v[:, :1] for name, v in arrays.items()})

    def finer(self, a: Edge, b: Edge) -> Self:
        """Return a node of the same inputs whose integers are in the order of this one's, and in that of ``a`` within.

        So they tell all pairs of values apart that may matter.
        """
        raise NotImplementedError


def _more_than(number: int) -> int:
    """Return the smallest power of two that is more than ``number``."""
    return 1 << int(number).bit_length()


@dataclass(frozen=True, eq=False)
class Add(IntegerJoin):
    """``y[c] = multipliers[0][c]*a[c] + multipliers[1][c]*b[c]``, exactly; ``multipliers`` are int64 ``(2, C)``."""

    multipliers: np.ndarray

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        ends = [np.stack([e.lo * m, e.hi * m]) for e, m in zip(edges, self.multipliers, strict=True)]
        lo, hi = sum(e.min(axis=0) for e in ends), sum(e.max(axis=0) for e in ends)
        return Edge(accumulator_format(lo, hi), lo, hi, edges[0].size)

    def finer(self, a: Edge, b: Edge) -> Self:
        by = _more_than((a.hi - a.lo).max())
        return replace(self, multipliers=by * self.multipliers + np.array([[1], [0]]))


@execution_of(Add)
def _(node: Add, *xs: np.ndarray) -> np.ndarray:
    return sum(x * m for x, m in zip(xs, node.multipliers, strict=True))


@dataclass(frozen=True, eq=False)
class Multiply(IntegerJoin):
    """``y[c] = (multipliers[0][c]*a[c] - zeros[0][c]) * (multipliers[1][c]*b[c] - zeros[1][c])``, exactly.

    ``multipliers`` and ``zeros`` are int64 ``(2, C)``. The product of two bipolar inputs as they are is bipolar.
    """

    multipliers: np.ndarray
    zeros: np.ndarray

    @property
    def plain(self) -> bool:
        """Whether the inputs are multiplied as they are."""
        return bool((self.multipliers == 1).all() and (self.zeros == 0).all())

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        (a_lo, a_hi), (b_lo, b_hi) = self.operands(*edges)
        ends = np.stack([a_lo * b_lo, a_lo * b_hi, a_hi * b_lo, a_hi * b_hi])
        lo, hi = ends.min(axis=0), ends.max(axis=0)
        signs = self.plain and all(e.format.is_sign for e in edges)
        return Edge(Bipolar() if signs else accumulator_format(lo, hi), lo, hi, edges[0].size)

    def operands(self, *edges: Edge) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the smallest and the largest number that each factor can be, by channel."""
        ends = [(e.lo * m - z, e.hi * m - z) for e, m, z in zip(edges, self.multipliers, self.zeros, strict=True)]
        return [(np.minimum(*pair), np.maximum(*pair)) for pair in ends]

    def finer(self, a: Edge, b: Edge) -> Self:
        # a*b and a say which b it was, but where a is 0: with every b, the product is the same zero.
        ends, _ = self.operands(a, b)
        by = _more_than((ends[1] - ends[0]).max())
        factors, offsets = np.array([[1], [by]]), np.array([[0], [1]])
        return replace(self, multipliers=factors * self.multipliers, zeros=factors * self.zeros - offsets)


@execution_of(Multiply)
def _(node: Multiply, *xs: np.ndarray) -> np.ndarray:
    a, b = (x * m - z for x, m, z in zip(xs, node.multipliers, node.zeros, strict=True))
    return a * b


@dataclass(frozen=True, eq=False)
class FloatMultiply(_Join):
    """``y = a * b`` in float32."""

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        most = np.full(edges[0].channels, np.inf)
        return Edge(Float32(), -most, most, edges[0].size)


@execution_of(FloatMultiply)
def _(node: FloatMultiply, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return float32.mul(a, b)


@dataclass(frozen=True, eq=False)
class FloatAdd(_Join):
    """``y = a + b`` in float32, with a ReLU behind it if ``relu``."""

    relu: bool = False

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        most = np.full(edges[0].channels, np.inf)
        return Edge(Float32(), np.zeros_like(most) if self.relu else -most, most, edges[0].size)


@execution_of(FloatAdd)
def _(node: FloatAdd, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    y = float32.add(a, b)
    return float32.relu(y) if node.relu else y


@dataclass(frozen=True, eq=False)
class Concat(_Join):
    """The channels of all inputs, one after the other, of every pixel. ``format`` holds the values of them all."""

    format: Format

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        for edge in edges:
            if not self.format.extends(edge.format):
                raise ValueError(f"{self.name}: {edge.format} cannot be held as {self.format}")
        lo, hi = (np.concatenate([getattr(e, end) for e in edges]) for end in ("lo", "hi"))
        return Edge(self.format, lo, hi, edges[0].size)


@execution_of(Concat)
def _(node: Concat, *xs: np.ndarray) -> np.ndarray:
    return np.concatenate(xs, axis=2)
