"""Import of matrix products of the float32 baseline: affine operations fold into the weights, a ReLU into the layer."""

from dataclasses import replace

import numpy as np

from . import elementwise as ew
from .network import FloatDense
from .onnxfile import ModelError

__all__ = ["float_dense", "float_layer_end"]


def float_dense(importer, data, b, alpha):
    """Append the product; what is affine in front of it folds into its weights. Returns the edge and its chain."""
    weights = b.array.astype(np.float64).T * alpha
    edge, chain = float_layer_end(importer, data)
    coefficients = ew.affine(chain)
    if coefficients is None:
        raise ModelError("between two products of a float model only affine operations and one Relu are supported")
    scale, shift = (np.broadcast_to(c, importer.length(data)) for c in coefficients)
    matrix = np.zeros((len(weights), importer.length(data)))
    matrix[:, data.index.reshape(-1)] = weights
    name = importer.new("dense")
    importer.add(FloatDense(name, edge, name, _finite(matrix * scale), _finite(matrix @ shift), relu=False))
    return name, ()


def float_layer_end(importer, data, *, last=False):
    """Give the layer that made ``data`` what is affine and the ReLU behind it; returns the edge and what is left.

    Affine operations without a ReLU are left to the next layer, unless this is the ``last`` one.
    """
    if data.edge == "input":
        return data.edge, data.chain
    chain, left = importer.folded.get(data.edge, (data.chain, None))
    if chain != data.chain:
        raise ModelError("in a float model only one operation may read a layer's output")
    if left is None:
        left = _fold(importer, data, last)
        importer.folded[data.edge] = chain, left
    return data.edge, left


def _fold(importer, data, last):
    relu = next((i for i, op in enumerate(data.chain) if getattr(op, "name", "") == "Relu"), None)
    end = relu if relu is not None else len(data.chain) if last else 0
    coefficients = ew.affine(data.chain[:end])
    if coefficients is None or (end == 0 and relu is None):
        return data.chain
    nodes = importer.result.nodes
    at = next(i for i, node in enumerate(nodes) if node.y == data.edge)
    scale, shift = (np.broadcast_to(c, len(nodes[at].weights)) for c in coefficients)
    nodes[at] = replace(
        nodes[at],
        weights=_finite(nodes[at].weights * scale[:, None]),
        bias=_finite(nodes[at].bias * scale + shift),
        relu=relu is not None,
    )
    return data.chain[end + (relu is not None) :]


def _finite(values):
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelError("its weights or biases are not finite in float32")
    return values
