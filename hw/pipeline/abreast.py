"""Several pixels at a time: a layer's neurons as many times over as pixels, each for one of those beside each other."""

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge, Network, Node
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import View
from fewbit.golden.network.window import Window
from fewbit.hw.folding import Folding
from fewbit.hw.layer.shape import LayerShape
from fewbit.hw.stages.window_plan import abreast_of
from fewbit.hw.stages.windows_plan import windows_of

__all__ = ["legal_abreast", "set_abreast"]


def legal_abreast(window: Window | None, size: tuple[int, ...]) -> list[int]:
    """Return how many pixels a layer of one group can compute at once, rising from 1.

    Parameters
    ----------
    window : golden.network.window.Window or None
        The window in front of the layer, if there is one.
    size : tuple of int
        Height and width of the image that it reads without one; empty for a vector.
    """
    if window is not None:
        return abreast_of(window)
    return [n for n in range(1, size[1] + 1) if size[1] % n == 0] if size else [1]


def set_abreast(network: Network, folding: Folding, edges: Mapping[str, Edge]) -> Network:
    """Return the same network, with layers whose PE is a multiple M of their neurons made M pixels at a time.

    Such a layer reads M pixels as one (a `View`), has a group for each, all with the same weights, and gives M pixels
    as one, which another `View` takes apart. What the network computes stays as it is. Where there is no such layer, it
    is the network that was given.

    Parameters
    ----------
    network : golden.network.graph.Network
    folding : hw.folding.Folding
    edges : dict of str to golden.network.graph.Edge
        All edges of the network.

    Raises
    ------
    ValueError
        If PE or SIMD of a layer is not one that it can have.
    """
    nodes: list[Node] = []
    renamed: dict[str, tuple[tuple[int, ...], int]] = {}  # size of the image and pixels at a time, by edge
    windows = {edge: node.window for edge, node in windows_of(network).items()}
    for node in network.nodes:
        if node.x in renamed:  # the activation of a layer with several pixels at a time
            size, count = renamed[node.x]
            nodes += _apart(_repeated(node, count), size)
            continue
        count = _count(node, folding, windows, edges)
        if count == 1:
            nodes.append(node)
            continue
        height, width = edges[node.x].size
        together = f"{node.x}_{node.name}"
        nodes.append(View(f"view_{together}", node.x, together, (height, width // count)))
        layer = replace(_repeated(node, count), x=together, groups=count)
        readers = network.readers(node.y)
        if len(readers) == 1 and isinstance(readers[0], Threshold | Rescale):
            nodes.append(layer)
            renamed[node.y] = (height, width), count
        else:
            nodes += _apart(layer, (height, width))
    return network if len(nodes) == len(network.nodes) else network.with_nodes(nodes)


def _count(node, folding, windows, edges):
    """Return how many pixels a node is to compute at a time."""
    if not isinstance(node, Dense | FloatDense) or node.groups > 1 or node.name not in folding:
        return 1
    x = edges[node.x]
    return LayerShape.of(node, x, folding[node.name], legal_abreast(windows.get(node.x), x.size)).abreast


def _repeated(node, count):
    """Return the node with every number that it has by channel of y ``count`` times over."""
    channels = next(len(v) for v in (getattr(node, f.name) for f in fields(node)) if isinstance(v, np.ndarray))
    if channels == 1 and isinstance(node, Threshold):
        return node
    parts = {f.name: getattr(node, f.name) for f in fields(node)}
    arrays = {name: np.concatenate([v] * count) for name, v in parts.items() if isinstance(v, np.ndarray)}
    if parts.get("coding") is not None:
        arrays["coding"] = parts["coding"].repeated(count)
    return replace(node, **arrays)


def _apart(node, size):
    """Return the node, and a `View` that gives its pixels one by one under the name that they had."""
    return [replace(node, y=f"{node.y}_abreast"), View(f"view_{node.y}", f"{node.y}_abreast", node.y, size)]
