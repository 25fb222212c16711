"""Import of elementwise operations: each one lengthens the chain of its data."""

from dataclasses import replace
from functools import partial

import numpy as np
import onnx

from fewbit.golden.importing.fitting import fitting
from fewbit.golden.importing.one_edge import of_one_edge
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import all_operands, constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.straight_through import straight_through
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError, OnnxFile, evaluate
from fewbit.golden.numbers import elementwise as ew

from .branches import joined


@handles("Add", "Sub", role=Role.AFFINE, sums=True)
@handles("Mul", role=Role.AFFINE, keeps_integers=True, sums=True)
@handles("Div", role=Role.AFFINE, keeps_integers=True)
def arithmetic(importer, node, inputs, attributes):
    """Import ONNX ``Add``, ``Sub``, ``Mul`` and ``Div`` with a constant, or of two tensors of data."""
    a, b = inputs
    kind = node.op_type.lower()
    if isinstance(a, Constant) and isinstance(b, Constant):
        return [_scaled_constant(importer, node, a, b, kind)]
    if not isinstance(a, Constant) and not isinstance(b, Constant):
        quantized = straight_through(kind, data_of(a), data_of(b))
        if quantized is not None:
            return [quantized]
        y = of_one_edge(importer, node, inputs, joinable=kind in ("add", "sub"))
        return [joined(importer, node.op_type, a, b) if y is None else y]
    if kind == "div" and isinstance(a, Constant):
        return [of_one_edge(importer, node, inputs)]
    data, c, swapped = _data_and_constant(a, b)
    if swapped and kind == "sub":
        kind = "rsub"
    data, c = fitting(importer, data, c)
    if kind == "div" and (c == 0).any():
        raise ModelError("division by zero")
    return [data.then(ew.WithConstant(kind, c))]


@handles("Sum", role=Role.AFFINE, sums=True)
def sum_of_all(importer, node, inputs, attributes):
    """Import ONNX ``Sum``: ``Add`` of one operand after the other."""
    total, *rest = all_operands(inputs, len(node.input))
    for number, operand in enumerate(rest, 1):
        plus = onnx.helper.make_node("Add", ["", node.input[number]], node.output)
        (total,) = arithmetic(importer, plus, [total, operand], {})
    return [total]


@handles("Mean", role=Role.AFFINE, sums=True)
def mean_of_all(importer, node, inputs, attributes):
    """Import ONNX ``Mean`` of several tensors of one shape: their ``Sum``, over how many they are."""
    (total,) = sum_of_all(importer, node, inputs, attributes)
    return [data_of(total).then(ew.WithConstant("div", np.full(1, len(inputs), dtype=np.float32)))]


def _data_and_constant(a: Tensor, b: Tensor) -> tuple[Data, np.ndarray, bool]:
    """Return the data, the constant array, and whether the constant comes first."""
    if isinstance(b, Constant):
        return data_of(a), constant(b, "its second operand"), False
    return data_of(b), constant(a, "its first operand"), True


def _scaled_constant(importer: OnnxImportState, node: onnx.NodeProto, a: Constant, b: Constant, kind: str) -> Constant:
    """Return the result of constant arithmetic; quantized weights times or over a scale keep their integers."""
    result = evaluate(importer.file, node, [a.array, b.array])[0]
    if kind == "mul" and a.integers is None:
        a, b = b, a
    if a.integers is None or kind not in ("mul", "div") or result.shape != a.array.shape or (b.array == 0).any():
        return Constant(result)
    factor = b.array.astype(np.float64)
    i = a.integers
    scale = i.scale * factor if kind == "mul" else i.scale / factor
    return Constant(result, replace(i, scale=scale))


@handles("Where", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not",
         role=Role.FUNCTION, steps=True)  # fmt: skip
@handles("Pow", role=Role.FUNCTION)
def of_several(importer, node, inputs, attributes):
    """Import ONNX functions of several operands that stand on one edge, or are constants.

    These are ``Where``, ``Pow``, the comparisons ``Less``, ``LessOrEqual``, ``Greater``, ``GreaterOrEqual`` and
    ``Equal``, and ``And``, ``Or``, ``Xor``, ``Not`` of what they give.
    """
    return [_together(importer, node, inputs)]


def _together(importer, node, inputs):
    """Return data behind a function of operands that must stand on one edge, or be constants."""
    y = of_one_edge(importer, node, all_operands(inputs, len(node.input)))
    if y is None:
        raise ModelError(
            "its operands are different tensors of data; supported are operands that are functions of one tensor, and "
            "constants"
        )
    return y


@handles("BatchNormalization", role=Role.AFFINE)
def batch_normalization(importer, node, inputs, attributes):
    """Import ONNX ``BatchNormalization`` of a model that is exported for inference."""
    data = data_of(inputs[0])
    if attributes.get("training_mode", 0):
        raise ModelError("the model was exported for training; export it for inference")
    names = "scale", "bias", "mean", "variance"
    operands = [constant(t, name).astype(np.float32) for t, name in zip(inputs[1:5], names, strict=True)]
    if len(data.shape) < 2 or any(o.shape != data.shape[1:2] for o in operands):
        wrong = next((o.shape for o in operands if o.shape != data.shape[1:2]), "")
        raise ModelError(f"its parameters must have one entry a channel of data of shape {data.shape}, not {wrong}")
    if (operands[3] < 0).any():
        raise ModelError("variance must not be negative")
    shape = (1, -1) + (1,) * (len(data.shape) - 2)
    with np.errstate(all="ignore"):
        ops = ew.batch_normalization(*operands, attributes.get("epsilon", 1e-5))
    for op in ops:
        data, c = fitting(importer, data, op.c.reshape(shape))
        data = data.then(ew.WithConstant(op.kind, c))
    return [data]


@handles("Relu", role=Role.FUNCTION)
def relu(importer, node, inputs, attributes):
    """Import ONNX ``Relu``."""
    return [data_of(inputs[0]).then(ew.relu())]


@handles("Neg", role=Role.AFFINE)
def negate(importer, node, inputs, attributes):
    """Import ONNX ``Neg``."""
    return [data_of(inputs[0]).then(ew.WithConstant("mul", np.full(1, -1, dtype=np.float32)))]


@handles("Clip", role=Role.FUNCTION)
def clip(importer, node, inputs, attributes):
    """Import ONNX ``Clip``, whose bounds are operands from opset 11 on."""
    bounds = [attributes.get("min"), attributes.get("max")]
    for i, tensor in enumerate(inputs[1:]):
        if tensor is not None:
            bounds[i] = constant(tensor, "bound", infinite=True).reshape(())
    if any(b is not None and np.isnan(b) for b in bounds):
        raise ModelError("a bound is NaN")
    return [data_of(inputs[0]).then(ew.clip(*bounds))]


@handles("HardTanh", "Hardtanh", role=Role.FUNCTION)
def hard_tanh(importer, node, inputs, attributes):
    """Import ``HardTanh`` or ``Hardtanh`` of old exporters, which ONNX itself has not: a clip to -1 and 1."""
    return [data_of(inputs[0]).then(ew.clip(attributes.get("min_val", -1.0), attributes.get("max_val", 1.0)))]


@handles("LeakyRelu", role=Role.FUNCTION)
def leaky_relu(importer, node, inputs, attributes):
    """Import ONNX ``LeakyRelu``."""
    return [data_of(inputs[0]).then(ew.leaky_relu(attributes.get("alpha", 0.01)))]


@handles("PRelu", role=Role.FUNCTION)
def prelu(importer, node, inputs, attributes):
    """Import ONNX ``PRelu``."""
    data, slope = fitting(importer, data_of(inputs[0]), constant(inputs[1], "slope"))
    return [data.then(ew.leaky_relu(slope))]


@handles("Floor", "Ceil", "Round", "Sign", role=Role.FUNCTION, steps=True)
def rounding(importer, node, inputs, attributes):
    """Import ONNX ``Floor``, ``Ceil``, ``Round`` and ``Sign``, as `functions_of_onnxruntime`; they never fall."""
    return [_called(importer, node, inputs, monotone=True)]


@handles("Sigmoid", "Tanh", "HardSigmoid", "Elu", "Selu", "Softplus", "Softsign", "Abs", "Exp", "Log", "Sqrt",
         "Reciprocal", "Erf", "HardSwish", "Mish", "Gelu", "Celu", "ThresholdedRelu", "Shrink",
         "Swish", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", role=Role.FUNCTION)  # fmt: skip
def functions_of_onnxruntime(importer, node, inputs, attributes):
    """Import ONNX functions whose float32 results are onnxruntime's own, so that no bit of them can differ.

    ``Sigmoid``, ``Tanh``, ``HardSigmoid``, ``Elu``, ``Selu``, ``Softplus``, ``Softsign``, ``Abs``, ``Exp``, ``Log``,
    ``Sqrt``, ``Reciprocal``, ``Erf``, ``HardSwish``, ``Mish``, ``Gelu``, ``Celu``, ``ThresholdedRelu``, ``Shrink``,
    ``Swish``, ``Sin``, ``Cos``, ``Tan``, ``Atan``, ``Sinh``, ``Cosh``, ``Asinh``. That these are monotone in float32,
    too, nobody promises, so every integer in front of them is visited.
    """
    return [_called(importer, node, inputs, monotone=False)]


def _called(importer, node, inputs, *, monotone):
    """Return the data behind a function that onnxruntime computes; its further operands are single numbers."""
    data = data_of(inputs[0])
    operands = [constant(t, "its second operand") for t in inputs[1:]]
    if any(o.size != 1 for o in operands):
        raise ModelError("its second operand must be one number for the whole tensor")
    function = partial(_evaluated, importer.file, node, [o.reshape(1) for o in operands])
    function(np.zeros(1))  # onnxruntime refuses it here or never
    return data.then(ew.Call(node.op_type, function, monotone=monotone))


def _evaluated(file: OnnxFile, node: onnx.NodeProto, operands: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return what onnxruntime gives for float32 ``x`` and further operands."""
    return evaluate(file, node, [np.asarray(x, dtype=np.float32), *operands])[0]
