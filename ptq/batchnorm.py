"""Batch norm folding: what is affine behind a product becomes part of its weights and bias (Jacob and others 2018).

    y = gamma*(W x + b - mean)/sqrt(var + eps) + beta  =  (a W) x + (a*(b - mean) + beta),   a = gamma/sqrt(var + eps)

Additions, differences, products and quotients with one constant for each channel go the same way. All is computed in
float64, and rounded once to float32.
"""

import numpy as np

from fewbit.golden.model_file.file import attributes_of

from .graph import FloatLayer, FloatModel

__all__ = ["fold_affine"]

_SCALING = {"Mul": np.multiply, "Div": np.divide}


def fold_affine(model: FloatModel) -> None:
    """Fold all that is affine behind the layers of a `ptq.graph.FloatModel`, in place.

    The layers change, and the nodes go. What has other readers in between stays as it is.
    """
    for layer in model.layers:
        weights, bias = layer.weights.astype(np.float64), np.zeros(layer.neurons)
        if layer.bias is not None:
            bias = bias + layer.bias
        folded = False
        while (found := _next(model, layer)) is not None:
            node, (a, b) = found
            weights, bias = weights * layer.spread(a), a * bias + b
            layer.y, folded = node.output[0], True
            model.steps.remove(node)
        if folded:
            layer.weights = weights.astype(np.float32)
            layer.bias = bias.astype(np.float32)


def _next(model, layer):
    """Return the one reader of a layer, and ``(a, b)``, float64 ``(N,)``, if it makes ``a*y + b`` of the outputs.

    None stands for a reader that is not affine by channel, and for several readers.
    """
    readers = model.readers(layer.y)
    if len(readers) != 1 or isinstance(readers[0], FloatLayer) or layer.y in model.outputs:
        return None
    node = readers[0]
    axis = 1 if layer.channels_first else len(model.shapes[layer.y]) - 1
    if node.op_type == "BatchNormalization":
        found = _batch_norm(model, node) if axis == 1 else None
    else:
        found = _operation(model, node, layer, axis)
    if found is None or not np.isfinite(found).all():
        return None
    return node, [np.broadcast_to(v, layer.neurons) for v in found]


def _batch_norm(model, node):
    """Return ``(a, b)`` of a BatchNormalization of constants, else None."""
    if any(name not in model.constants for name in node.input[1:]):
        return None
    gamma, beta, mean, variance = (model.constants[name].astype(np.float64) for name in node.input[1:])
    a = gamma / np.sqrt(variance + attributes_of(node).get("epsilon", 1e-5))
    return a, beta - mean * a


def _operation(model, node, layer, axis):
    """Return ``(a, b)`` of an elementwise operation with a constant, else None."""
    if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
        return None
    first = node.input[0] == layer.y
    c = _by_channel(model.constants.get(node.input[first]), layer, axis, model.shapes[layer.y])
    if c is None:
        return None
    if node.op_type in _SCALING:
        if node.op_type == "Div" and not first:
            return None
        return _SCALING[node.op_type](1.0, c), np.zeros_like(c)
    if node.op_type == "Add":
        return np.ones_like(c), c
    return (np.ones_like(c), -c) if first else (-np.ones_like(c), c)


def _by_channel(c, layer, axis, shape):
    """Return a constant as one number, or one an output, of float64; None if it has another shape."""
    if c is None or c.ndim > len(shape):
        return None
    c = c.astype(np.float64).reshape((1,) * (len(shape) - c.ndim) + c.shape)
    if c.size != 1 and (c.size != layer.neurons or c.shape[axis] != layer.neurons):
        return None
    return c.reshape(-1)
