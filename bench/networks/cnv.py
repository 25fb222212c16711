"""CNV, the network of the FINN paper for images of 32x32x3, in one bit and with random weights: a benchmark of size.

64-64-pool-128-128-pool-256-256 of unpadded 3x3 convolutions, then 512-512-10 (Umuroglu and others, FPGA 2017). Inputs
are raw 8-bit pixels behind ``2x - 1``; weights and activations are bipolar.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["cnv"]

DOMAIN = "qonnx.custom_op.general"
LAYERS = (64, 64, "pool", 128, 128, "pool", 256, 256)
DENSE = (512, 512, 10)


def cnv(path, seed=1, size=32, channels=3, layers=LAYERS, dense=DENSE):
    """Write the model, its input declared as ``uint8/255``."""
    rng = np.random.default_rng(seed)
    nodes, constants = [], {"two": np.float32(2), "one": np.float32(1)}

    def add(kind, *inputs, **attributes):
        name = f"{kind}{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(array):
        name = f"c{len(constants)}"
        constants[name] = np.asarray(array, dtype=np.float32)
        return name

    def weights(*shape):
        return add("BipolarQuant", constant(rng.choice([-1.0, 1.0], shape)), "one", domain=DOMAIN)

    def activation(x, count, fan_in):
        spread = fan_in**0.5
        parameters = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                      rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
        x = add("BatchNormalization", x, *(constant(p) for p in parameters), epsilon=1e-5)
        return add("BipolarQuant", x, "one", domain=DOMAIN)

    x = add("Sub", add("Mul", "x", "two"), "one")
    for layer in layers:
        if layer == "pool":
            x, size = add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), size // 2
            continue
        x = add("Conv", x, weights(layer, channels, 3, 3), kernel_shape=[3, 3])
        x, channels, size = activation(x, layer, 9 * channels), layer, size - 2
    x, width = add("Flatten", x, axis=1), channels * size * size
    for k, count in enumerate(dense):
        x = add("MatMul", x, weights(width, count))
        if k < len(dense) - 1:
            x = activation(x, count, width)
        width = count
    start = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])
    end = helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, dense[-1]])
    tensors = [numpy_helper.from_array(a, n) for n, a in constants.items()]
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
    model = helper.make_model(
        helper.make_graph(nodes, "cnv", [start], [end], tensors), opset_imports=opsets, ir_version=8
    )  # fmt: skip
    helper.set_model_props(model, {"fewbit.input": "uint8/255"})
    onnx.save(model, path)
