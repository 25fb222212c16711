"""Sums of products of codes that no processor saturates: weights of int8 beside activations of uint8, as uint8.

On x86 processors with AVX2 or AVX-512 but without VNNI, onnxruntime multiplies uint8 by int8 in a way that sums
two products in 16 bits and saturates there (its documentation of quantization says so, as "U8S8"), so that a large sum
comes out wrong. Weights and their zero point, both 128 more, as uint8 are the same numbers, and take instructions that
do not saturate.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import numpy_helper

__all__ = ["unsaturated", "unsaturated_operands"]

_OFFSET = 128
# Where weights, their zero point and that of the activations stand among the operands; activations are the first.
_PLACES = {
    "QLinearConv": (3, 5, 2),
    "QLinearMatMul": (3, 5, 2),
    "QGemm": (3, 5, 2),
    "ConvInteger": (1, 3, 2),
    "MatMulInteger": (1, 3, 2),
    "MatMulIntegerToFloat": (1, 5, 4),
}


def unsaturated_operands(
    node: onnx.NodeProto, operands: Sequence[np.ndarray | None]
) -> tuple[onnx.NodeProto, list[np.ndarray | None]]:
    """Return a node and its operands, with which onnxruntime gives the exact result on every processor."""
    given = list(operands)
    w, zero, _ = _PLACES.get(node.op_type, (0, 0, 0))
    codes, weights = (given[k] if k < len(given) else None for k in (0, w))
    if not w or codes is None or weights is None or (codes.dtype, weights.dtype) != (np.uint8, np.int8):
        return node, given
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    given += [None] * (zero + 1 - len(given))
    names = [*node.input, *[""] * (zero + 1 - len(node.input))]
    before = given[zero]
    given[w], given[zero] = _moved(weights), _moved(np.zeros((), np.int8) if before is None else before)
    for k in w, zero:  # other operands may be of the same name
        names[k] = f"{node.output[0]}/{k}/uint8"
    del changed.input[:]
    changed.input.extend(names)
    return changed, given


def unsaturated(model: onnx.ModelProto) -> None:
    """Change a model, of which onnxruntime then gives the exact sums on every processor; its outputs are the same.

    What has weights that are no constants stays as it is.
    """
    graph = model.graph
    if not any(node.op_type in _PLACES for node in graph.node):
        return
    constants = {one.name: one for one in graph.initializer}
    kinds = _element_types(model)
    for node in graph.node:
        w, zero, _ = _PLACES.get(node.op_type, (0, 0, 0))
        if not w or kinds.get(node.input[0]) != onnx.TensorProto.UINT8 or node.input[w] not in constants:
            continue
        operands: list[np.ndarray | None] = [None] * len(node.input)
        operands[0] = np.zeros(0, np.uint8)
        for k in w, zero:
            name = node.input[k] if k < len(node.input) else ""
            if name and name not in constants:
                break
            if name:
                operands[k] = numpy_helper.to_array(constants[name])
        else:
            changed, given = unsaturated_operands(node, operands)
            if changed is not node:
                node.CopyFrom(changed)
                moved = {changed.input[k]: given[k] for k in (w, zero)}
                graph.initializer.extend(numpy_helper.from_array(np.asarray(a), name) for name, a in moved.items())


def _moved(numbers: np.ndarray) -> np.ndarray:
    return (numbers.astype(np.int16) + _OFFSET).astype(np.uint8)


def _element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element types of tensors by name, as far as zero points and ONNX's inference say them."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except onnx.shape_inference.InferenceError:
        graph = model.graph
    values = [*graph.input, *graph.value_info, *graph.output]
    kinds = {value.name: value.type.tensor_type.elem_type for value in values}
    constants = {one.name: one.data_type for one in graph.initializer}
    for node in model.graph.node:
        *_, zero = _PLACES.get(node.op_type, (0,))
        if zero and len(node.input) > zero and node.input[zero] in constants:
            kinds[node.input[0]] = constants[node.input[zero]]
    return kinds | constants
