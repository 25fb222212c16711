"""Import of onnxruntime's functions of integers, and of tensors of integers side by side."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.functions import add_function
from fewbit.golden.importing.operands import constant
from fewbit.golden.importing.ops.concatenation import concat
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Closed, Constant, Data
from fewbit.golden.model_file.domains import MICROSOFT
from fewbit.golden.model_file.file import ModelError, evaluate
from fewbit.golden.numbers import elementwise as ew

from .operands import PLAIN, format_of_type, integer_data, one_scale, one_zero, type_name
from .quantizers import requantized


@handles("QLinearConcat", domains=(MICROSOFT,), role=Role.CONCATENATION, takes_integers=True, is_quantized=True)
def q_linear_concat(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearConcat``: every operand is dequantized, and quantized with the output's scale."""
    y_scale, y_zero, *rest = inputs
    if not isinstance(y_zero, Constant) or len(rest) % 3:
        raise ModelError("it must have its output's scale and zero point, then three operands for each tensor")
    scale, zero = one_scale(y_scale, "its output's scale"), one_zero(y_zero, "its output's zero point")
    parts = []
    for x, x_scale, x_zero in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        step, origin = one_scale(x_scale, "an operand's scale"), one_zero(x_zero, "an operand's zero point")
        data = replace(integer_data(x), chain=(ew.Dequantize(np.full(1, float(step)), np.full(1, float(origin))),),
                       dtype=FLOAT32)  # fmt: skip
        part = requantized(importer, data, scale, np.float32(zero), type_name(y_zero.array.dtype))
        parts.append(replace(part, dtype=FLOAT32))
    (y,) = concat(importer, node, parts, attributes)
    return [replace(y, dtype=type_name(y_zero.array.dtype))]


@handles("QLinearSigmoid", "QLinearLeakyRelu", domains=(MICROSOFT,), role=Role.FUNCTION, takes_integers=True,
         is_quantized=True)  # fmt: skip
def q_linear_function(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearSigmoid`` and ``QLinearLeakyRelu``, functions of one code, as it computes them."""
    data, operands = integer_data(inputs[0]), [None if t is None else constant(t, "an operand") for t in inputs[1:]]
    if len(operands) < 4 or operands[3] is None:
        raise ModelError("its output's zero point, which gives the type of its codes, must be a constant")
    fmt, name = format_of_type(type_name(operands[3].dtype)), data.dtype

    def codes(x: np.ndarray) -> np.ndarray:
        given = x.astype(np.int64).astype(name)
        return evaluate(importer.file, node, [given, *operands])[0].astype(np.int64)

    visited = data.then(ew.Call(node.op_type, lambda x: x, monotone=False))
    return [Data(add_function(importer, visited, codes, fmt), data.index, PLAIN, type_name(operands[3].dtype))]


@handles("QLinearSoftmax", domains=(MICROSOFT,), role=Role.PROBABILITIES, takes_integers=True, is_quantized=True)
def q_linear_softmax(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearSoftmax`` at the end of a model, which the host computes by onnxruntime."""
    data, operands = integer_data(inputs[0]), [None if t is None else constant(t, "an operand") for t in inputs[1:]]
    name = data.dtype

    def function(y: np.ndarray) -> np.ndarray:
        return evaluate(importer.file, node, [y.astype(name), *operands])[0]

    return [Closed(data, ((node.op_type, function),), data.shape)]
