"""Import of ``Min`` and ``Max``: of data and constants, of functions of one tensor, and of several tensors of data."""

from collections.abc import Sequence

import numpy as np
import onnx

from fewbit.golden.importing.fitting import fitting
from fewbit.golden.importing.one_edge import of_one_edge
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import all_operands, constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

from .concatenation import side_by_side
from .reductions import negated, reduce


@handles("Min", "Max", role=Role.FUNCTION, sums=True)
def extreme(importer, node, inputs, attributes):
    """Import ONNX ``Min`` and ``Max`` of data and constants, or of several tensors of data of one shape."""
    operands = all_operands(inputs, len(node.input))
    function = np.minimum if node.op_type == "Min" else np.maximum
    if len(operands) == 2 and any(isinstance(t, Constant) for t in operands):
        data, c = operands if isinstance(operands[1], Constant) else operands[::-1]
        data, bound = fitting(importer, data_of(data), constant(c, "its constant operand"))
        return [data.then(ew.Call(node.op_type, function, (bound,)))]
    y = of_one_edge(importer, node, operands)
    return [_of_several(importer, node, operands) if y is None else y]


def _of_several(importer: OnnxImportState, node: onnx.NodeProto, operands: Sequence[Tensor]) -> Data:
    """Return the largest, or least, of tensors of data, value by value: that of a row of one of each.

    Raises
    ------
    ModelError
        If they are not all data of one shape.
    """
    if any(isinstance(t, Constant) for t in operands):
        raise ModelError("a constant beside several tensors of data is not supported; give it a node of its own")
    datas = [data_of(t) for t in operands]
    if len({d.shape for d in datas}) > 1:
        raise ModelError(f"data of shapes {', '.join(str(d.shape) for d in datas)} would broadcast; only data of one "
                         "shape is compared")  # fmt: skip
    least = node.op_type == "Min"
    rows = [(negated(d) if least else d).reshaped(lambda i: i[..., None]) for d in datas]
    plain = onnx.helper.make_node("ReduceMax", node.input[:1], node.output, node.name)
    axis = len(datas[0].shape)
    (found,) = reduce(importer, plain, [side_by_side(importer, rows, axis)], {"axes": [axis], "keepdims": 0})
    y = data_of(found)
    return negated(y) if least else y
