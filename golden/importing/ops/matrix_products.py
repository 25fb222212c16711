"""Import of matrix products: rows of data, and weights."""

import math

import numpy as np

from fewbit.golden.importing.layout import by_channel, flat, ordered, rows
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of, shape_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

__all__ = ["product_of_rows"]

_MOST_UNREAD = 4  # values of an edge for each that a product reads


@handles("MatMul", role=Role.PRODUCT)
def matmul(importer, node, inputs, attributes):
    """Import ONNX ``MatMul`` of data and constant weights."""
    return [_product(importer, *inputs)]


@handles("Gemm", role=Role.PRODUCT)
def gemm(importer, node, inputs, attributes):
    """Import ONNX ``Gemm`` of data and constant weights, and its bias."""
    a, b = (t.reshaped(np.transpose) if attributes.get(flag, 0) else t
            for t, flag in zip(inputs, ("transA", "transB"), strict=False))  # fmt: skip
    if any(len(shape_of(t)) != 2 for t in (a, b)):
        raise ModelError("its operands must be matrices")
    alpha, beta = (float(attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if not np.isfinite([alpha, beta]).all() or alpha == 0:
        raise ModelError(f"alpha and beta must be finite, and alpha not zero; not {alpha} and {beta}")
    y = _product(importer, a, b, alpha=alpha)
    if len(inputs) > 2 and inputs[2] is not None:
        with np.errstate(over="ignore"):
            bias = constant(inputs[2], "bias").astype(np.float32) * np.float32(beta)
        if np.broadcast_shapes(bias.shape, y.shape) != y.shape or not np.isfinite(bias).all():
            raise ModelError(f"a bias of shape {bias.shape} does not fit an output of shape {y.shape}")
        y, bias = by_channel(importer, y, bias)
        y = y.then(ew.WithConstant("add", bias))
    return [y]


def _product(importer: OnnxImportState, a: Tensor, b: Tensor, alpha: float = 1.0) -> Data:
    """Return ``a @ b`` where one is data, the rows (or columns) of its last axes, and the other a constant matrix."""
    if isinstance(a, Constant) and not isinstance(b, Constant):  # weights @ column is (row @ weights.T).T
        column = data_of(b)
        if len(column.shape) < 2:
            column = column.reshaped(lambda x: x.reshape(-1, 1))
        turned = _product(importer, _swapped(column), a.reshaped(np.transpose), alpha)
        return turned.reshaped(lambda x: x.reshape(-1)) if len(b.shape) < 2 else _swapped(turned)
    if isinstance(a, Constant) or not isinstance(b, Constant):
        raise ModelError(
            "one operand must be a constant, the weights, and the other depend on the input: products of two tensors "
            "of data, as attention has them, are built value by value only (Mul); keep them on the host"
        )
    return product_of_rows(importer, data_of(a), b, alpha)


def product_of_rows(importer: OnnxImportState, data: Data, b: Constant, alpha: float = 1.0) -> Data:
    """Return the product of data, the rows of its last axis, and weights (K, N), times ``alpha``.

    Raises
    ------
    ModelError
        If they do not fit, or the data or the weights are not quantized.
    """
    constant(b, "weights")
    if b.array.ndim != 2 or data.shape[-1] != b.array.shape[0]:
        raise ModelError(f"data of shape {data.shape} and weights of shape {b.array.shape} do not fit")
    if 0 in b.array.shape:
        raise ModelError(f"weights of shape {b.array.shape} are empty")
    shape = data.shape[:-1] + b.array.shape[1:]
    data = _one_row(importer, data) if math.prod(data.shape[:-1]) == 1 else rows(importer, data)
    edge, chain = importer.builder.product(data, b, alpha)
    return Data(edge, np.arange(math.prod(shape)).reshape(shape), chain)


def _one_row(importer: OnnxImportState, data: Data) -> Data:
    """Return data of one row on a flat edge, each of whose values it has at most once.

    Values that it does not have take weights of zero; where these would be most of the weights, they are left out.
    """
    few = data.index.size * _MOST_UNREAD < importer.length(data)
    repeated = len(np.unique(data.index)) < data.index.size
    return ordered(importer, data) if few or repeated else flat(importer, data)


def _swapped(data: Data) -> Data:
    return data.reshaped(lambda x: np.swapaxes(x, -1, -2))
