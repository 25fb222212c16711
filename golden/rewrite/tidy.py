"""Rewrites of a network that change no output: what the hardware then need not do."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge, Network, Node, Output
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Windows
from fewbit.golden.numbers.formats import format_for
from fewbit.golden.numbers.thresholds import MOST_LEVELS, steps_of

from .compose import compose_thresholds
from .rescale import as_rescale
from .sums import smaller_sums

__all__ = ["tidy"]


def tidy(network: Network) -> Network:
    """Return a network of the same outputs whose hardware is smaller.

    Nodes that nobody reads are dropped, padding is left to the windows behind it, falling thresholds are turned round,
    multipliers of sums are made small, thresholds that change nothing are dropped, two in a row become one, and many
    levels become a multiply and shift.
    """
    network = _turn_falling(_drop_unread(network))
    network = smaller_sums(network)
    network = _drop_unread(_merge_padding(_drop_identities(network)))
    network = compose_thresholds(network)
    edges = network.edges()
    nodes = [as_rescale(n, edges[n.x]) or n if isinstance(n, Threshold) else n for n in network.nodes]
    return network.with_nodes(nodes)


def _drop_unread(network: Network) -> Network:
    """Drop nodes that no output depends on."""
    needed, nodes = {output.edge for output in network.outputs}, []
    for node in reversed(network.nodes):
        if node.y in needed:
            needed.update(node.inputs)
            nodes.append(node)
    return network.with_nodes(nodes[::-1])


def _merge_padding(network: Network) -> Network:
    """Let windows pad for those in front of them that do nothing else: that have one pixel each."""
    nodes = list(network.nodes)
    for i, outer in enumerate(nodes):
        if not isinstance(outer, Windows):
            continue
        inner = next((n for n in nodes[:i] if n.y == outer.x), None)
        if not (isinstance(inner, Windows) and inner.window.kernel == inner.window.stride == (1, 1)):
            continue
        if inner.pad == outer.pad or not any(outer.window.pads):
            pads = tuple(a + b for a, b in zip(inner.window.pads, outer.window.pads, strict=True))
            window = replace(outer.window, size=inner.window.size, pads=pads)
            nodes[i] = replace(outer, x=inner.x, window=window, pad=inner.pad)
    return network.with_nodes(nodes)


def _turn_falling(network: Network) -> Network:
    """Negate the weights of channels whose codes fall with the accumulator (negative gamma), so that they rise."""
    nodes, edges = list(network.nodes), network.edges()
    for i, node in enumerate(nodes):
        if not isinstance(node, Threshold) or node.codes is None or len(node.thresholds) != edges[node.x].channels:
            continue
        found = next(((j, n) for j, n in enumerate(nodes) if n.y == node.x and isinstance(n, Dense)), None)
        if found is None or len(network.readers(node.x)) != 1:
            continue
        at, layer = found
        falling = (np.diff(node.codes, axis=1) <= 0).all(axis=1) & (node.codes[:, 0] > node.codes[:, -1])
        weights = np.where(falling[:, None], -layer.weights, layer.weights)
        if format_for(weights).bits > layer.weight_format.bits:
            continue
        turned = np.where(falling[:, None], 1 - node.thresholds[:, ::-1], node.thresholds)
        codes = np.where(falling[:, None], node.codes[:, ::-1], node.codes)
        coding = layer.coding and layer.coding.negated(falling)
        nodes[at] = replace(layer, weights=weights, coding=coding)
        edge = nodes[at].out(*(edges[x] for x in layer.inputs))
        nodes[i] = _regular(replace(node, thresholds=turned, codes=codes), edge)
    return network.with_nodes(nodes)


def _regular(node: Threshold, edge: Edge) -> Threshold:
    """Return the threshold with the codes of its format if every channel rises, else as it is."""
    steps = steps_of(node.thresholds, node.table(), edge.lo, edge.hi, node.format)
    return node if steps is None else replace(node, thresholds=steps, codes=None)


def _drop_identities(network: Network) -> Network:
    """Drop thresholds, and lines, that give every value of their format itself."""
    nodes, outputs, edges = list(network.nodes), list(network.outputs), network.edges()
    for original in network.nodes:
        node = next(n for n in nodes if n.y == original.y)
        if isinstance(node, Rescale) and node.is_identity(edges[node.x]):
            nodes, outputs = _without(node, nodes, outputs)
        if not isinstance(node, Threshold) or node.format != edges[node.x].format:
            continue
        if node.format.levels > MOST_LEVELS:
            continue
        x = node.format.values
        values = np.array([t[np.searchsorted(row, x, side="right")] for t, row in
                           zip(node.table(), node.thresholds, strict=True)])  # fmt: skip
        if (values == x).all():
            nodes, outputs = _without(node, nodes, outputs)
    return replace(network, nodes=nodes, outputs=outputs)


def _without(node: Node, nodes: list[Node], outputs: list[Output]) -> tuple[list[Node], list[Output]]:
    """Return nodes and outputs that read what a node reads in place of what it makes, without it."""
    left = [n.reading(node.y, node.x) for n in nodes if n is not node]
    return left, [replace(o, edge=node.x) if o.edge == node.y else o for o in outputs]
