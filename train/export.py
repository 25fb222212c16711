"""Writes a trained network as QONNX, as Brevitas does, and runs such a file.

Weights are latent floats in an initializer and go through a ``Quant`` or ``BipolarQuant`` node (domain
``qonnx.custom_op.general``), activations through another. Batch norm is its own node. The last node gives the logits.
The metadata key ``fewbit.input`` says which integers the input stands for: ``uint5/16`` are 5-bit unsigned integers,
divided by 16.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .data import CLASSES
from .model import EPSILON
from .quantize import Bipolar, Float, power_of_two

__all__ = ["INPUT_KEY", "INPUT_VALUE", "OPSET", "build", "execute", "write"]

INPUT_KEY = "fewbit.input"
INPUT_VALUE = "uint5/16"
OPSET = 13
DOMAIN = "qonnx.custom_op.general"


class _Graph:
    """Nodes and initializers in the order in which they are added."""

    def __init__(self):
        self.nodes, self.initializers = [], {}

    def constant(self, name, value):
        self.initializers[name] = numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
        return name

    def add(self, op, name, *inputs, **attributes):
        """Add node ``name`` and return its output, named likewise."""
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def quantize(self, quantizer, name, x, exponent=None):
        if quantizer == Float():
            return x
        if quantizer == Bipolar():
            return self.add("BipolarQuant", name, x, self.constant(f"{name}.scale", 1), domain=DOMAIN)
        scale = np.asarray(power_of_two(exponent)) if quantizer.learned else quantizer.scale
        return self.add(
            "Quant",
            name,
            x,
            self.constant(f"{name}.scale", scale),
            self.constant(f"{name}.zeropt", 0),
            self.constant(f"{name}.bitwidth", quantizer.bits),
            domain=DOMAIN,
            signed=int(quantizer.signed),
            narrow=int(quantizer.signed),
            rounding_mode="ROUND",
        )


def build(recipe, params):
    """The network as a ``ModelProto``: input ``x`` (batch, features), output ``logits`` (batch, classes)."""
    graph = _Graph()
    x = "x"
    if recipe.input == Bipolar():
        x = graph.add("Mul", "input.twice", x, graph.constant("input.two", 2))
        x = graph.add("Sub", "input.centred", x, graph.constant("input.one", 1))
    x = graph.quantize(recipe.input, "input.quant", x)
    for number, layer in enumerate(params, 1):
        weight = graph.constant(f"fc{number}.weight", layer["weight"])
        weight = graph.quantize(recipe.weight, f"fc{number}.weight.quant", weight, layer.get("weight_exponent"))
        if "gamma" not in layer:
            graph.add("MatMul", "logits", x, weight)
            break
        x = graph.add("MatMul", f"fc{number}", x, weight)
        statistics = [graph.constant(f"bn{number}.{what}", layer[what]) for what in ("gamma", "beta", "mean", "var")]
        x = graph.add("BatchNormalization", f"bn{number}", x, *statistics, epsilon=EPSILON)
        if recipe.act != Bipolar():
            x = graph.add("Relu", f"relu{number}", x)
        x = graph.quantize(recipe.act, f"act{number}.quant", x, layer.get("act_exponent"))

    features = len(params[0]["weight"])
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            recipe.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", features])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
            list(graph.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        producer_name="fewbit",
        ir_version=8,
    )
    helper.set_model_props(proto, {INPUT_KEY: INPUT_VALUE})
    onnx.checker.check_model(proto)
    return proto


def write(recipe, params, path):
    """`build` it and save it as ``path``. The same parameters give the same bytes."""
    path.write_bytes(build(recipe, params).SerializeToString(deterministic=True))


def execute(path, x):
    """Logits of ``x`` by the QONNX executor, from the file alone."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    model = cleanup_model(ModelWrapper(str(path)), override_inpsize=len(x))
    (given,), (result,) = model.graph.input, model.graph.output
    return execute_onnx(model, {given.name: x})[result.name]
