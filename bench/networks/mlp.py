"""SFC and LFC, the FINN paper's networks of dense layers for binarized digits: one bit throughout, random weights.

784-256-256-256-10 and 784-1024-1024-1024-10 (Umuroglu and others, FPGA 2017). A pixel is one bit, 0 for -1 and 1 for
+1; weights and activations are bipolar, and batch norm stands between a product and its activation.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["LFC", "SFC", "mlp"]

SFC = (784, 256, 256, 256, 10)
LFC = (784, 1024, 1024, 1024, 10)
DOMAIN = "qonnx.custom_op.general"


def mlp(path, widths, seed=1):
    """Write the model, its input declared as ``bipolar``; it ends with the logits' ArgMax."""
    rng = np.random.default_rng(seed)
    nodes, constants = [], {"one": np.float32(1)}

    def add(kind, *inputs, **attributes):
        name = f"{kind}{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(array):
        name = f"c{len(constants)}"
        constants[name] = np.asarray(array, dtype=np.float32)
        return name

    x = add("BipolarQuant", "x", "one", domain=DOMAIN)
    for k, (fan_in, count) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        weights = constant(rng.choice([-1.0, 1.0], (fan_in, count)))
        x = add("MatMul", x, add("BipolarQuant", weights, "one", domain=DOMAIN))
        if k < len(widths) - 2:
            spread = fan_in**0.5
            norm = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                    rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
            x = add("BatchNormalization", x, *(constant(p) for p in norm), epsilon=1e-5)
            x = add("BipolarQuant", x, "one", domain=DOMAIN)
    x = add("ArgMax", x, axis=1, keepdims=0)
    start = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, widths[0]])
    end = helper.make_tensor_value_info(x, TensorProto.INT64, [1])
    tensors = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "mlp", [start], [end], tensors), opset_imports=opsets, ir_version=8
    )  # fmt: skip
    helper.set_model_props(model, {"fewbit.input": "bipolar"})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
