"""A network that is made node by node, and what its maker asks of it meanwhile: the same for models of every world."""

import math
from dataclasses import replace
from typing import Any

from fewbit.golden.network.graph import Edge, Network, NetworkInput, Node

from .tensors import ON_HOST, Data

__all__ = ["NetworkBuilder"]


class NetworkBuilder:
    """The network that is made so far, with the ranges of its edges.

    Parameters
    ----------
    result : Network
        A network without nodes.

    Attributes
    ----------
    result : Network
        The same network, as far as it is made.
    """

    def __init__(self, result: Network):
        self.result = result
        self._edges: dict[str, Edge] = {}

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
        return node.y

    def new(self, kind: str) -> str:
        """Return a fresh name for a node, and for the edge that it makes."""
        count = sum(n.name.startswith(kind) for n in self.result.nodes)
        return f"{kind}{count}"

    def note(self, text: str) -> None:
        """Keep a sentence that the network's user must know."""
        if text not in self.result.notes:
            self.result.notes.append(text)
