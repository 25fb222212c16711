"""The integer network: a graph of nodes over integer values, which golden executes and the hardware is made from.

An edge is an image of pixels with channels, channels innermost; a plain vector is one pixel. Its format says what its
codes mean, and every channel knows the exact range that it can reach. Ranges follow from the input format and the
weights; widths follow from ranges.

Nodes are a file a family: `dense`, `pointwise`, `argmax`, `draws`, `spatial` for what moves pixels, and `joins` for
what joins branches. Beside each stands its execution, registered by `golden.network.execution`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Format, Signed, Unsigned
from fewbit.golden.numbers.integer_formats import MOST_BITS

__all__ = ["Closing", "Edge", "Network", "Node", "Output", "accumulator_format"]

Closing = tuple[str, Callable[[np.ndarray], np.ndarray]]  # an operation's name, and what it makes of (B, ...)


@dataclass(frozen=True, eq=False)
class Edge:
    """What flows between two nodes: pixels of ``len(lo)`` channels. A value's position is ``pixel*channels + c``.

    Attributes
    ----------
    format : Format
    lo, hi : int64 arrays (float64 in a float network), (channels,)
        The smallest and the largest value that every channel can reach.
    size : tuple of int
        Height and width of an image; empty for a vector.
    """

    format: Format
    lo: np.ndarray
    hi: np.ndarray
    size: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        """Channels of one pixel."""
        return len(self.lo)

    @property
    def pixels(self) -> int:
        """Pixels of one frame; 1 of a vector."""
        return math.prod(self.size)

    @property
    def length(self) -> int:
        """Values of one frame."""
        return self.pixels * self.channels


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the network, which takes the edge ``x`` and makes the edge ``y``; both are names.

    Every kind of node has a method ``out(*edges)``, which returns the edge that it makes of its inputs' edges, with its
    exact ranges; it raises `ValueError` where they do not fit the node.
    """

    name: str
    x: str
    y: str

    if TYPE_CHECKING:
        out: ClassVar[Callable[..., Edge]]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all edges that the node takes; joins have several."""
        return (self.x,)

    def reading(self, old: str, new: str) -> "Node":
        """Return the same node, which takes the edge ``new`` where this one takes ``old``."""
        return replace(self, x=new) if self.x == old else self

    def from_frame(self, number: int) -> "Node":
        """Return the same node where the first frame that it sees is not 0 but ``number`` since reset."""
        return self


@dataclass(frozen=True, eq=False)
class Output:
    """One output of the model.

    Attributes
    ----------
    name : str
        The output's name in the model.
    edge : str
        The edge that the hardware gives.
    index : int64 array of the output's shape, with a batch of 1
        The positions of the edge that stand there.
    chain : Chain
        The operations that turn the edge's integers into the model's floats.
    closing : tuple of (str, callable)
        The operations behind the chain that are not elementwise and that the host computes: their names, and functions
        from arrays with a batch axis to such arrays.
    scores : bool
        Whether integers that the model gives are scores; else they are the index of a class.
    """

    name: str
    edge: str
    index: np.ndarray
    chain: Chain = ()
    closing: tuple[Closing, ...] = ()
    scores: bool = False


@dataclass
class Network:
    """A network over integer codes.

    Attributes
    ----------
    name : str
    input_format : Format
        Format of the edge ``"input"``, whose values are what the hardware takes.
    input_shape : tuple of int
        Shape of one sample as the model takes it.
    encode : callable
        Function from the model's float inputs ``(B, *input_shape)`` to values of ``input_format`` of the same shape; it
        raises `ValueError` for a float that no value stands for.
    input_spec : str
        How raw integers become floats, for the manifest.
    nodes : list of Node
        All nodes, in order of execution.
    outputs : list of Output
    input_size : tuple of int
        Height and width if the hardware takes an image, pixel by pixel with its channels innermost; else empty.
    input_order : int64 array or None
        Which value of a sample, row-major in ``input_shape``, comes first, second, … into the hardware; None for all in
        the order that they have.
    notes : list of str
        What the import does that changes results; empty where golden is exactly the model.
    rounds_levels : bool
        Whether levels of non-uniform quantizers are rounded, to a precision that is open.
    """

    name: str
    input_format: Format
    input_shape: tuple[int, ...]
    encode: Callable[[np.ndarray], np.ndarray]
    input_spec: str
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    input_size: tuple[int, ...] = ()
    input_order: np.ndarray | None = None
    notes: list[str] = field(default_factory=list)
    rounds_levels: bool = False

    def input_edge(self) -> Edge:
        """Return the edge ``"input"``, each of whose channels reaches the whole range of its format."""
        channels = math.prod(self.input_shape) // math.prod(self.input_size)
        lo, hi = (np.full(channels, end) for end in (self.input_format.lo, self.input_format.hi))
        return Edge(self.input_format, lo, hi, self.input_size)

    def edges(self) -> dict[str, Edge]:
        """Return every edge by its name, with the ranges that follow from the input's."""
        edges = {"input": self.input_edge()}
        for node in self.nodes:
            edges[node.y] = node.out(*(edges[x] for x in node.inputs))
        return edges

    def arranged(self, values: ArrayLike) -> np.ndarray:
        """Return samples ``(B, *input_shape)`` as ``(B, length)`` in the order in which the hardware takes them."""
        values = np.asarray(values)
        values = values.reshape(len(values), math.prod(self.input_shape))
        return values if self.input_order is None else values[:, self.input_order]

    def readers(self, edge: str) -> list[Node | Output]:
        """Return the nodes and then the outputs that take ``edge``."""
        return [*(n for n in self.nodes if edge in n.inputs), *(o for o in self.outputs if o.edge == edge)]

    def with_nodes(self, nodes: list[Node]) -> "Network":
        """Return the network with other nodes."""
        return replace(self, nodes=nodes)


def accumulator_format(lo: ArrayLike, hi: ArrayLike) -> Unsigned | Signed:
    """Return the smallest format for the integers from ``min(lo)`` to ``max(hi)``: unsigned if none is negative.

    Raises
    ------
    ValueError
        If that takes more than 53 bits.
    """
    lo, hi = int(np.min(lo)), int(np.max(hi))
    signed = lo < 0
    bits = max(1, max(-lo - 1 if signed else 0, max(hi, 0)).bit_length() + signed)
    if bits > MOST_BITS:
        raise ValueError(f"a sum of {bits} bits is longer than the {MOST_BITS} bits that are supported")
    return Signed(bits) if signed else Unsigned(bits)
