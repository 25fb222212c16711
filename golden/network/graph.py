"""The integer network: a graph of nodes over integer values, which golden executes and the hardware is made from.

An edge is an image of pixels with channels, channels innermost; a plain vector is one pixel. Its format says what its
codes mean, and every channel knows the exact range that it can reach. Ranges follow from the input format and the
weights; widths follow from ranges.

Nodes are a file a family: `dense`, `pointwise`, `argmax`, `draws`, `spatial` for what moves pixels, and `joins` for
what joins branches. Beside each stands its execution, registered by `golden.network.execution`.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fewbit.golden.numbers.formats import Format, Signed, Unsigned

__all__ = ["Edge", "Network", "Node", "Output", "accumulator_format"]


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
    """One operation: edge ``x`` in, edge ``y`` out.

    ``node.out(*edges)`` is the edge that it makes of its inputs' edges, ranges included.
    """

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

    def from_frame(self, number: int) -> "Node":
        """The same node where the first frame that it sees is not 0 but ``number`` since reset."""
        return self


@dataclass(frozen=True, eq=False)
class Output:
    """One output of the model: an edge, the positions taken from it in the model's shape, and what the host computes.

    ``chain`` turns the integers into the model's floats (`golden.numbers.elementwise`); ``closing`` are the operations
    behind it that are not elementwise, as ``(name, function)`` pairs on a float32 array with a batch axis. Integers
    that a model gives are the index of a class, unless ``scores`` says that they are a score for each.
    """

    name: str
    edge: str
    index: np.ndarray
    chain: tuple = ()
    closing: tuple = ()
    scores: bool = False


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


def accumulator_format(lo, hi):
    """The smallest two's complement or unsigned format for the integers from ``min(lo)`` to ``max(hi)``."""
    lo, hi = int(np.min(lo)), int(np.max(hi))
    if lo >= 0:
        return Unsigned(max(1, hi.bit_length()))
    return Signed(max((-lo - 1).bit_length(), hi.bit_length()) + 1 if hi >= 0 else (-lo - 1).bit_length() + 1)
