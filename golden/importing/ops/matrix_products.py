"""Import of matrix products: integer weights, one scale a row, and the zero points taken out of the sum."""

import math

import numpy as np

from fewbit.golden.importing.float_layers import float_dense
from fewbit.golden.importing.folded_weights import on_a_grid
from fewbit.golden.importing.functions import integers
from fewbit.golden.importing.growing import GrowingNetwork
from fewbit.golden.importing.layout import by_channel, flat, ordered, rows
from fewbit.golden.importing.one_scale import of_one_scale
from fewbit.golden.importing.operands import constant, data_of, shape_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.elementwise import Chain

__all__ = ["coding_of", "integer_weights", "weighted"]

_MOST_UNREAD = 4  # values of an edge for each that a product reads
_MOST_ZERO = 1 << 24  # a zero point beyond it swallows the codes in float32


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


def _product(importer: GrowingNetwork, a: Tensor, b: Tensor, alpha: float = 1.0) -> Data:
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


def product_of_rows(importer: GrowingNetwork, data: Data, b: Constant, alpha: float = 1.0) -> Data:
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
    edge, chain = dense(importer, data, b, alpha)
    return Data(edge, np.arange(math.prod(shape)).reshape(shape), chain)


def _one_row(importer: GrowingNetwork, data: Data) -> Data:
    """Return data of one row on a flat edge, each of whose values it has at most once.

    Values that it does not have take weights of zero; where these would be most of the weights, they are left out.
    """
    few = data.index.size * _MOST_UNREAD < importer.length(data)
    repeated = len(np.unique(data.index)) < data.index.size
    return ordered(importer, data) if few or repeated else flat(importer, data)


def _swapped(data: Data) -> Data:
    return data.reshaped(lambda x: np.swapaxes(x, -1, -2))


def dense(importer: GrowingNetwork, data: Data, b: Constant, alpha: float) -> tuple[str, Chain]:
    """Append the product of each pixel and the weights (K, N), times ``alpha``; return the edge and its chain.

    In a float model they are floats.
    """
    if importer.is_float:
        return float_dense(importer, data, b, alpha)
    weights, scale = integer_weights(b, axis=1)
    edge, x_scale, x_zero = integers(importer, data)
    index = data.index.reshape(-1, len(weights))[0]
    # Weights by channel of the edge; a channel that is not read is zero.
    matrix, total = (np.zeros((weights.shape[1], importer.edge(edge).channels)) for _ in range(2))
    matrix[:, index], total[:, index] = weights.T, scale.T * alpha
    coding = coding_of(b, transposed=True)
    if coding is not None:  # the columns of a channel that is not read have no code
        places = np.argsort(index)
        coding = coding.taking(places) if len(np.unique(index)) == matrix.shape[1] else None
    return weighted(importer, edge, matrix, total, x_scale, x_zero, read=index, coding=coding)


def weighted(
    importer: GrowingNetwork,
    edge: str,
    matrix: np.ndarray,
    scale: np.ndarray,
    x_scale: np.ndarray,
    x_zero: np.ndarray,
    *,
    groups: int = 1,
    read: np.ndarray | slice = slice(None),
    coding: Coding | None = None,
) -> tuple[str, Chain]:
    """Append a `Dense` of integer weights, and return its edge and the chain behind it.

    Parameters
    ----------
    importer : GrowingNetwork
    edge : str
        The edge that the layer reads.
    matrix, scale : arrays (N, K)
        The integers, and what one of each is worth.
    x_scale, x_zero : float64 arrays, one number a channel of the edge
        The edge's floats are ``x_scale * (integer - x_zero)``.
    groups : int
        Groups of the layer.
    read : int array or slice
        The columns that count; the others have weight zero.
    coding : Coding or None
        How the weights are written.

    Raises
    ------
    ModelError
        If the scale of a row is no float32 number, or weights of one scale would have too many bits.
    """
    x = importer.edge(edge)
    far = np.maximum(np.abs(x.lo - x_zero), np.abs(x.hi - x_zero))
    x_scale, x_zero, far = (_of_groups(v, matrix, groups) for v in (x_scale, x_zero, far))
    matrix = matrix.astype(np.int64)
    row, whole = of_one_scale((scale * x_scale)[:, read], matrix[:, read], far[:, read])
    same = np.array_equal(whole, matrix[:, read])
    matrix[:, read] = whole
    # In double the sum is exact where the zero points are whole; elsewhere (2x - 1) its error is far below float32's.
    zero = (matrix * x_zero).sum(axis=1)
    name = importer.new("dense")
    importer.add(Dense(name, edge, name, matrix, groups, coding if same else None))
    return name, (ew.Dequantize(row, zero),)


def _of_groups(values: np.ndarray, matrix: np.ndarray, groups: int) -> np.ndarray:
    """Return what each neuron reads of ``values`` (one a channel), as (N, K)."""
    slices = np.reshape(np.broadcast_to(values, groups * matrix.shape[1]), (groups, matrix.shape[1]))
    return np.repeat(slices, len(matrix) // groups, axis=0)


def integer_weights(b: Constant, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return integers and their scales in the constant's shape: a quantizer's, or the multiples that plain floats are.

    ``axis`` is that of the neurons, which may have a scale each.

    Raises
    ------
    ModelError
        If plain floats are on no grid of 8 bits, or a zero point is too large.
    """
    if b.integers is not None:
        i = b.integers
        if np.abs(i.zero).max() > _MOST_ZERO:
            raise ModelError(f"its weights have a zero point beyond {_MOST_ZERO}")
        codes = (i.codes - i.zero).astype(np.int64)
        used = i.scale != 0  # a scale of 0 makes every weight 0
        return (codes, i.scale) if used.all() else (np.where(used, codes, 0), np.where(used, i.scale, 1.0))
    found = on_a_grid(b.array, axis)
    if found is None:
        raise ModelError(
            "its weights are not quantized; export the model with Quant or BipolarQuant on them, or give its float "
            "model to fewbit quantize"
        )
    return found


def coding_of(b: Constant, *, transposed: bool) -> Coding | None:
    """Return the `Coding` of a matrix of weights, (inputs, neurons) if ``transposed``; None where integers say all."""
    if b.integers is None or b.integers.digits is None:
        return None
    digits = b.integers.digits.moved(np.transpose) if transposed else b.integers.digits
    if any((c != c[:, :1]).any() for c in digits.coefficients):
        return None  # not the same for a whole neuron
    return Coding(digits.codes, digits.digits, np.stack([c[:, 0] for c in digits.coefficients], axis=1)).tidied()
