"""Layers: products of integers, or of floats, with the weights of neurons."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.numbers import float32
from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.formats import Float32, Format, format_for

from .graph import Edge, Node, accumulator_format
from .registry import execution_of

__all__ = ["Dense", "FloatDense"]


@dataclass(frozen=True, eq=False)
class Dense(Node):
    """``y[n] = sum_k weights[n, k] * x[k]`` of every pixel, exactly; ``weights`` are int64 ``(N, K)``.

    With ``groups`` the channels of x are as many slices of K, and the neurons as many groups: neuron n reads the slice
    ``n // (N/groups)``. ``coding`` says how weights of a non-uniform quantizer are written; they are the same integers.
    """

    weights: np.ndarray
    groups: int = 1
    coding: Coding | None = None

    @property
    def weight_format(self) -> Format:
        """The smallest format that holds all weights."""
        return format_for(self.weights)

    @property
    def weight_range(self) -> tuple[int, int]:
        """The smallest weight and the largest."""
        return int(self.weights.min()), int(self.weights.max())

    def out(self, x: Edge) -> Edge:
        rows = self.weights.reshape(self.groups, -1, self.weights.shape[1])
        positive, negative = np.maximum(rows, 0), np.minimum(rows, 0)
        x_lo, x_hi = (np.reshape(end, (self.groups, -1, 1)) for end in (x.lo, x.hi))
        lo = (positive @ x_lo + negative @ x_hi).reshape(-1)
        hi = (positive @ x_hi + negative @ x_lo).reshape(-1)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@dataclass(frozen=True, eq=False)
class FloatDense(Node):
    """``y = weights @ x + bias`` of every pixel in float32, with a ReLU behind it if ``relu``; groups as in `Dense`.

    ``weights`` are float32 ``(N, K)``, ``bias`` is float32 ``(N,)``. A float sum depends on its order, so the order is
    part of the node: ``simd`` lanes a step and ``partials`` interleaved partial sums, as `golden.numbers.float32.dot`
    defines them. Folding sets both.
    """

    weights: np.ndarray
    bias: np.ndarray
    relu: bool
    simd: int = 1
    partials: int = 1
    groups: int = 1

    weight_format = Float32()

    def folded(self, *, simd: int, partials: int) -> "FloatDense":
        """Return the same layer with its sums in another order."""
        return replace(self, simd=simd, partials=partials)

    def out(self, x: Edge) -> Edge:
        most = np.full(len(self.weights), np.inf)
        return Edge(Float32(), np.zeros_like(most) if self.relu else -most, most, x.size)


def _by_group(
    node: Dense | FloatDense, x: np.ndarray, product: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return ``product(slice of x, rows of weights)`` of every group, side by side."""
    patches = x.reshape(-1, node.groups, node.weights.shape[1])
    rows = np.split(np.arange(len(node.weights)), node.groups)
    parts = [product(patches[:, g], rows[g]) for g in range(node.groups)]
    return np.concatenate(parts, axis=1).reshape(*x.shape[:-1], len(node.weights))


def _product(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return ``x @ w.T`` of integers."""
    # Products of float64 are exact below 2**53, and BLAS is fast there; a dot product of ours never comes near.
    largest = np.abs(w).sum(axis=1).max() * max(1, int(np.abs(x).max(initial=0)))
    if largest < 2**53:
        return np.rint(x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)
    return x @ w.T


@execution_of(Dense)
def _(node: Dense, x: np.ndarray) -> np.ndarray:
    return _by_group(node, x, lambda part, rows: _product(part, node.weights[rows]))


@execution_of(FloatDense)
def _(node: FloatDense, x: np.ndarray) -> np.ndarray:
    def product(part: np.ndarray, rows: np.ndarray) -> np.ndarray:
        part = part.astype(np.float32)
        return float32.dot(part, node.weights[rows], node.bias[rows], simd=node.simd, partials=node.partials)

    y = _by_group(node, x, product)
    return float32.relu(y) if node.relu else y
