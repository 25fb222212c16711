"""Import of onnxruntime's functions of one value, which its optimizer makes of several nodes."""

import onnx

from fewbit.golden.importing.fitting import fitting
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.ops.elementwise import functions_of_onnxruntime
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.model_file.domains import MICROSOFT
from fewbit.golden.numbers import elementwise as ew

_WITHOUT_BIAS = {"BiasGelu": "Gelu"}  # of the same function without a bias, where that is another operator


@handles("Gelu", "BiasGelu", "FastGelu", "QuickGelu", domains=(MICROSOFT,), role=Role.FUNCTION)
def gelu(importer, node, inputs, attributes):
    """Import onnxruntime's ``Gelu``, ``BiasGelu``, ``FastGelu`` and ``QuickGelu``: a bias, and a function of the sum.

    The function is computed by onnxruntime itself, so that no bit of it can differ.
    """
    data = data_of(inputs[0])
    if len(inputs) > 1 and inputs[1] is not None:
        data, bias = fitting(importer, data, constant(inputs[1], "its bias"))
        data = data.then(ew.WithConstant("add", bias))
    alone = onnx.helper.make_node(_WITHOUT_BIAS.get(node.op_type, node.op_type), node.input[:1], node.output[:1],
                                  node.name, domain=MICROSOFT)  # fmt: skip
    alone.attribute.extend(node.attribute)
    return functions_of_onnxruntime(importer, alone, [data], attributes)
