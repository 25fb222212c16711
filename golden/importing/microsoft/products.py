"""Import of onnxruntime's products on floats: with an activation in them, or of weights in packed blocks."""

from typing import Any

import numpy as np
import onnx

from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.ops.branches import joined
from fewbit.golden.importing.ops.convolutions import conv
from fewbit.golden.importing.ops.matrix_products import gemm, product_of_rows
from fewbit.golden.importing.qdq.operands import scales, whole_numbers
from fewbit.golden.importing.qdq.quantizers import dequantized_constant
from fewbit.golden.importing.registry import DECLARED, Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.domains import MICROSOFT, ONNX
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

# Names of the parameters of the activations that have some, in order, and what they are otherwise.
_PARAMETERS: dict[str, dict[str, float | None]] = {
    "LeakyRelu": {"alpha": 0.01}, "HardSigmoid": {"alpha": 0.2, "beta": 0.5}, "Clip": {"min": None, "max": None},
    "Elu": {"alpha": 1.0},
}  # fmt: skip
_ACTIVATIONS = ("Relu", "Sigmoid", "Tanh", *_PARAMETERS)
_EXACT_LEVELS = (0, 1)  # of accuracy_level: products of float32


def _activated(importer: OnnxImportState, y: Data, kind: str, given: list[float]) -> list[Tensor | None]:
    """Return a product behind the activation of a name, ``""`` for none, with the parameters that are given.

    Raises
    ------
    ModelError
        If it is an activation that onnxruntime does not put into products.
    """
    if not kind:
        return [y]
    if kind not in _ACTIVATIONS:
        raise ModelError(f"its activation must be one of {', '.join(sorted(_ACTIVATIONS))}, not {kind}")
    parameters = dict(_PARAMETERS.get(kind, {}))
    parameters |= dict(zip(parameters, given, strict=False))
    known: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
    node = onnx.helper.make_node(kind, ["x"], ["y"], **known)
    return list(DECLARED[ONNX, kind].handler(importer, node, [y], parameters))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


@handles("FusedConv", domains=(MICROSOFT,), role=Role.PRODUCT)
def fused_conv(importer, node, inputs, attributes):
    """Import onnxruntime's ``FusedConv``: a convolution, a tensor that is added to it, and an activation."""
    x, w, bias, added = [*inputs, None, None][:4]
    (y,) = conv(importer, node, [x, w, bias], attributes)
    if added is not None:
        y = joined(importer, "Add", y, added)
    return _activated(importer, y, _text(attributes.get("activation", "")), attributes.get("activation_params", []))


@handles("FusedGemm", domains=(MICROSOFT,), role=Role.PRODUCT)
def fused_gemm(importer, node, inputs, attributes):
    """Import onnxruntime's ``FusedGemm``: ``Gemm`` with an activation behind it."""
    (y,) = gemm(importer, node, inputs, attributes)
    kind = _text(attributes.get("activation", ""))
    given = [attributes.get(f"activation_{name}", usual) for name, usual in _PARAMETERS.get(kind, {}).items()]
    return _activated(importer, y, kind, given)


@handles("FusedMatMul", domains=(MICROSOFT,), role=Role.PRODUCT)
def fused_matmul(importer, node, inputs, attributes):
    """Import onnxruntime's ``FusedMatMul``: ``alpha * a @ b`` of data and constant weights, which may be turned."""
    if any(attributes.get(name, 0) for name in ("transA", "transBatchA", "transBatchB")):
        raise ModelError("only its second operand, the weights, may be turned")
    a, b = inputs
    if not isinstance(b, Constant) or b.array.ndim != 2:
        raise ModelError("its second operand must be a constant matrix, the weights")
    b = b.reshaped(np.transpose) if attributes.get("transB", 0) else b
    return [product_of_rows(importer, data_of(a), b, float(attributes.get("alpha", 1.0)))]


@handles("MatMulNBits", domains=(MICROSOFT,), role=Role.PRODUCT)
def matmul_n_bits(importer, node, inputs, attributes):
    """Import onnxruntime's ``MatMulNBits``: a product with weights of 2, 4 or 8 bits that are packed in blocks.

    Weights ``(N, K)`` are ``scale * (code - zero)``, with a scale and a zero point for ``block_size`` codes of a row;
    the zero point is half of the codes where it is left out.
    """
    x, packed, scale, zero, order, bias = [*inputs, None, None, None][:6]
    if order is not None:
        raise ModelError("g_idx, another order of the rows of its weights, is not supported; export it without")
    if attributes.get("accuracy_level", 0) not in _EXACT_LEVELS:
        raise ModelError("its accuracy_level lets it round its input to scales that are computed from the data; set it "
                         "to 0 or 1, products of float32")  # fmt: skip
    weights = _unpacked(packed, scale, zero, attributes)
    y = product_of_rows(importer, data_of(x), weights)
    if bias is not None:
        y, c = by_channel(importer, y, constant(bias, "its bias").astype(np.float32))
        y = y.then(ew.WithConstant("add", c))
    return [y]


def _unpacked(packed: Tensor | None, scale: Tensor | None, zero: Tensor | None, attributes: dict[str, Any]) -> Constant:
    """Return weights (K, N) with their integers.

    Raises
    ------
    ModelError
        If they have other bits than 2, 4 or 8, or sizes do not fit.
    """
    rows, columns, block = (int(attributes[name]) for name in ("N", "K", "block_size"))
    bits, blocks = int(attributes.get("bits", 4)), -(-columns // block)
    if bits not in (2, 4, 8):
        raise ModelError(f"its weights must have 2, 4 or 8 bits, not {bits}")
    codes = _fields(whole_numbers(packed, "weights").reshape(rows, -1), bits)
    steps = scales(scale, "its scale").reshape(rows, blocks)
    if zero is None:
        zeros = np.full((rows, blocks), 1 << bits - 1)
    else:
        zeros = _fields(whole_numbers(zero, "its zero point").reshape(rows, -1), bits)[:, :blocks]
    if codes.shape[1] < columns or zeros.shape != steps.shape:
        raise ModelError(f"weights of {codes.shape} codes and {steps.shape} scales do not fit {rows} rows of {columns}")
    spread = [np.repeat(numbers, block, axis=1)[:, :columns].T for numbers in (steps, zeros)]
    return dequantized_constant(codes[:, :columns].T, *spread)


def _fields(packed: np.ndarray, bits: int) -> np.ndarray:
    """Return the numbers of some bits that bytes hold, row by row, the lowest bits first."""
    parts = [(packed >> shift) & (1 << bits) - 1 for shift in range(0, 8, bits)]
    return np.stack(parts, axis=-1).reshape(len(packed), -1)
