"""A network as a folding sees it: its layers, and everything that stands beside them, derived once."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge, Network, Node
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.network.spatial import Largest, View, Windows
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.layer.product_forms import Summed, options_of
from fewbit.hw.stages.windows_plan import windows_of

from .layer import FoldableLayer

__all__ = ["FoldableLayer", "FoldableNetwork", "layers_of", "slowest"]

Found = TypeVar("Found")
_COUNTED = (Dense, FloatDense, Threshold, Rescale, Score, Windows, Largest, View)  # with layers and pools


class FoldableNetwork(Mapping[str, FoldableLayer]):
    """The `FoldableLayer` of every dense node of a network, by name, and what all foldings of it share.

    Whatever looks at many foldings of one network makes it once: edges and their ranges, and the options of layers,
    take seconds in a deep network.

    Parameters
    ----------
    network : golden.network.graph.Network
        It is not to change afterwards.

    Attributes
    ----------
    edges : dict of str to golden.network.graph.Edge
    pools : list of golden.network.spatial.Windows
        Windows in front of a max pool.
    others : list of golden nodes
        Nodes that are neither layers, nor activations, nor pools.
    """

    def __init__(self, network: Network):
        self.network = network
        self.edges: dict[str, Edge] = network.edges()
        self._windows = windows_of(network)
        self._readers: dict[str, list[Node]] = {}
        for node in network.nodes:
            for edge in set(node.inputs):
                self._readers.setdefault(edge, []).append(node)
        self._known: dict[tuple[Callable, str, LayerFolding], Any] = {}
        self._given = {output.edge for output in network.outputs}
        self._layers = {n.name: self._layer(n) for n in network.nodes if isinstance(n, Dense | FloatDense)}

    def __getitem__(self, name: str) -> FoldableLayer:
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def known(
        self, function: Callable[[FoldableLayer, LayerFolding], Found], name: str, folding: LayerFolding
    ) -> Found:
        """Return a function of a layer and its folding, worked out once: many foldings have most layers in common."""
        key = function, name, folding
        if key not in self._known:
            self._known[key] = function(self[name], folding)
        return self._known[key]

    @cached_property
    def pools(self) -> list[Windows]:
        nodes = (n for n in self.network.nodes if isinstance(n, Largest))
        return [self._windows[n.x] for n in nodes if n.x in self._windows]

    @cached_property
    def others(self) -> list[Node]:
        return [node for node in self.network.nodes if not isinstance(node, _COUNTED)]

    def _layer(self, node: Dense | FloatDense) -> FoldableLayer:
        edges, x, window = self.edges, self.edges[node.x], self._windows.get(node.x)
        inputs, fmt = node.weights.shape[1], node.weight_format
        readers = self._readers.get(node.y, [])
        after = [n for n in readers if n.x == node.y and isinstance(n, Threshold | Rescale)]
        alone = after and len(readers) + (node.y in self._given) == 1
        return FoldableLayer(
            name=node.name, pixels=x.pixels, groups=node.groups, neurons=len(node.weights) // node.groups,
            inputs=inputs, x_format=x.format, weight_format=fmt, weight_range=(node.weights.min(), node.weights.max()),
            accumulator_bits=edges[node.y].format.bits, levels=after[0].format.levels if after else 2,
            window=window, source=x if window is None else edges[window.x],
            channels=inputs if window is None else inputs // window.window.taps_count,
            ways=tuple(options_of(node, x.format)) if isinstance(node, Dense) else (),
            summed=Summed(node, x.format) if isinstance(node, Dense) and alone else None,
        )  # fmt: skip


def layers_of(network: Network | FoldableNetwork) -> FoldableNetwork:
    """Return a network as a folding sees it: the `FoldableLayer` of every dense node, by name.

    What is a `FoldableNetwork` already is given back.
    """
    return network if isinstance(network, FoldableNetwork) else FoldableNetwork(network)


def slowest(layers: Mapping[str, FoldableLayer], folding: Folding) -> int:
    """Return the cycles of a frame of the layer that takes the longest."""
    return max(layers[name].cycles(folded) for name, folded in folding.items())
