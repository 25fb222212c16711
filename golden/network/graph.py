"""The integer network: a graph of nodes over integer values, which golden executes and the hardware is made from.

An edge is an image of pixels with channels, channels innermost; a plain vector is one pixel. Its format says what its
codes mean, and every channel knows the exact range that it can reach. Ranges follow from the input format and the
weights; widths follow from ranges.

Nodes are a file a family: `dense`, `pointwise`, `argmax`, `draws`, `spatial` for what moves pixels, and `joins` for
what joins branches. Beside each stands its execution, registered by `golden.network.registry`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.declaration import join_inputs
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Format, Signed, Unsigned
from fewbit.golden.numbers.integer_formats import MOST_BITS

__all__ = ["Closing", "Edge", "Network", "NetworkInput", "Node", "NodeOrigin", "Output", "accumulator_format"]

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


@dataclass(frozen=True, eq=False)
class NetworkInput:
    """One input of a network: what the model takes, and which integers of it enter.

    Attributes
    ----------
    name : str
        The input's name in the model.
    shape : tuple of int
        Shape of one sample as the model takes it.
    format : Format
        Format of the edge, whose values are what the hardware takes.
    encode : callable
        Function from the model's floats ``(B, *shape)`` to values of ``format`` of the same shape; it raises
        `ValueError` for a float that no value stands for.
    text : str
        How raw integers become floats, as the input is declared; "codes" and "float32" where they do not.
    edge : str
        The edge that the nodes read.
    size : tuple of int
        Height and width if the hardware takes an image, pixel by pixel with its channels innermost; else empty.
    order : int64 array or None
        Which value of a sample, row-major in ``shape``, comes first, second, … into the hardware; None for all in the
        order that they have.
    """

    name: str
    shape: tuple[int, ...]
    format: Format
    encode: Callable[[np.ndarray], np.ndarray]
    text: str
    edge: str = "input"
    size: tuple[int, ...] = ()
    order: np.ndarray | None = None

    @property
    def length(self) -> int:
        """Values of one sample."""
        return math.prod(self.shape)

    def out(self) -> Edge:
        """Return the edge, each of whose channels reaches the whole range of the format."""
        lo, hi = (np.full(self.length // math.prod(self.size), end) for end in (self.format.lo, self.format.hi))
        return Edge(self.format, lo, hi, self.size)

    def arranged(self, values: ArrayLike) -> np.ndarray:
        """Return samples ``(B, *shape)`` as ``(B, length)`` in the order in which the hardware takes them."""
        values = np.asarray(values)
        values = values.reshape(len(values), self.length)
        return values if self.order is None else values[:, self.order]

    def checked(self, values: np.ndarray) -> np.ndarray:
        """Return samples as int64, or as they are where the format is one of floats.

        Raises
        ------
        ValueError
            If one is no integer, or is not a value of the format.
        """
        if not self.format.integral:
            return values
        if (values != np.rint(values)).any():
            raise ValueError("Input must be integers, as Network.encode gives them")
        values = values.astype(np.int64)
        self.format.encode(values)  # refuses what is out of range
        return values


@dataclass(frozen=True, kw_only=True)
class NodeOrigin:
    """The operator of a model that a node comes from.

    Attributes
    ----------
    name : str
        The operator's name in the model; where it has none, its kind and its number among those of its kind.
    operator : str
        Its kind, as ``Conv``.
    known_as : str
        The node's name by its kind and number, as ``dense0``, which folding files may use, too.
    """

    name: str
    operator: str
    known_as: str


@dataclass
class Network:
    """A network over integer codes.

    A batch of samples is one array: of the input's shape, ``(B, *shape)``, or with several inputs the values of all
    of them one behind the other, ``(B, length)``, each row-major.

    Attributes
    ----------
    name : str
    inputs : tuple of NetworkInput
        The inputs, in the model's order; their edges are ``"input"``, ``"input1"``, …
    nodes : list of Node
        All nodes, in order of execution.
    outputs : list of Output
    notes : list of str
        What the import does that changes results; empty where golden is exactly the model.
    rounds_levels : bool
        Whether levels of non-uniform quantizers are rounded, to a precision that is open.
    origins : dict of str to NodeOrigin
        Where nodes come from, by their names; empty for a network that is of no model.
    """

    name: str
    inputs: tuple[NetworkInput, ...]
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rounds_levels: bool = False
    origins: dict[str, NodeOrigin] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """The names of nodes by those that their kind and number give them, where that is another name."""
        names = {node.name for node in self.nodes}
        return {o.known_as: name for name, o in self.origins.items() if name in names and o.known_as not in names}

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample in a batch."""
        return self.inputs[0].shape if len(self.inputs) == 1 else (sum(given.length for given in self.inputs),)

    @property
    def input_spec(self) -> str:
        """The declaration of all inputs, as `golden.numbers.declaration.parse_inputs` takes it."""
        return join_inputs([(given.name, given.text) for given in self.inputs])

    @property
    def integral(self) -> bool:
        """Whether integers enter, not floats."""
        return all(given.format.integral for given in self.inputs)

    def apart(self, values: ArrayLike) -> list[np.ndarray]:
        """Return the samples of each input, ``(B, *shape)``, of a batch.

        Raises
        ------
        ValueError
            If the batch has not as many values a sample as the inputs take.
        """
        values, lengths = np.asarray(values), [given.length for given in self.inputs]
        if values.ndim < 1 or values.size != len(values) * sum(lengths):
            raise ValueError(f"Input must have the shape (batch, {sum(lengths)}), not {values.shape}")
        parts = np.split(values.reshape(len(values), sum(lengths)), np.cumsum(lengths)[:-1], axis=1)
        return [part.reshape(len(part), *given.shape) for given, part in zip(self.inputs, parts, strict=True)]

    def together(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the batch of samples whose inputs are ``parts``, each ``(B, *shape)``."""
        rows = [part.reshape(len(part), -1) for part in parts]
        whole = rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)
        return whole.reshape(len(whole), *self.input_shape)

    def encode(self, x: ArrayLike) -> np.ndarray:
        """Return the integers of a batch of the model's floats.

        Raises
        ------
        ValueError
            If no integer stands for one of the floats, or the batch is of another shape.
        """
        return self.together([given.encode(part) for given, part in zip(self.inputs, self.apart(x), strict=True)])

    def edges(self) -> dict[str, Edge]:
        """Return every edge by its name, with the ranges that follow from the inputs'."""
        edges = {given.edge: given.out() for given in self.inputs}
        for node in self.nodes:
            edges[node.y] = node.out(*(edges[x] for x in node.inputs))
        return edges

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
