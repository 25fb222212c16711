"""Writes a trained network as QONNX, as Brevitas does, and runs such a file.

Weights are latent floats in an initializer and go through a ``Quant`` or ``BipolarQuant`` node (domain
``qonnx.custom_op.general``), activations through another. Batch norm is its own node. The last node gives the logits.
The metadata key ``fewbit.input`` says which integers the input stands for: ``uint5/16`` are 5-bit unsigned integers,
divided by 16. Images are ``(batch, channels, height, width)``.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .data import CLASSES
from .layers import Dense, walk
from .model import EPSILON
from .quantize import Bipolar, Float, power_of_two

__all__ = ["INPUT_KEY", "OPSET", "build", "execute", "write"]

INPUT_KEY = "fewbit.input"
OPSET = 13
DOMAIN = "qonnx.custom_op.general"


class _Graph:
    """Nodes and initializers in the order in which they are added: a maker of `layers`, whose ``x`` are tensor names.

    ``image`` says whether the tensor at hand is one.
    """

    def __init__(self, recipe, image):
        self.recipe, self.image = recipe, image
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

    # What `layers.walk` asks for

    def input(self, x):
        if self.recipe.input == Bipolar():
            x = self.add("Mul", "input.twice", x, self.constant("input.two", 2))
            x = self.add("Sub", "input.centred", x, self.constant("input.one", 1))
        return self.quantize(self.recipe.input, "input.quant", x)

    def product(self, name, layer, p, x):
        dense = isinstance(layer, Dense)
        if dense and self.image:
            x, self.image = self.add("Flatten", f"{name}.flat", x), False
        weight = self.constant(f"{name}.weight", p["weight"] if dense else _in_onnx_order(p["weight"]))
        weight = self.quantize(self.recipe.weight, f"{name}.weight.quant", weight, p.get("weight_exponent"))
        name = name if "gamma" in p else "logits"
        if dense:
            return self.add("MatMul", name, x, weight)
        group = p["weight"].shape[2] if layer.channels is None else 1
        where = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": [layer.pad] * 4}
        return self.add("Conv", name, x, weight, group=group, **where)

    def norm(self, name, p, x):
        statistics = [self.constant(f"{name}.{what}", p[what]) for what in ("gamma", "beta", "mean", "var")]
        return self.add("BatchNormalization", name, x, *statistics, epsilon=EPSILON)

    def relu(self, name, x):
        return self.add("Relu", name, x)

    def act(self, name, quantizer, p, x):
        return self.quantize(quantizer, f"{name}.quant", x, p.get("act_exponent"))

    def pool(self, name, size, x):
        return self.add("MaxPool", name, x, kernel_shape=[size] * 2, strides=[size] * 2)

    def average(self, name, x):
        return self.add("GlobalAveragePool", name, x)  # the Flatten of the product behind it takes the 1x1 image

    def sum(self, name, a, b):
        return self.add("Add", name, a, b)


def _in_onnx_order(weight):
    """(out, in, height, width) of a convolution's (height, width, in, out), or of a depthwise one's without ``out``."""
    return weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.transpose(2, 0, 1)[:, None]


def build(recipe, dataset, params):
    """The network as a ``ModelProto``: input ``x`` (batch, features) or (batch, channels, height, width), output
    ``logits`` (batch, classes)."""
    *size, channels = dataset.shape
    graph = _Graph(recipe, bool(size))
    walk(recipe, CLASSES, params, "x", graph)
    shape = [channels, *size]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            recipe.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
            list(graph.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, 1)],
        producer_name="fewbit",
        ir_version=8,
    )
    helper.set_model_props(proto, {INPUT_KEY: dataset.declaration})
    onnx.checker.check_model(proto)
    return proto


def write(recipe, dataset, params, path):
    """`build` it and save it as ``path``. The same parameters give the same bytes."""
    path.write_bytes(build(recipe, dataset, params).SerializeToString(deterministic=True))


def execute(path, x):
    """Logits of ``x`` by the QONNX executor, from the file alone."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.util.cleanup import cleanup_model

    size = min(len(x), 1000)
    model = cleanup_model(ModelWrapper(str(path)), override_inpsize=size)
    (given,), (result,) = model.graph.input, model.graph.output
    padded = np.concatenate([x, np.zeros((-len(x) % size, *x.shape[1:]), dtype=x.dtype)])
    parts = (padded[at : at + size] for at in range(0, len(padded), size))
    return np.concatenate([execute_onnx(model, {given.name: part})[result.name] for part in parts])[: len(x)]
