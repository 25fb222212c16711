"""Two functions of one integer, one behind the other, as one: a Clip or Relu of codes, two scales in a row."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.graph import Edge, Network
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.thresholds import steps_of

from .rescale import as_rescale

__all__ = ["compose_thresholds"]


def compose_thresholds(network: Network) -> Network:
    """Return the network with each `Threshold` that only another one reads made part of that, where it gets no larger.

    Those that draw, and those that know of a multiplier that rounds twice, stay as they are.
    """
    for original in network.nodes:
        second = next((n for n in network.nodes if n.y == original.y), None)
        first = second and next((n for n in network.nodes if n.y == second.inputs[0]), None)
        if not (isinstance(second, Threshold) and isinstance(first, Threshold)) or len(network.readers(first.y)) != 1:
            continue
        if any(output.edge == first.y for output in network.outputs):
            continue
        if any(node.second is not None or node.format.is_chance for node in (first, second)):
            continue
        edge = network.edges()[first.x]
        both = _composed(first, second, edge)
        if _is_smaller(both, first, second, edge):
            nodes = [both if node is second else node for node in network.nodes if node is not first]
            network = network.with_nodes(nodes)
    return network


def _composed(first: Threshold, second: Threshold, edge: Edge) -> Threshold:
    """Return the function of both on the edge in front of the first."""
    rows = max(len(first.thresholds), len(second.thresholds))
    lo, hi = (edge.lo, edge.hi) if rows > 1 else (edge.lo.min(keepdims=True), edge.hi.max(keepdims=True))
    tables = first.thresholds, first.table(), second.thresholds, second.table()
    thresholds, inner, steps, outer = (np.broadcast_to(table, (rows, table.shape[1])) for table in tables)
    codes = np.stack([o[np.searchsorted(s, i, side="right")] for o, s, i in zip(outer, steps, inner, strict=True)])
    regular = steps_of(thresholds, codes, lo, hi, second.format)
    if regular is not None:
        return replace(second, x=first.x, thresholds=regular, codes=None)
    return replace(second, x=first.x, thresholds=thresholds, codes=codes)


def _is_smaller(both: Threshold, first: Threshold, second: Threshold, edge: Edge) -> bool:
    """Say whether one function has no more thresholds than the two, of which a multiply and shift counts as none."""
    if as_rescale(both, edge) is not None:
        return True
    sizes = [0 if as_rescale(node, x) is not None else node.thresholds.size
             for node, x in ((first, edge), (second, first.out(edge)))]  # fmt: skip
    return both.thresholds.size <= sum(sizes)
