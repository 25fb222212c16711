"""Writes a trained network as QONNX, as Brevitas does, and runs such a file.

Weights are floats in an initializer and go through a quantizer's node, activations through another: ``Quant`` or
``BipolarQuant`` (domain ``qonnx.custom_op.general``), or one of our own (`golden.model_file.domain`). Batch norm is a
node of its own. The last node gives the logits. The metadata key ``fewbit.input`` says which integers the input stands
for: ``uint5/16`` are 5-bit unsigned integers, divided by 16. Images are ``(batch, channels, height, width)``.
"""

from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fewbit.golden.model_file import domain as exchange

from .data import CLASSES
from .layers import DenseLayer, walk
from .model import EPSILON
from .quantize import GENERAL

__all__ = ["INPUT_KEY", "OPSET", "build", "execute", "write"]

INPUT_KEY = "fewbit.input"
OPSET = 13


class _Graph:
    """Nodes and initializers in the order in which they are added: a maker of `layers`, whose ``x`` are tensor names.

    ``image`` says whether the tensor at hand is one.
    """

    def __init__(self, recipe, image):
        self.recipe, self.image = recipe, image
        self.nodes, self.initializers, self.streams = [], {}, 0

    def constant(self, name, value):
        self.initializers[name] = numpy_helper.from_array(np.asarray(value, dtype=np.float32), name)
        return name

    def add(self, op, name, *inputs, **attributes):
        """Add node ``name`` and return its output, named likewise."""
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def quantize(self, operator, name, x, weight=None):
        """Add a `quantize.Operator` behind ``x``, which is what is kept of ``weight`` or else an activation."""
        if operator is None:
            return x
        operands = {what: np.asarray(value) for what, value in operator.operands.items()}
        if weight is not None:
            operands = {what: _beside(value, weight.ndim) for what, value in operands.items()}
        names = [self.constant(f"{name}.{what}", value) for what, value in operands.items()]
        return self.add(operator.name, name, x, *names, domain=operator.domain, **operator.attributes)

    def activation(self, quantizer, name, x, state=None):
        operator = quantizer.operator(None, state)
        if operator is not None and operator.name == "StochasticQuant":  # each its own stream
            operator = replace(operator, attributes={**operator.attributes, "seed": quantizer.seed + self.streams})
            self.streams += 1
        return self.quantize(operator, name, x)

    # What `layers.walk` asks for

    def input(self, x):
        if self.recipe.input.centred:
            x = self.add("Mul", "input.twice", x, self.constant("input.two", 2))
            x = self.add("Sub", "input.centred", x, self.constant("input.one", 1))
        return self.activation(self.recipe.input, "input.quant", x)

    def product(self, name, layer, quantizer, p, x):
        dense = isinstance(layer, DenseLayer)
        if dense and self.image:
            x, self.image = self.add("Flatten", f"{name}.flat", x), False
        latent, state = p["weight"], p.get("weight_state")
        kept = np.asarray(quantizer.stored(latent, state))
        weight = self.constant(f"{name}.weight", kept if dense else _in_onnx_order(kept))
        weight = self.quantize(quantizer.operator(latent, state), f"{name}.weight.quant", weight, latent)
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
        return self.activation(quantizer, f"{name}.quant", x, p.get("act_state"))

    def pool(self, name, size, x):
        return self.add("MaxPool", name, x, kernel_shape=[size] * 2, strides=[size] * 2)

    def average(self, name, x):
        return self.add("GlobalAveragePool", name, x)  # the Flatten of the product behind it takes the 1x1 image

    def sum(self, name, a, b):
        return self.add("Add", name, a, b)


def _in_onnx_order(weight):
    """(out, in, height, width) of a convolution's (height, width, in, out), or of a depthwise one's without ``out``."""
    return weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.transpose(2, 0, 1)[:, None]


def _beside(operand, rank):
    """An operand that broadcasts with a channels-last weight of ``rank`` axes, as it does with the weight in ONNX."""
    if rank < 3 or operand.ndim < rank:
        return operand
    if operand.ndim == rank:
        return _in_onnx_order(operand)
    return np.stack([_in_onnx_order(part) for part in np.moveaxis(operand, -1, 0)], axis=-1)


def build(recipe, dataset, params):
    """The network as a ``ModelProto``: input ``x`` (batch, features) or (batch, channels, height, width), output
    ``logits`` (batch, classes)."""
    *size, channels = dataset.shape
    graph = _Graph(recipe, bool(size))
    walk(recipe, CLASSES, params, "x", graph)
    shape = [channels, *size]
    ours = [exchange.make_opset()] if any(node.domain == exchange.DOMAIN for node in graph.nodes) else []
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            recipe.name,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
            list(graph.initializers.values()),
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(GENERAL, 1), *ours],
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
    results = []
    for at in range(0, len(padded), size):
        exchange.number_frames(model, at)
        results.append(execute_onnx(model, {given.name: padded[at : at + size]})[result.name])
    return np.concatenate(results)[: len(x)]
