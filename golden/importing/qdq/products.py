"""Import of products of integers: ``QLinearConv``, ``QLinearMatMul``, ``QGemm``, ``ConvInteger``, ``MatMulInteger``
and ``MatMulIntegerToFloat``.

Each is an exact 32-bit sum of products of ``code - zero``. onnxruntime makes it a float32, multiplies it by one float32
scale, rounds to the nearest, halves to even, and adds the zero point: so it is imported as the product of plain
integers, with a chain and a quantizer behind it.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fewbit.golden.importing.layout import by_channel, by_channels
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant
from fewbit.golden.importing.ops.convolutions import conv
from fewbit.golden.importing.ops.matrix_products import matmul
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Constant, Data, Tensor
from fewbit.golden.model_file.domains import MICROSOFT, ONNX
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

from .operands import along_axis, integer_data, one_scale, one_zero, scales, type_name, whole_numbers
from .quantizers import dequantized_constant, requantized

__all__ = ["as_it_was", "channels_first", "rounded_codes", "shifted"]

F32 = np.float32


def shifted(tensor: Tensor | None, zero: int) -> Data:
    """Return a tensor of integers less its zero point, as floats.

    Raises
    ------
    ModelError
        If it holds no integers, or does not depend on the input.
    """
    data = integer_data(tensor)
    first = data.chain[0]
    if len(data.chain) > 1 or not isinstance(first, ew.Dequantize):
        chain: ew.Chain = (*data.chain, ew.Dequantize(np.ones(1), np.full(1, float(zero))))
    else:
        chain = (ew.Dequantize(first.scale, first.zero + zero),)
    return replace(data, chain=chain, dtype=FLOAT32)


def _weights(tensor: Tensor | None, zero: Tensor | None, axis: int) -> Constant:
    """Return constant integers less their zero points, of which there may be one an entry of ``axis``."""
    codes = whole_numbers(tensor, "weights")
    zeros = np.zeros((), dtype=np.int64) if zero is None else whole_numbers(zero, "its weights' zero point")
    if zeros.ndim == codes.ndim > 1:
        return dequantized_constant(codes, F32(1), zeros)
    return dequantized_constant(codes, F32(1), along_axis(zeros, codes.shape, axis))


def rounded_codes(
    importer: OnnxImportState,
    product: Data,
    scale: np.ndarray,
    out: tuple[Tensor | None, Tensor | None],
    bias: np.ndarray | None = None,
) -> Data:
    """Return the codes of an exact sum: ``round(float32(sum + bias) * scale) + zero``, within the output's type.

    Parameters
    ----------
    importer : OnnxImportState
    product : Data
        The sum, whose chain gives the integers themselves.
    scale : float32 array that broadcasts against the data
    out : (Tensor, Tensor or None)
        Scale and zero point of the output, the first of which ``scale`` has in it.
    bias : int64 array or None
        Integers that are added, in a shape that broadcasts.

    Raises
    ------
    ModelError
        If the output's zero point is left out, or is no one number.
    """
    if not isinstance(out[1], Constant):
        raise ModelError("its output's zero point, which gives the type of its codes, must be a constant")
    data = scaled_sum(importer, product, scale, bias)
    zero = one_zero(out[1], "its output's zero point")
    return requantized(importer, data, F32(1), F32(zero), type_name(out[1].array.dtype))


def scaled_sum(importer: OnnxImportState, product: Data, scale: np.ndarray, bias: np.ndarray | None = None) -> Data:
    """Return the floats ``float32(sum + bias) * scale`` of an exact sum; arguments are those of `rounded_codes`."""
    bias = np.zeros(1, dtype=np.int64) if bias is None else bias
    product, (scale, bias) = by_channels(importer, product, scale, bias)
    (first,) = product.chain
    assert isinstance(first, ew.Dequantize) and (first.scale == 1).all(), "a product of plain integers has no scale"
    total = ew.Dequantize(first.scale, first.zero - bias)
    return replace(product, chain=(total, ew.WithConstant("mul", scale)))


def _factor(x: Tensor | None, w: Tensor | None, y: Tensor | None, alpha: float = 1.0) -> np.ndarray:
    """Return what onnxruntime multiplies a sum by: ``alpha * x_scale * w_scale / y_scale``, rounded at every step."""
    return np.asarray(_factor_of_floats(x, w, alpha) / one_scale(y, "its output's scale"), dtype=F32)


def _factor_of_floats(x: Tensor | None, w: Tensor | None, alpha: float = 1.0) -> np.ndarray:
    """Return what a sum is multiplied by where floats come out: ``alpha * x_scale * w_scale``, each step rounded."""
    x_scale, w_scale = one_scale(x, "its input's scale"), scales(w, "its weights' scale")
    return np.asarray(F32(F32(alpha) * x_scale) * w_scale, dtype=F32)


@handles("QLinearConv", domains=(ONNX, MICROSOFT), role=Role.PRODUCT, takes_integers=True, is_quantized=True)
def q_linear_conv(importer, node, inputs, attributes):
    """Import ONNX ``QLinearConv``."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias = [*inputs, None][:9]
    data = shifted(channels_first(x, attributes), one_zero(x_zero, "its input's zero point"))
    (y,) = conv(importer, node, [data, _weights(w, w_zero, 0)], attributes)
    factor = _factor(x_scale, w_scale, y_scale)
    lay = [1, -1] + [1] * (len(y.shape) - 2)
    added = None if bias is None else whole_numbers(bias, "its bias").reshape(lay)
    factor = factor.reshape(lay) if factor.size > 1 else factor
    return [as_it_was(rounded_codes(importer, y, factor, (y_scale, y_zero), added), attributes)]


def channels_first(tensor: Tensor | None, attributes: dict[str, Any]) -> Tensor | None:
    """Return a tensor with its channels in front, of an operator whose ``channels_last`` says that they are behind."""
    if not attributes.get("channels_last", 0) or not isinstance(tensor, Data):
        return tensor
    return tensor.reshaped(lambda i: np.moveaxis(i, -1, 1))


def as_it_was(data: Data, attributes: dict[str, Any]) -> Data:
    """Return what an operator makes of a tensor of `channels_first` with the channels where its input has them."""
    return data.reshaped(lambda i: np.moveaxis(i, 1, -1)) if attributes.get("channels_last", 0) else data


@handles("QLinearMatMul", domains=(ONNX, MICROSOFT), role=Role.PRODUCT, takes_integers=True, is_quantized=True)
def q_linear_matmul(importer, node, inputs, attributes):
    """Import ONNX ``QLinearMatMul`` of data and constant weights."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = inputs
    data = shifted(a, one_zero(a_zero, "its first operand's zero point"))
    (y,) = matmul(importer, node, [data, _weights(b, b_zero, -1)], {})
    return [rounded_codes(importer, y, _factor(a_scale, b_scale, y_scale), (y_scale, y_zero))]


@handles("QGemm", domains=(MICROSOFT,), role=Role.PRODUCT, takes_integers=True, is_quantized=True)
def q_gemm(importer, node, inputs, attributes):
    """Import onnxruntime's ``QGemm``, whose bias is added to the sum; without an output's scale it gives floats."""
    a, a_scale, a_zero, b, b_scale, b_zero, bias, y_scale, y_zero = [*inputs, None, None, None][:9]
    if attributes.get("transA", 0):
        raise ModelError("transA is not supported")
    turned = bool(attributes.get("transB", 0))
    weights = _weights(b, b_zero, 0 if turned else -1)
    data = shifted(a, one_zero(a_zero, "its first operand's zero point"))
    (y,) = matmul(importer, node, [data, weights.reshaped(np.transpose) if turned else weights], {})
    alpha, added = attributes.get("alpha", 1.0), None if bias is None else whole_numbers(bias, "its bias")
    if y_scale is None:
        return [scaled_sum(importer, y, _factor_of_floats(a_scale, b_scale, alpha), added)]
    factor = _factor(a_scale, b_scale, y_scale, alpha)
    return [rounded_codes(importer, y, factor, (y_scale, y_zero), added)]


@handles("MatMulIntegerToFloat", domains=(MICROSOFT,), role=Role.PRODUCT, takes_integers=True, is_quantized=True)
def matmul_integer_to_float(importer, node, inputs, attributes):
    """Import onnxruntime's ``MatMulIntegerToFloat``: a sum of integers times two scales, and a bias of floats."""
    a, b, a_scale, b_scale, a_zero, b_zero, bias = [*inputs, None, None, None][:7]
    factor = _factor_of_floats(a_scale, b_scale)
    data = shifted(a, one_zero(a_zero, "its first operand's zero point"))
    (y,) = matmul(importer, node, [data, _weights(b, b_zero, -1)], {})
    y = scaled_sum(importer, y, factor)
    if bias is not None:
        y, added = by_channel(importer, y, constant(bias, "its bias"))
        y = y.then(ew.WithConstant("add", added))
    return [y]


@handles("ConvInteger", "MatMulInteger", role=Role.PRODUCT, takes_integers=True, is_quantized=True)
def product_of_integers(importer, node, inputs, attributes):
    """Import ONNX ``ConvInteger`` and ``MatMulInteger``, whose sums are integers of 32 bits."""
    x, w, x_zero, w_zero = [*inputs, None, None][:4]
    data = shifted(x, one_zero(x_zero, "its first operand's zero point"))
    of_convolution = node.op_type == "ConvInteger"
    weights = _weights(w, w_zero, 0 if of_convolution else -1)
    (y,) = (conv if of_convolution else matmul)(importer, node, [data, weights], attributes)
    return [replace(y, dtype="int32")]
