"""Networks of the same shape as another one, with other trained numbers, as training again would give them."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import execute
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.rewrite.loadable import is_trained

__all__ = ["retrained"]


def retrained(network, samples, seed):
    """Return a network of the same shape with other weights, thresholds, multipliers and addends.

    Thresholds are where the accumulators of ``samples`` are then; codes of some channels fall that rose, and rise that
    fell.
    """
    rng, values, nodes = np.random.default_rng(seed), {}, []
    for given, part in zip(network.inputs, network.apart(samples), strict=True):
        edge = given.out()
        values[given.edge] = given.arranged(part).reshape(len(part), edge.pixels, edge.channels)
    for node in network.nodes:
        xs = [values[x] for x in node.inputs]
        new = _new(node, xs[0], rng)
        values[node.y] = execute(new, *xs)
        nodes.append(new)
    return network.with_nodes(nodes)


def _new(node, x, rng):
    if isinstance(node, Dense) and is_trained(node):
        return replace(node, weights=rng.permutation(node.weights.reshape(-1)).reshape(node.weights.shape))
    if isinstance(node, Add):
        return replace(node, multipliers=np.maximum(1, node.multipliers + rng.integers(-1, 2, node.multipliers.shape)))
    if isinstance(node, Threshold):
        return _thresholds(node, x, rng)
    if isinstance(node, Rescale):
        factor = rng.uniform(0.5, 1.9, node.multiplier.shape)
        return replace(node, multiplier=np.rint(node.multiplier * factor).astype(np.int64),
                       addend=node.addend + rng.integers(-50, 50, node.addend.shape))  # fmt: skip
    if isinstance(node, Score):
        return replace(node, multiplier=rng.permutation(node.multiplier), addend=rng.permutation(node.addend))
    return node


def _thresholds(node, x, rng):
    rows, columns = node.thresholds.shape
    flat = x.reshape(-1, x.shape[-1])
    mean, spread = flat.mean(axis=0), flat.std(axis=0) + 0.5
    if rows == 1:
        mean, spread = mean[:1], spread[:1]
    cuts = np.linspace(-1.2, 1.2, columns + 2)[1:-1] + rng.normal(scale=0.1, size=(rows, columns))
    cuts = np.sort(np.rint(mean[:, None] + spread[:, None] * cuts).astype(np.int64), axis=1)
    cuts = cuts.clip(int(flat.min()), int(flat.max()) + 1)
    codes = node.table().copy()
    falls = rng.random(len(codes)) < 0.4
    codes[falls] = codes[falls, ::-1]
    return replace(node, thresholds=cuts, codes=codes)
