"""Execution of the integer network in NumPy: the reference that every other form must equal."""

import math
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from fewbit.golden.numbers import float32
from fewbit.golden.numbers.elementwise import apply

from .draws import Draw
from .graph import ArgMax, Dense, FloatDense, Rescale, Score, Threshold
from .joins import Add, Concat, FloatAdd
from .spatial import Largest, Upsample, View, Windows

__all__ = ["Result", "execute", "labels_of", "run"]

_BATCH = 256
_MOST_VALUES = 1 << 24  # of one edge at a time


@dataclass(frozen=True)
class Result:
    """What a network gives for a batch: ``edges``, integer values ``(B, length)`` by name, the ``outputs`` by name."""

    edges: dict
    outputs: dict

    @property
    def labels(self):
        """The class of each sample, by the output that holds indices of classes if there is one, else by the first."""
        outputs = list(self.outputs.values())
        return labels_of(next((y for y in outputs if np.issubdtype(y.dtype, np.integer)), outputs[0]))


@singledispatch
def execute(node, *xs):
    """The node's values ``(B, pixels, channels)`` for such arrays of each of its inputs."""
    raise TypeError(f"No golden execution for node {node!r}")


def _product(x, w):
    """``x @ w.T`` of integers."""
    # Products of float64 are exact below 2**53, and BLAS is fast there; a dot product of ours never comes near.
    largest = np.abs(w).sum(axis=1).max() * max(1, int(np.abs(x).max(initial=0)))
    if largest < 2**53:
        return np.rint(x.astype(np.float64) @ w.T.astype(np.float64)).astype(np.int64)
    return x @ w.T


def _by_group(node, x, product):
    """``product(slice of x, rows of weights)`` of every group, side by side."""
    patches = x.reshape(-1, node.groups, node.weights.shape[1])
    rows = np.split(np.arange(len(node.weights)), node.groups)
    parts = [product(patches[:, g], rows[g]) for g in range(node.groups)]
    return np.concatenate(parts, axis=1).reshape(*x.shape[:-1], len(node.weights))


@execute.register
def _(node: Dense, x):
    return _by_group(node, x, lambda part, rows: _product(part, node.weights[rows]))


@execute.register
def _(node: FloatDense, x):
    def product(part, rows):
        part = part.astype(np.float32)
        return float32.dot(part, node.weights[rows], node.bias[rows], simd=node.simd, partials=node.partials)

    y = _by_group(node, x, product)
    return float32.relu(y) if node.relu else y


@execute.register
def _(node: Threshold, x):
    table = node.table()
    if len(table) == 1:
        return table[0][np.searchsorted(node.thresholds[0], x, side="right")]
    y = np.empty_like(x)
    for c, (row, codes) in enumerate(zip(node.thresholds, table, strict=True)):
        y[..., c] = codes[np.searchsorted(row, x[..., c], side="right")]
    return y


@execute.register
def _(node: Rescale, x):
    return np.clip((x * node.multiplier + node.addend) >> node.shift, node.format.lo, node.format.hi)


@execute.register
def _(node: Score, x):
    return x * node.multiplier + node.addend


@execute.register
def _(node: ArgMax, x):
    return x.argmax(axis=-1)[..., None]


@execute.register
def _(node: Draw, x):
    return node.chosen(x)


@execute.register
def _(node: Windows, x):
    patches = node.window.gather(x, node.pad)  # (B, out pixels, taps, C)
    patches = patches.reshape(*patches.shape[:3], node.groups, patches.shape[3] // node.groups)
    count, pixels, taps, groups, channels = patches.shape
    return patches.swapaxes(2, 3).reshape(count, pixels, groups * taps * channels)


@execute.register
def _(node: Largest, x):
    return x.reshape(*x.shape[:-1], x.shape[-1] // node.taps, node.taps).max(axis=-1)


@execute.register
def _(node: Upsample, x):
    image = x.reshape(len(x), *node.size, x.shape[2])
    image = image.repeat(node.factors[0], axis=1).repeat(node.factors[1], axis=2)
    return image.reshape(len(x), image.shape[1] * image.shape[2], x.shape[2])


@execute.register
def _(node: View, x):
    pixels = math.prod(node.size)
    return x.reshape(len(x), pixels, x.shape[1] * x.shape[2] // pixels)


@execute.register
def _(node: Add, *xs):
    return sum(x * m for x, m in zip(xs, node.multipliers, strict=True))


@execute.register
def _(node: FloatAdd, a, b):
    y = float32.add(a, b)
    return float32.relu(y) if node.relu else y


@execute.register
def _(node: Concat, *xs):
    return np.concatenate(xs, axis=2)


def run(network, values, *, first=0):
    """Execute ``network`` on integer input values ``(B, *input_shape)`` (float32 for a float network).

    They are frames number ``first``, ``first + 1``, ... since reset, which is what stochastic quantizers draw for.
    ``ValueError`` if they do not have that shape, or one is not a value of the input format.
    """
    values, size = np.asarray(values), int(np.prod(network.input_shape))
    if values.ndim < 1 or values.size != len(values) * size:
        raise ValueError(f"Input must have the shape (batch, {size}), not {values.shape}")
    if network.input_format.integral:
        if (values != np.rint(values)).any():
            raise ValueError("Input must be integers, as Network.encode gives them")
        values = values.astype(np.int64)
        network.input_format.encode(values)  # refuses what is out of range
    values = network.arranged(values)
    edges = network.edges()
    batch = max(1, min(_BATCH, _MOST_VALUES // max(e.length for e in edges.values())))
    parts = [_run(network, edges, values[i : i + batch], first + i) for i in range(0, max(1, len(values)), batch)]
    return Result(_joined([p.edges for p in parts]), _joined([p.outputs for p in parts]))


def _joined(dicts):
    return {k: np.concatenate([d[k] for d in dicts]) for k in dicts[0]}


def _run(network, edges, x, first):
    found = {"input": x.reshape(len(x), edges["input"].pixels, edges["input"].channels)}
    for node in network.nodes:
        node = replace(node, frame=first) if isinstance(node, Draw) else node
        found[node.y] = execute(node, *(found[name] for name in node.inputs))
    outputs = {o.name: output_of(o, found[o.edge]) for o in network.outputs}
    return Result({name: values.reshape(len(x), edges[name].length) for name, values in found.items()}, outputs)


def output_of(output, values):
    """The model's output for integer values ``(B, pixels, channels)`` of the output's edge."""
    y = apply(output.chain, values) if output.chain else values
    y = y.reshape(len(y), math.prod(y.shape[1:]))[:, output.index.reshape(-1)].reshape(len(y), *output.index.shape[1:])
    for _, function in output.closing:
        y = function(y)
    return y


def labels_of(y):
    """The class of each sample: the index of the largest output, the index that the model itself gives, or, of a single
    float output, its sign (1 where positive)."""
    y = np.asarray(y).reshape(len(y), -1)
    if np.issubdtype(y.dtype, np.integer):
        return y[:, 0].astype(np.int64)
    return (y[:, 0] > 0).astype(np.int64) if y.shape[1] == 1 else y.argmax(axis=1)
