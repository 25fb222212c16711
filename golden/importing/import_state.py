"""What an import knows while it walks a model file of any world: the network as far as it is made, and its tensors."""

import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fewbit.golden.network.graph import Edge, Network, NetworkInput, Node, NodeOrigin
from fewbit.golden.rewrite.pairs import BranchSum

from .builder import Builder
from .code_quantizer import HostQuantizer
from .model_names import OperatorNames
from .tensors import ON_HOST, Data, Tensor

__all__ = ["ImportState", "Layout"]


@dataclass(frozen=True, eq=False)
class Layout:
    """In which order an input's values enter: which value of a sample comes first, second, …, and the image's size.

    The order is None for the one that the values have, the size empty for a vector.
    """

    order: np.ndarray | None
    size: tuple[int, ...]


class ImportState(ABC):
    """The state of an import: the network that is made so far, with the ranges of its edges, and what is known of it.

    Parameters
    ----------
    result : Network
        A network without nodes.

    Attributes
    ----------
    result : Network
        The same network, as far as it is made.
    builder : Builder
        What makes nodes of numbers of the network's kind: exact integers, or float32. The subclass chooses it.
    tensors : dict of Tensor
        The tensors by their names, where a model's tensors have names of their own.
    laid_out : collection of str
        The edges of the inputs whose order of values has been chosen.
    sums : dict of BranchSum
        What is known of the join, `Add` or `Multiply`, that makes an edge, by the edge's name.
    host_quantizers : dict of HostQuantizer
        The first quantizers of inputs that are not declared, by the inputs' edges.
    """

    builder: Builder

    def __init__(self, result: Network):
        self.result = result
        self.tensors: dict[str, Tensor] = {}
        self.laid_out: Collection[str] = ()
        self.sums: dict[str, BranchSum] = {}
        self.host_quantizers: dict[str, HostQuantizer] = {}
        self._operators = OperatorNames()
        self._visited: tuple[str, str] | None = None
        self._edges: dict[str, Edge] = {}

    @abstractmethod
    def known(self, data: Data) -> None:
        """Check that it is known which integers the data is made of.

        Raises
        ------
        ModelError
            If the data stands behind an input of which that is not known.
        """

    def declared(self, data: Data) -> bool:
        """Say whether it is known which integers enter where data stands: the input is declared, or has a quantizer."""
        given = self.input_on(data.edge)
        return given is None or given.format is not None

    def edge(self, name: str) -> Edge:
        """Return the edge with its range; edges are kept as the network grows."""
        if name not in self._edges:
            for given in self.result.inputs:
                if given.format is not None and given.edge not in self._edges:  # one that is yet unknown has no range
                    self._edges[given.edge] = given.out()
            for node in self.result.nodes:
                if node.y not in self._edges:
                    self._edges[node.y] = node.out(*(self._edges[x] for x in node.inputs))
        return self._edges[name]

    def input_on(self, edge: str) -> NetworkInput | None:
        """Return the input whose edge, or whose floats on the host, have that name; None for other edges."""
        return next((i for i in self.result.inputs if i.edge == edge.removeprefix(ON_HOST)), None)

    def set_input(self, given: NetworkInput, **known: Any) -> None:
        """Let what is now known of an input take the place of what it was."""
        made = replace(given, **known)
        self.result.inputs = tuple(made if i is given else i for i in self.result.inputs)

    def length(self, data: Data) -> int:
        """Return the length of the data's edge, also of an input that has no format yet."""
        given = self.input_on(data.edge)
        return self.edge(data.edge).length if given is None else given.length

    def size(self, data: Data) -> tuple[int, ...]:
        """Return height and width of the data's edge; empty for a vector."""
        given = self.input_on(data.edge)
        return self.edge(data.edge).size if given is None else given.size

    def channels(self, data: Data) -> int:
        """Return the channels of the data's edge."""
        return self.length(data) // math.prod(self.size(data))

    def add(self, node: Node) -> str:
        """Append a node and return its edge's name."""
        self.result.nodes.append(node)
        if self._visited is not None:
            name, operator = self._visited
            self.result.origins[node.name] = NodeOrigin(name=name, operator=operator, known_as=node.name)
        return node.y

    def visiting(self, operator: str, name: str = "") -> None:
        """Say which operator of the model comes next, and its name there: nodes that are added come from it."""
        self._visited = self._operators.next(operator, name)

    def new(self, kind: str) -> str:
        """Return a fresh name for a node, and for the edge that it makes."""
        count = sum(n.name.startswith(kind) for n in self.result.nodes)
        return f"{kind}{count}"

    def note(self, text: str) -> None:
        """Keep a sentence that the network's user must know."""
        if text not in self.result.notes:
            self.result.notes.append(text)
