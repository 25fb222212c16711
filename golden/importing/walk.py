"""What a walk over a model file knows of every tensor of it, by the model's own names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.network.execute import output_of, run
from fewbit.golden.network.graph import Network, Output
from fewbit.golden.registry import ByClass

from .model_names import with_model_names
from .tensors import ON_HOST, Closed, Constant, Data, Tensor

__all__ = ["TracedTensor", "Walk", "traced", "walk_of"]

walk_of = ByClass("walk")
"""Functions ``(source, input_spec)`` that return the `Walk` over a file of a class of
`golden.model_file.source.SourceFile`; arguments and errors are those of `golden.importing.importer.import_model`."""


@dataclass(frozen=True)
class Walk:
    """What a walk over a model has made.

    Attributes
    ----------
    network : Network
        As the walk makes it: with an edge for every quantizer of the model, which `golden.rewrite.tidy` may change.
    tensors : dict of Tensor
        What every tensor of the model is, by its name.
    """

    network: Network
    tensors: Mapping[str, Tensor]

    def by_model_names(self) -> "Walk":
        """Return the same walk whose nodes and edges are called after the model's operators."""
        network = with_model_names(self.network)
        edges = {old.y: new.y for old, new in zip(self.network.nodes, network.nodes, strict=True)}
        return Walk(network, {name: _moved(tensor, edges) for name, tensor in self.tensors.items()})


@dataclass(frozen=True, eq=False)
class TracedTensor:
    """A tensor of a model for a batch of B samples.

    Attributes
    ----------
    values : array (B, ...)
        What the model has there, in the model's own type.
    integers : int64 array of the same shape, or None
        The integers of the edge that these are a function of, position by position: the codes of a quantizer, the
        accumulators of a layer. None where there are none: in front of an input's first quantizer, and behind what only
        the host computes.
    edge : str or None
        Name of that edge.
    """

    values: np.ndarray
    integers: np.ndarray | None = None
    edge: str | None = None


def _moved(tensor: Tensor, edges: Mapping[str, str]) -> Tensor:
    """Return a tensor on an edge of another name."""
    if isinstance(tensor, Constant):
        return tensor
    data = tensor.data if isinstance(tensor, Closed) else tensor
    data = replace(data, edge=edges.get(data.edge, data.edge))
    return replace(tensor, data=data) if isinstance(tensor, Closed) else data


def traced(walk: Walk, values: np.ndarray, floats: np.ndarray | None) -> dict[str, TracedTensor]:
    """Return every tensor that depends on the input, in the model's order, for a batch of samples.

    Parameters
    ----------
    walk : Walk
        Of a model of integers.
    values : integer array (B, *input_shape)
        What its network takes.
    floats : float32 array of the same shape, or None
        What the model takes. Without them, tensors in front of the first quantizer of an input that is not declared are
        left out.
    """
    edges, network = walk.network.edges(), walk.network
    found = {name: y.reshape(len(y), edges[name].pixels, edges[name].channels)
             for name, y in run(network, values).edges.items()}  # fmt: skip
    if floats is not None:
        for given, part in zip(network.inputs, network.apart(floats), strict=True):
            edge = edges[given.edge]
            found[ON_HOST + given.edge] = given.arranged(part).reshape(len(part), edge.pixels, edge.channels)
    tensors = {}
    for name, tensor in walk.tensors.items():
        data = tensor.data if isinstance(tensor, Closed) else tensor
        if not isinstance(data, Constant) and data.edge in found:
            tensors[name] = _traced(name, tensor, data, found[data.edge])
    return tensors


def _traced(name: str, tensor: Tensor, data: Data, values: np.ndarray) -> TracedTensor:
    index = data.index if data.index.ndim and data.index.shape[0] == 1 else data.index[None]
    closing = tensor.closing if isinstance(tensor, Closed) else ()
    y = output_of(Output(name, data.edge, index, data.chain, closing), values)
    if not closing and y.dtype != data.dtype and (data.is_whole or data.chain):
        y = y.astype(data.dtype)
    if closing or data.edge.startswith(ON_HOST):
        return TracedTensor(y)
    picked = values.reshape(len(values), math.prod(values.shape[1:]))[:, index.reshape(-1)]
    return TracedTensor(y, picked.reshape(len(y), *index.shape[1:]), data.edge)
