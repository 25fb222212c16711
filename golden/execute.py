"""Execution of the integer network in NumPy: the reference that every other form must equal."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from . import float32
from .elementwise import apply
from .formats import Float32
from .network import ArgMax, Dense, FloatDense, Rescale, Score, Threshold

__all__ = ["Result", "execute", "labels_of", "run"]

_BATCH = 256


@dataclass(frozen=True)
class Result:
    """What a network gives for a batch: ``edges`` (integer values by edge name), the model's ``outputs`` by name."""

    edges: dict
    outputs: dict

    @property
    def labels(self):
        """The class of each sample, by the output that holds indices of classes if there is one, else by the first."""
        outputs = list(self.outputs.values())
        return labels_of(next((y for y in outputs if np.issubdtype(y.dtype, np.integer)), outputs[0]))


@singledispatch
def execute(node, x):
    """The node's integer values ``(B, length)`` for input values ``(B, length)``."""
    raise TypeError(f"No golden execution for node {node!r}")


@execute.register
def _(node: Dense, x):
    # Products of float64 are exact below 2**53, and BLAS is fast there; a dot product of ours never comes near.
    largest = np.abs(node.weights).sum(axis=1).max() * max(1, int(np.abs(x).max(initial=0)))
    if largest < 2**53:
        return np.rint(x.astype(np.float64) @ node.weights.T.astype(np.float64)).astype(np.int64)
    return x @ node.weights.T


@execute.register
def _(node: FloatDense, x):
    y = float32.dot(x.astype(np.float32), node.weights, node.bias, simd=node.simd, partials=node.partials)
    return float32.relu(y) if node.relu else y


@execute.register
def _(node: Threshold, x):
    table = node.table()
    if len(table) == 1:
        return table[0][np.searchsorted(node.thresholds[0], x, side="right")]
    y = np.empty_like(x)
    for c, (row, codes) in enumerate(zip(node.thresholds, table, strict=True)):
        y[:, c] = codes[np.searchsorted(row, x[:, c], side="right")]
    return y


@execute.register
def _(node: Rescale, x):
    return np.clip((x * node.multiplier + node.addend) >> node.shift, node.format.lo, node.format.hi)


@execute.register
def _(node: Score, x):
    return x * node.multiplier + node.addend


@execute.register
def _(node: ArgMax, x):
    return x.argmax(axis=1)[:, None]


def run(network, values):
    """Execute ``network`` on integer input values ``(B, *input_shape)`` (float32 for a float network).

    ``ValueError`` if they do not have that shape, or one is not a value of the input format.
    """
    values, size = np.asarray(values), int(np.prod(network.input_shape))
    if values.ndim < 1 or values.size != len(values) * size:
        raise ValueError(f"Input must have the shape (batch, {size}), not {values.shape}")
    if not isinstance(network.input_format, Float32):
        if (values != np.rint(values)).any():
            raise ValueError("Input must be integers, as Network.encode gives them")
        values = values.astype(np.int64)
        network.input_format.encode(values)  # refuses what is out of range
    values = values.reshape(len(values), size)
    parts = [_run(network, values[i : i + _BATCH]) for i in range(0, max(1, len(values)), _BATCH)]
    return Result(_joined([p.edges for p in parts]), _joined([p.outputs for p in parts]))


def _joined(dicts):
    return {k: np.concatenate([d[k] for d in dicts]) for k in dicts[0]}


def _run(network, x):
    edges = {"input": x}
    for node in network.nodes:
        edges[node.y] = execute(node, edges[node.x])
    return Result(edges, {o.name: output_of(o, edges[o.edge]) for o in network.outputs})


def output_of(output, values):
    """The model's output for integer values ``(B, length)`` of the output's edge."""
    y = apply(output.chain, values) if output.chain else values
    y = y[:, output.index.reshape(-1)].reshape(len(y), *output.index.shape[1:])
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
