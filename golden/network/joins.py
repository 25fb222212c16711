"""Nodes that join branches."""

from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.numbers import float32
from fewbit.golden.numbers.formats import Float32, Format

from .execution import execution_of
from .graph import Edge, Node, accumulator_format

__all__ = ["Add", "Concat", "FloatAdd"]


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
class Add(_Join):
    """``y[c] = multipliers[0][c]*a[c] + multipliers[1][c]*b[c]``, exactly; ``multipliers`` are int64 ``(2, C)``."""

    multipliers: np.ndarray

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        ends = [np.stack([e.lo * m, e.hi * m]) for e, m in zip(edges, self.multipliers, strict=True)]
        lo, hi = sum(e.min(axis=0) for e in ends), sum(e.max(axis=0) for e in ends)
        return Edge(accumulator_format(lo, hi), lo, hi, edges[0].size)


@execution_of(Add)
def _(node: Add, *xs: np.ndarray) -> np.ndarray:
    return sum(x * m for x, m in zip(xs, node.multipliers, strict=True))


@dataclass(frozen=True, eq=False)
class FloatAdd(_Join):
    """``y = a + b`` in float32, with a ReLU behind it if ``relu``."""

    relu: bool = False

    def out(self, *edges: Edge) -> Edge:
        self._same_size(edges)
        bound = np.full(edges[0].channels, np.inf)
        return Edge(Float32(), np.zeros_like(bound) if self.relu else -bound, bound, edges[0].size)


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
