"""Where a network can be cut into several devices, and which cuts let the links carry least.

A cut is the name of a node whose result, and nothing else, crosses: what stands behind it depends on nothing in front
of it but that. So a link carries one stream, and a skip connection never crosses. The end of that result needs the end
of the frame, as well: a shell keeps the last beat of a result until the frame has come in whole, and where that never
has to wait, devices one behind the other are one pipeline, to the cycle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Network, Node
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import View, Windows
from fewbit.hw.cost import Cost
from fewbit.hw.folding import DeviceFolding, Folding, FoldingError
from fewbit.hw.targets.parts import Part

from .layers import FoldableNetwork
from .search import estimate

__all__ = ["BALANCE", "PossibleCut", "check_devices", "choose_cuts", "possible_cuts"]

BALANCE = 1.2
"""The most that the dearest device may cost, as a multiple of what it must cost at least, for links to carry less."""


@dataclass(frozen=True)
class PossibleCut:
    """A place where a network can be cut.

    Attributes
    ----------
    node : str
        The name of the node whose result crosses.
    edge : str
        The name of that edge.
    bits : int
        Bits of a frame that the link carries.
    layers : int
        Layers in front of it.
    """

    node: str
    edge: str
    bits: int
    layers: int


def possible_cuts(network: Network) -> list[PossibleCut]:
    """Return the places where a network can be cut, in order; layers stand on both sides of each."""
    edges, found, layers = network.edges(), [], 0
    last = {given.edge: -1 for given in network.inputs}  # the last node that reads an edge
    for k, node in enumerate(network.nodes):
        for edge in node.inputs:
            last[edge] = k
    for output in network.outputs:
        last[output.edge] = len(network.nodes)
    whole = sum(isinstance(node, Dense | FloatDense) for node in network.nodes)
    open_ = {given.edge for given in network.inputs}
    needed = {given.edge: {given.edge} for given in network.inputs}  # inputs whose end an edge's end needs
    for k, node in enumerate(network.nodes):
        layers += isinstance(node, Dense | FloatDense)
        needed[node.y] = set().union(*(needed[x] for x in node.inputs)) if _needs_the_end(node) else set()
        open_ = {edge for edge in {*open_, node.y} if last.get(edge, -1) > k}
        # Behind windows there is no stream, and an activation is a part of its layer.
        if (
            open_ != {node.y}
            or len(needed[node.y]) < len(network.inputs)
            or isinstance(node, Windows | View)
            or not 0 < layers < whole
        ):
            continue
        readers = network.readers(node.y)
        if isinstance(node, Dense | FloatDense) and len(readers) == 1:
            if isinstance(readers[0], Threshold | Rescale | Score):
                continue
        result = edges[node.y]
        found.append(PossibleCut(node.name, node.y, result.format.bits * result.length, layers))
    return found


def _needs_the_end(node: Node) -> bool:
    """Return whether the last pixel that a node gives needs the last one that it takes."""
    if isinstance(node, Reorder):
        return False  # it may; that is not looked at
    if not isinstance(node, Windows):
        return True
    w = node.window
    parts = zip(w.size, w.out_size, w.stride, w.kernel, w.dilation, w.pads[:2], strict=True)
    return all(
        size - 1 in range((out - 1) * stride - pad, (out - 1) * stride - pad + kernel * dilation, dilation)
        for size, out, stride, kernel, dilation, pad in parts
    )


def check_devices(network: Network, devices: Sequence[DeviceFolding], path: object) -> None:
    """Make sure that a network can be cut as a folding says; errors call its file ``path``.

    Raises
    ------
    FoldingError
        If there is no such cut, or cuts are not in order.
    """
    if not devices:
        return
    names, at = [cut.node for cut in possible_cuts(network)], -1
    for number, device in enumerate(devices[:-1]):
        if device.until not in names[at + 1 :]:
            known = ", ".join(names[at + 1 :]) or "nowhere"
            raise FoldingError(
                f"{path}: device {number}: the network cannot be cut behind {device.until!r}; it can behind {known}"
            )
        at = names.index(device.until)


def choose_cuts(
    layers: FoldableNetwork, folding: Folding, count: int, parts: Sequence[Part] = ()
) -> list[DeviceFolding]:
    """Return ``count`` devices, cut where the links together carry the fewest bits a frame under balanced cost.

    A device costs the LUTs of its layers, block RAMs and DSPs as many as devices have beside them; with ``parts``, one
    for each device, the largest share that it takes of any resource. Cuts are balanced where the dearest device costs
    at most `BALANCE` times what it must.

    Raises
    ------
    FoldingError
        If there are too few places to cut at, or not one part for each device.
    """
    if parts and len(parts) != count:
        raise FoldingError(f"give one --part for each device: {count} devices, {len(parts)} parts")
    cuts = possible_cuts(layers.network)
    if len(cuts) < count - 1:
        places = ", ".join(f"behind {cut.node}" for cut in cuts) or "nowhere"
        raise FoldingError(
            f"cannot be cut into {count} devices where one stream alone crosses: that is possible {places}; a skip "
            "connection or a second input goes around every other place"
        )
    costs = list(estimate(layers, folding).values())
    ends = [0, *(cut.layers for cut in cuts), len(costs)]
    bits = [0, *(cut.bits for cut in cuts), 0]
    names = [None, *(cut.node for cut in cuts), None]

    def cost(device: int, first: int, end: int) -> float:
        return _cost(costs[ends[first] : ends[end]], parts[device] if parts else None)

    def best(limit: float, weigh_bits: bool) -> tuple[float, float, tuple[int, ...]]:
        """Return the weight, the cost of the dearest and the ends of the devices, none of which costs more."""
        known: dict[int, tuple[float, float, tuple[int, ...]]] = {0: (0.0, 0.0, ())}
        for device in range(count):
            found: dict[int, tuple[float, float, tuple[int, ...]]] = {}
            reach = [len(ends) - 1] if device == count - 1 else range(1, len(ends) - 1)
            for first, (weight, most, chosen) in known.items():
                for end in reach:
                    if ends[end] <= ends[first]:
                        continue
                    own = cost(device, first, end)
                    if own > limit:
                        continue
                    dearest = max(most, own)
                    new = (weight + bits[end] if weigh_bits else dearest, dearest, (*chosen, end))
                    if end not in found or new < found[end]:
                        found[end] = new
            known = found
        return min(known.values(), default=(inf, inf, ()))

    least = best(inf, False)[1]
    chosen = best(max(least * BALANCE, least), True)[2]
    if not chosen:
        raise FoldingError(f"cannot be cut into {count} devices, each with a layer: it has {len(costs)} layers")
    named: list[str | None] = [part.name for part in parts] or [None] * count
    return [DeviceFolding(names[end], part) for end, part in zip(chosen, named, strict=True)]


def _cost(costs: Sequence[Cost], part: Part | None) -> float:
    """Return what layers cost: LUTs, or the largest share of a resource of a part."""
    whole = sum(costs, Cost())
    if part is None:
        return whole.lut + _LUTS["bram18"] * whole.bram18 + _LUTS["dsp"] * whole.dsp
    return max(whole.lut / part.lut, whole.bram18 / max(1, part.bram18), whole.dsp / max(1, part.dsp))


_LUTS: Mapping[str, int] = {"bram18": 200, "dsp": 300}
"""LUTs that devices have beside a block RAM and a DSP, about."""
