"""Sparse tensors of a model become dense ones: nothing else reads them."""

import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from fewbit.golden.limits.limit import IMPORT_BYTES, LimitError, ModelError, in_bytes, one_line

__all__ = ["make_dense"]


def make_dense(graph: onnx.GraphProto, path: Path) -> None:
    """Put a dense tensor in the place of every sparse initializer of a graph, and of every sparse value of a Constant.

    Raises
    ------
    ModelError
        If the indices of one are damaged. It is a `LimitError` where the dense tensor takes too much memory.
    """
    for sparse in graph.sparse_initializer:
        graph.initializer.append(_dense(sparse, path))
    del graph.sparse_initializer[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
                dense = _dense(attribute.sparse_tensor, path)
                attribute.Clear()
                attribute.name, attribute.type = "value", onnx.AttributeProto.TENSOR
                attribute.t.CopyFrom(dense)


def _dense(sparse: onnx.SparseTensorProto, path: Path) -> onnx.TensorProto:
    """Return the dense tensor: zeros, and the values at their places."""
    name, shape = sparse.values.name, tuple(sparse.dims)
    where = f"{path}: sparse tensor {name!r}"
    try:
        values = numpy_helper.to_array(sparse.values).reshape(-1)
        places = numpy_helper.to_array(sparse.indices)
    except Exception as error:  # onnx raises many kinds for a damaged tensor
        raise ModelError(f"{where} cannot be read: {one_line(error)}") from None
    size = math.prod(shape)
    if min(shape, default=1) < 0 or size * values.itemsize > IMPORT_BYTES.value:
        raise LimitError(f"{where} takes {in_bytes(size * values.itemsize)} when dense; {IMPORT_BYTES.advice}")
    if places.ndim == 2 and places.shape == (values.size, len(shape)):
        inside = ((places >= 0) & (places < shape)).all()
        places = np.ravel_multi_index(tuple(places.T), shape) if inside else np.full(values.size, -1)
    if places.shape != values.shape or ((places < 0) | (places >= size)).any():
        raise ModelError(f"{where} has indices that do not fit its {values.size} values and its shape {shape}")
    dense = np.zeros(size, dtype=values.dtype)
    dense[places] = values
    return numpy_helper.from_array(dense.reshape(shape), name)
