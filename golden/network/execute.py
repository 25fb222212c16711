"""Execution of the integer network in NumPy: the reference that every other form must equal."""

import math
from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.elementwise import apply

from .execution import execution_of

__all__ = ["Result", "execute", "labels_of", "run"]

_BATCH = 256
_MOST_VALUES = 1 << 24  # of one edge at a time


@dataclass(frozen=True)
class Result:
    """What a network gives for a batch: ``edges``, integer values ``(B, length)`` by name, the ``outputs`` by name.

    ``scores`` are the names of outputs whose integers are scores, not indices of classes.
    """

    edges: dict
    outputs: dict
    scores: frozenset = frozenset()

    @property
    def labels(self):
        """The class of each sample, by the output that holds indices of classes if there is one, else by the first."""
        first = next(iter(self.outputs))
        indices = (name for name, y in self.outputs.items() if np.issubdtype(y.dtype, np.integer))
        name = next((name for name in indices if name not in self.scores), first)
        y = self.outputs[name]
        return labels_of(y.astype(np.float64) if name in self.scores else y)


def execute(node, *xs):
    """The node's values ``(B, pixels, channels)`` for such arrays of each of its inputs."""
    return execution_of.of(node)(node, *xs)


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
    scores = frozenset(output.name for output in network.outputs if output.scores)
    return Result(_joined([p.edges for p in parts]), _joined([p.outputs for p in parts]), scores)


def _joined(dicts):
    return {k: np.concatenate([d[k] for d in dicts]) for k in dicts[0]}


def _run(network, edges, x, first):
    found = {"input": x.reshape(len(x), edges["input"].pixels, edges["input"].channels)}
    for node in network.nodes:
        found[node.y] = execute(node.from_frame(first), *(found[name] for name in node.inputs))
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
