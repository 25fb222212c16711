"""Import of what only stands at the end of a model: Softmax, LogSoftmax, ArgMax, TopK. The host computes them."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Closed, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.closings import AlongAxis

from .ranking import in_order, reaches_a_layer

_EXACT = ("int8", "uint8", "int16", "uint16")  # codes that may be scores: as floats they have the same order
_KEEP = ("Softmax", "LogSoftmax", "Reshape")  # what an ArgMax or TopK may follow


@handles("Softmax", "LogSoftmax", role=Role.PROBABILITIES)
def softmax(importer, node, inputs, attributes):
    """Import ONNX ``Softmax`` and ``LogSoftmax``, which the host computes."""
    data = data_of(inputs[0])
    axis = _class_axis(data.shape, attributes.get("axis", -1 if importer.file.opset >= 13 else 1))
    log = node.op_type == "LogSoftmax"

    def function(y, axis):
        shifted = y - y.max(axis=axis, keepdims=True)
        exp = np.exp(shifted)
        total = exp.sum(axis=axis, keepdims=True)
        return (shifted - np.log(total) if log else exp / total).astype(np.float32)

    return [Closed(data, ((node.op_type, AlongAxis(function, axis)),), data.shape)]


@handles("ArgMax", "ArgMin", role=Role.LABEL)
def arg_max(importer, node, inputs, attributes):
    """Import ONNX ``ArgMax`` and ``ArgMin`` over the classes, of every pixel where the data is an image."""
    scores = inputs[0]
    if isinstance(scores, Data) and scores.dtype in _EXACT:
        scores = replace(scores, dtype=FLOAT32)
    data, closing, shape = _scores(scores)
    axis = _class_axis(shape, attributes.get("axis", 0))
    keep = bool(attributes.get("keepdims", 1))
    if attributes.get("select_last_index", 0):
        raise ModelError("select_last_index is not supported; the first of equals wins")

    def index(y, axis):
        return (y.argmax if node.op_type == "ArgMax" else y.argmin)(axis=axis, keepdims=keep)

    shape = shape[:axis] + (1,) * keep + shape[axis + 1 :]
    return [Closed(data, (*closing, (node.op_type, AlongAxis(index, axis))), shape, is_label=True)]


@handles("TopK", role=Role.LABEL)
def top_k(importer, node, inputs, attributes):
    """Import ONNX ``TopK`` over the classes, and of values that a layer reads."""
    data, closing, shape = _scores(inputs[0])
    axis = _class_axis(shape, attributes.get("axis", -1))
    k = constant(inputs[1], "k").reshape(-1) if len(inputs) > 1 else [attributes["k"]]
    k = int(k[0])
    if not 1 <= k <= shape[axis]:
        raise ModelError(f"k must be 1 to {shape[axis]}, the number of classes, not {k}")
    sign = -1 if attributes.get("largest", 1) else 1
    inner = None
    if isinstance(inputs[0], Data) and reaches_a_layer(importer, node.output[0]):
        turned = data.reshaped(lambda i: np.moveaxis(i, axis, -1))
        inner = in_order(importer, turned, k, falling=sign < 0).reshaped(lambda i: np.moveaxis(i, -1, axis))
    shape = shape[:axis] + (k,) + shape[axis + 1 :]

    def indices(y, axis):
        return np.take(np.argsort(sign * y, axis=axis, kind="stable"), range(k), axis=axis)

    def values(y, axis):
        return np.take_along_axis(y, indices(y, axis), axis=axis)

    name = "ArgMax" if k == 1 and sign < 0 else "TopK" if sign < 0 else "BottomK"
    found = Closed(data, (*closing, ("TopK" if sign < 0 else "BottomK", AlongAxis(values, axis))), shape)
    return [
        found if inner is None else inner,
        Closed(data, (*closing, (name, AlongAxis(indices, axis))), shape, is_label=True),
    ]


def _scores(tensor):
    """Return (data, closing, shape) of the tensor whose largest entry is looked for."""
    if isinstance(tensor, Closed) and all(name in _KEEP for name, _ in tensor.closing):
        return tensor.data, tensor.closing, tensor.shape
    data = data_of(tensor)
    return data, (), data.shape


def _class_axis(shape, axis):
    """Return the axis, which is any but that of the samples, as a positive number."""
    if not -len(shape) <= axis < len(shape):
        raise ModelError(f"axis {axis} does not exist in data of shape {shape}")
    axis %= len(shape)
    if axis == 0:
        raise ModelError(f"its axis must be one that holds classes, not that of the samples, of data of shape {shape}")
    return axis
