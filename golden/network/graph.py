"""The integer network: a graph of nodes over integer values, which golden executes and the hardware is made from.

An edge is an image of pixels with channels, channels innermost; a plain vector is one pixel. Its format says what its
codes mean, and every channel knows the exact range that it can reach. Ranges follow from the input format and the
weights; widths follow from ranges. Layers that work on single pixels are here, what moves pixels is in
`golden.network.spatial`, and what joins branches in `golden.network.joins`.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.formats import Float32, Format, Signed, Unsigned, format_for

__all__ = ["ArgMax", "Dense", "Edge", "FloatDense", "Network", "Node", "Output", "Rescale", "Score", "Threshold",
           "accumulator_format", "slices_of"]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Edge:
    """What flows between two nodes: pixels of ``len(lo)`` channels, channel c within ``lo[c]`` to ``hi[c]``.

    ``size`` is the height and width of an image, and empty for a vector. A value's position is ``pixel*channels + c``.
    """

    format: Format
    lo: np.ndarray
    hi: np.ndarray
    size: tuple = ()

    @property
    def channels(self):
        return len(self.lo)

    @property
    def pixels(self):
        return math.prod(self.size)

    @property
    def length(self):
        """Values of the whole edge."""
        return self.pixels * self.channels


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: edge ``x`` in, edge ``y`` out."""

    name: str
    x: str
    y: str

    @property
    def inputs(self):
        """Names of all edges that it takes; joins have several."""
        return (self.x,)

    def reading(self, old, new):
        """The same node with the edge ``new`` where it took ``old``."""
        return replace(self, x=new) if self.x == old else self


@dataclass(frozen=True, eq=False)
class Dense(Node):
    """``y[n] = sum_k weights[n, k] * x[k]`` of every pixel, exactly; weights int64 ``(N, K)``.

    With ``groups`` the channels of x are as many slices of K, and the neurons as many groups: neuron n reads the slice
    ``n // (N/groups)``. ``coding`` says how weights of a non-uniform quantizer are written; they are the same integers.
    """

    weights: np.ndarray
    groups: int = 1
    coding: Coding | None = None

    @property
    def weight_format(self):
        return format_for(self.weights)

    def out(self, x):
        positive, negative = np.maximum(self.weights, 0), np.minimum(self.weights, 0)
        x_lo, x_hi = (slices_of(bound, self) for bound in (x.lo, x.hi))
        lo = (positive * x_lo + negative * x_hi).sum(axis=1)
        hi = (positive * x_hi + negative * x_lo).sum(axis=1)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@dataclass(frozen=True, eq=False)
class FloatDense(Node):
    """``y = weights @ x + bias`` of every pixel in float32, ReLU behind it if ``relu``; groups as in `Dense`.

    A float sum depends on its order, so the order is part of the node: ``simd`` lanes a step and ``partials``
    interleaved partial sums, as `golden.numbers.float32.dot` defines them. Folding sets both.
    """

    weights: np.ndarray
    bias: np.ndarray
    relu: bool
    simd: int = 1
    partials: int = 1
    groups: int = 1

    weight_format = Float32()

    def folded(self, *, simd, partials):
        """The same layer with the order of its sums."""
        return replace(self, simd=simd, partials=partials)

    def out(self, x):
        bound = np.full(len(self.weights), np.inf)
        return Edge(Float32(), np.zeros_like(bound) if self.relu else -bound, bound, x.size)


@dataclass(frozen=True, eq=False)
class Threshold(Node):
    """``y[k] = codes[k, (thresholds[k] <= x[k]).sum()]``, values of ``format``.

    thresholds int64 ``(C, L)`` with rising rows, codes int64 ``(C, L+1)``; C is the edge's channels, or 1 for a row
    that all of them share. ``codes`` is ``None`` where it is simply ``format.values`` (``L = format.levels - 1``).
    """

    thresholds: np.ndarray
    codes: np.ndarray | None
    format: Format

    def table(self):
        """``codes``, also where it is implied."""
        values = self.format.values
        return np.broadcast_to(values, (len(self.thresholds), len(values))) if self.codes is None else self.codes

    def out(self, x):
        codes = self.table()
        first, last = _bounds_of(self.thresholds, x)
        reached = (np.arange(codes.shape[1]) >= first) & (np.arange(codes.shape[1]) <= last)
        wide = np.broadcast_to(codes, reached.shape)
        lo = np.where(reached, wide, np.iinfo(np.int64).max).min(axis=1)
        hi = np.where(reached, wide, np.iinfo(np.int64).min).max(axis=1)
        return Edge(self.format, lo, hi, x.size)


def _bounds_of(thresholds, x):
    first = (thresholds <= x.lo[:, None]).sum(axis=1, keepdims=True)
    last = (thresholds <= x.hi[:, None]).sum(axis=1, keepdims=True)
    return first, last


@dataclass(frozen=True, eq=False)
class Rescale(Node):
    """``y[k] = clip((x[k]*multiplier[k] + addend[k]) >> shift, format.lo, format.hi)``.

    Stands in for a `Threshold` of many levels where it gives the same code for every reachable x (that is proved, see
    `golden.rewrite.rescale`).
    """

    multiplier: np.ndarray
    addend: np.ndarray
    shift: int
    format: Format

    def out(self, x):
        ends = [np.clip((end * self.multiplier + self.addend) >> self.shift, self.format.lo, self.format.hi)
                for end in (x.lo, x.hi)]  # fmt: skip
        return Edge(self.format, np.minimum(*ends), np.maximum(*ends), x.size)


@dataclass(frozen=True, eq=False)
class Score(Node):
    """``y[k] = x[k]*multiplier[k] + addend[k]``: makes per-channel logits comparable, in the order of the model's own
    floats, for the ArgMax behind it."""

    multiplier: np.ndarray
    addend: np.ndarray

    def out(self, x):
        ends = [end * self.multiplier + self.addend for end in (x.lo, x.hi)]
        lo, hi = np.minimum(*ends), np.maximum(*ends)
        return Edge(accumulator_format(lo, hi), lo, hi, x.size)


@dataclass(frozen=True, eq=False)
class ArgMax(Node):
    """Index of the largest value of a pixel, the first of equals."""

    def out(self, x):
        top = np.array([x.channels - 1])
        return Edge(Unsigned(max(1, int(top[0]).bit_length())), 0 * top, top, x.size)


@dataclass(frozen=True, eq=False)
class Output:
    """One output of the model: an edge, the positions taken from it in the model's shape, and what the host computes.

    ``chain`` turns the integers into the model's floats (`golden.numbers.elementwise`); ``closing`` are the operations
    behind it that are not elementwise, as ``(name, function)`` pairs on a float32 array with a batch axis.
    """

    name: str
    edge: str
    index: np.ndarray
    chain: tuple = ()
    closing: tuple = ()


@dataclass
class Network:
    """A network over integer codes.

    Attributes
    ----------
    name : str
    input_format : Format
        Of edge ``"input"``, whose values are what the hardware takes.
    input_shape : tuple
        Shape of one sample as the model takes it.
    encode : callable
        Integer values ``(B, *input_shape)`` of the model's float inputs; raises ``ValueError`` for a float that no
        integer stands for.
    input_spec : str
        How raw integers become floats, for the manifest.
    input_size : tuple
        Height and width if the hardware takes an image, pixel by pixel with its channels innermost; else empty.
    input_order : int64 array or None
        Which value of a sample, row-major in ``input_shape``, comes first, second, … into the hardware; None for all in
        the order that they have.
    notes : list[str]
        What the import found that changes results; empty where golden is exactly the model.
    nodes : list[Node]
        In order of execution.
    outputs : list[Output]
    """

    name: str
    input_format: Format
    input_shape: tuple
    encode: object
    input_spec: str
    nodes: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    input_size: tuple = ()
    input_order: np.ndarray | None = None
    notes: list = field(default_factory=list)

    def input_edge(self):
        """The edge ``"input"``."""
        channels = math.prod(self.input_shape) // math.prod(self.input_size)
        lo, hi = (np.full(channels, end) for end in (self.input_format.lo, self.input_format.hi))
        return Edge(self.input_format, lo, hi, self.input_size)

    def edges(self):
        """Every edge by name, ranges propagated from the input."""
        edges = {"input": self.input_edge()}
        for node in self.nodes:
            edges[node.y] = node.out(*(edges[x] for x in node.inputs))
        return edges

    def arranged(self, values):
        """Samples ``(B, *input_shape)`` as ``(B, length)`` in the order in which the hardware takes them."""
        values = np.asarray(values).reshape(len(values), math.prod(self.input_shape))
        return values if self.input_order is None else values[:, self.input_order]

    def readers(self, edge):
        """The nodes and outputs that take ``edge``."""
        return [n for n in self.nodes if edge in n.inputs] + [o for o in self.outputs if o.edge == edge]

    def with_nodes(self, nodes):
        return replace(self, nodes=nodes)


def slices_of(values, node):
    """What each neuron of a `Dense` or `FloatDense` reads of ``values`` (one a channel), as ``(N, K)``."""
    neurons, taps = node.weights.shape
    return np.repeat(np.reshape(values, (node.groups, taps)), neurons // node.groups, axis=0)


def accumulator_format(lo, hi):
    """The smallest two's complement or unsigned format for the integers from ``min(lo)`` to ``max(hi)``."""
    lo, hi = int(np.min(lo)), int(np.max(hi))
    if lo >= 0:
        return Unsigned(max(1, hi.bit_length()))
    return Signed(max((-lo - 1).bit_length(), hi.bit_length()) + 1 if hi >= 0 else (-lo - 1).bit_length() + 1)
