"""Execution of the integer network in NumPy: the reference that every other form must equal."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.elementwise import apply

from .graph import Edge, Network, Node, Output
from .registry import execution_of

__all__ = ["Result", "execute", "labels_of", "output_of", "run"]

_BATCH = 256
_MOST_VALUES = 1 << 23  # of all edges that are held at the same time


@dataclass(frozen=True)
class Result:
    """What a network gives for a batch of B samples.

    Attributes
    ----------
    edges : dict of arrays
        The values ``(B, length)`` of every edge that was kept, by its name: int64, or float32 in a float network.
    outputs : dict of arrays
        The model's outputs by their names, each in the model's shape with B as its first axis.
    scores : frozenset of str
        The names of outputs whose integers are scores, not indices of classes.
    """

    edges: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    scores: frozenset[str] = frozenset()

    @property
    def labels(self) -> np.ndarray:
        """The class of each sample, int64 (B,).

        It is taken from the output that holds indices of classes if there is one, else from the first.
        """
        first = next(iter(self.outputs))
        indices = (name for name, y in self.outputs.items() if np.issubdtype(y.dtype, np.integer))
        name = next((name for name in indices if name not in self.scores), first)
        y = self.outputs[name]
        return labels_of(y.astype(np.float64) if name in self.scores else y)


def execute(node: Node, *xs: np.ndarray) -> np.ndarray:
    """Return the node's values ``(B, pixels, channels)`` for such arrays of each of its inputs."""
    return execution_of.of(node)(node, *xs)


def run(network: Network, values: ArrayLike, *, first: int = 0, keep: Collection[str] | None = None) -> Result:
    """Execute ``network`` on a batch, a few samples at a time.

    Parameters
    ----------
    network : Network
    values : array ``(B, *input_shape)``
        A batch of values of the inputs' formats: integers, or float32 for a float network.
    first : int
        Number of the first frame since reset, which is what stochastic quantizers draw for.
    keep : collection of str or None
        Names of the edges whose values the result has. The values of any other edge are dropped as soon as nobody reads
        them any more, so memory does not grow with the samples. None keeps all edges, for small networks.

    Raises
    ------
    ValueError
        If ``values`` do not have that shape, or one is not a value of the input format.
    """
    parts = zip(network.inputs, network.apart(values), strict=True)
    given = {one.edge: one.arranged(one.checked(part)) for one, part in parts}
    count = len(next(iter(given.values())))
    edges = network.edges()
    kept = set(edges) if keep is None else set(keep)
    done = _done_with(network, kept)
    batch = max(1, min(_BATCH, _MOST_VALUES // _most_held(network, edges, done)))
    results = [
        _run(network, edges, {name: x[i : i + batch] for name, x in given.items()}, first + i, kept, done)
        for i in range(0, max(1, count), batch)
    ]
    scores = frozenset(output.name for output in network.outputs if output.scores)
    return Result(_joined([r.edges for r in results]), _joined([r.outputs for r in results]), scores)


def _joined(dicts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of the same name one behind the other."""
    return {k: np.concatenate([d[k] for d in dicts]) for k in dicts[0]}


def _done_with(network: Network, kept: Collection[str]) -> list[list[str]]:
    """Return, for each node, the edges that nobody needs once it is executed."""
    needed = {*kept, *(output.edge for output in network.outputs)}
    found: list[list[str]] = []
    for node in reversed(network.nodes):
        found.append([name for name in dict.fromkeys((*node.inputs, node.y)) if name not in needed])
        needed.update(found[-1])
    return found[::-1]


def _most_held(network: Network, edges: Mapping[str, Edge], done: list[list[str]]) -> int:
    """Return the most values of one sample that are held at the same time."""
    held = most = sum(edges[given.edge].length for given in network.inputs)
    for node, dropped in zip(network.nodes, done, strict=True):
        held += edges[node.y].length
        most = max(most, held)
        held -= sum(edges[name].length for name in dropped)
    return most


def _run(
    network: Network, edges: Mapping[str, Edge], given: Mapping[str, np.ndarray], first: int,
    kept: Collection[str], done: list[list[str]],
) -> Result:  # fmt: skip
    found = {name: x.reshape(len(x), edges[name].pixels, edges[name].channels) for name, x in given.items()}
    for node, dropped in zip(network.nodes, done, strict=True):
        found[node.y] = execute(node.from_frame(first), *(found[name] for name in node.inputs))
        for name in dropped:
            del found[name]
    outputs = {o.name: output_of(o, found[o.edge]) for o in network.outputs}
    held = {name: x.reshape(len(x), edges[name].length) for name, x in found.items() if name in kept}
    return Result(held, outputs)


def output_of(output: Output, values: np.ndarray) -> np.ndarray:
    """Return the model's output for values ``(B, pixels, channels)`` of the output's edge."""
    y = apply(output.chain, values) if output.chain else values
    y = y.reshape(len(y), math.prod(y.shape[1:]))[:, output.index.reshape(-1)].reshape(len(y), *output.index.shape[1:])
    for _, function in output.closing:
        y = function(y)
    return y


def labels_of(y: ArrayLike) -> np.ndarray:
    """Return the class of each sample, int64 (B,), for an output ``(B, ...)`` of the model.

    It is the index that the model itself gives where the output holds integers, else the index of the largest float;
    of a single float it is the sign, 1 where it is positive and 0 elsewhere.
    """
    y = np.asarray(y)
    y = y.reshape(len(y), -1)
    if np.issubdtype(y.dtype, np.integer):
        return y[:, 0].astype(np.int64)
    return (y[:, 0] > 0).astype(np.int64) if y.shape[1] == 1 else y.argmax(axis=1)
