"""What the evaluation of a constant node takes, known before it is begun.

Sizes follow from ONNX's own shape inference; the work of the usual operations is about as large as what they read and
make, or as their products. A file of a kilobyte can ask for any of it.
"""

import math
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import numpy as np
import onnx
from onnx import defs, helper, numpy_helper, shape_inference

from fewbit.golden.limits.limit import IMPORT_BYTES, IMPORT_SECONDS, LimitError, ModelError, in_bytes

from .domains import MICROSOFT

__all__ = ["Evaluation", "evaluation_of"]

_OPERATIONS_A_SECOND = 1e8  # that onnxruntime does at least, on a slow machine
_SMALL = 4096  # values of an operand that may be a shape

# Of these the result could not be known in advance, or not be the same twice.
_NEVER = {"Loop", "Scan", "If", "SequenceMap", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
          "Multinomial", "Bernoulli", "ImageDecoder"}  # fmt: skip

# Their work is in proportion to what they read and make, and no operand is known that ends the process.
_LINEAR = {
    "Abs", "Acos", "Acosh", "Add", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh",
    "BatchNormalization", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "CastLike",
    "Ceil", "Celu", "Clip", "Concat", "Constant", "ConstantOfShape", "Cos", "Cosh", "CumSum", "DepthToSpace",
    "DequantizeLinear", "Div", "Elu", "Equal", "Erf", "Exp", "Expand", "EyeLike", "Flatten", "Floor", "Gather",
    "GatherElements", "GatherND", "Gelu", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual",
    "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "IsInf", "IsNaN",
    "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "Max", "Mean", "Min", "Mul",
    "Neg", "Not", "OneHot", "Or", "PRelu", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal", "ReduceL1",
    "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "Round", "ScatterElements", "ScatterND", "Selu",
    "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Size", "Slice", "Softmax", "Softplus", "Softsign",
    "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Tile", "TopK",
    "Transpose", "Trilu", "Unsqueeze", "Upsample", "Where", "Xor",
}  # fmt: skip
_POOLS = ("AveragePool", "LpPool", "MaxPool")
_OF_ONE = {"BiasGelu", "FastGelu", "Gelu", "QuickGelu"}  # onnxruntime's, whose output is like their first operand


class Evaluation(Enum):
    """How a node may be evaluated."""

    BOUNDED = "here"
    UNKNOWN = "in a process of its own"


def evaluation_of(node: onnx.NodeProto, inputs: Sequence[np.ndarray | None], opset: int, named: str) -> Evaluation:
    """Return how a node may be evaluated for constant inputs.

    Parameters
    ----------
    node : NodeProto
    inputs : sequence of arrays
        The node's operands in order, None for those that are left out.
    opset : int
        Version of ONNX's own operators.
    named : str
        How an error names the node.

    Raises
    ------
    ModelError
        If such a node is never evaluated. It is a `LimitError` where that would take more than an import may.
    """
    if node.op_type in _NEVER or any(a.HasField("g") or a.graphs for a in node.attribute):
        raise ModelError(
            f"{named}: its value cannot be computed in advance (loops, branches and random numbers are not); "
            "replace it by a constant, as a simplifier of ONNX models does"
        )
    made = _outputs(node, inputs, opset)
    if made is None:
        return Evaluation.UNKNOWN
    total = sum(size * width for size, width in made)
    if total > IMPORT_BYTES.value:
        raise LimitError(f"{named}: it makes {in_bytes(total)} of values; {IMPORT_BYTES.advice}")
    work = _work(node, inputs, sum(size for size, _ in made))
    if work is None:
        return Evaluation.UNKNOWN
    if work > IMPORT_SECONDS.value * _OPERATIONS_A_SECOND:
        raise LimitError(f"{named}: its value takes about {work:.2g} operations to compute; {IMPORT_SECONDS.advice}")
    return Evaluation.BOUNDED


def _outputs(node: onnx.NodeProto, inputs: Sequence[np.ndarray | None], opset: int) -> list[tuple[int, int]] | None:
    """Return ``(values, bytes of each)`` of every output; None where they follow from more than shapes."""
    if node.domain == MICROSOFT:
        first = inputs[0] if inputs and node.op_type in _OF_ONE else None
        return None if first is None else [(first.size, first.dtype.itemsize)]
    given: dict[str, Any] = {name: array for name, array in zip(node.input, inputs, strict=True) if name}
    try:
        schema = defs.get_schema(node.op_type, opset, "")
        types = {n: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
                 for n, a in given.items()}  # fmt: skip
        small = {n: numpy_helper.from_array(np.asarray(a, order="C"), n) for n, a in given.items() if a.size <= _SMALL}
        found = shape_inference.infer_node_outputs(
            schema, node, types, small, opset_imports=[helper.make_opsetid("", opset)], ir_version=8
        )
        return [_size(found[name]) for name in node.output if name]
    except Exception:  # onnx raises kinds of its own for what it does not understand
        return None


def _size(kind: onnx.TypeProto) -> tuple[int, int]:
    """Return the number of values of a type, and the bytes of one."""
    tensor = kind.tensor_type
    dims = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    if not tensor.HasField("shape") or min(dims, default=0) < 0 or tensor.elem_type == onnx.TensorProto.STRING:
        raise ValueError("not known")
    return math.prod(dims), np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type)).itemsize


def _work(node: onnx.NodeProto, inputs: Sequence[Any], made: int) -> float | None:
    """Return about how many simple operations the node takes; None where that is not known."""
    sizes = [a.size for a in inputs if a is not None]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kind = node.op_type
    if kind in _LINEAR or (node.domain == MICROSOFT and kind in _OF_ONE):
        return None if _odd(kind, inputs, attributes) else (made + sum(sizes)) * (64 if kind == "TopK" else 1)
    if kind in _POOLS:
        return (made + sizes[0]) * math.prod(attributes.get("kernel_shape", ()))
    if kind == "MatMul" and all(a.ndim for a in inputs):
        return made * inputs[0].shape[-1] + sum(sizes)
    if kind == "Gemm" and inputs[0].ndim == 2:
        return made * max(inputs[0].shape) + sum(sizes)
    if kind == "Conv" and inputs[1].ndim > 1:
        return made * math.prod(inputs[1].shape[1:]) + sum(sizes)
    return None


def _odd(kind: str, inputs: Sequence[Any], attributes: Mapping[str, Any]) -> bool:
    """Say whether it is one of the few that are not like the others of their kind."""
    if kind == "Div":  # the most negative integer by -1 ends the process
        return inputs[1].dtype.kind == "i" and bool((inputs[1] == -1).any())
    return kind == "Resize" and bool(attributes.get("antialias", 0))
