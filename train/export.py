"""A trained network is written as QONNX, as Brevitas does it, and such a file is run.

Weights are floats in an initializer and go through a quantizer's node, activations through another: ``Quant`` or
``BipolarQuant`` (domain ``qonnx.custom_op.general``), or one of our own (`golden.model_file.exchange`). Batch norm is a
node of its own. The last node gives the logits. The metadata key ``fewbit.input`` says which integers the input stands
for: ``uint5/16`` are 5-bit unsigned integers, divided by 16. Images are ``(batch, channels, height, width)``.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.file import INPUT_KEY

from .data import CLASSES, Dataset
from .layers import DenseLayer, Maker, walk
from .model import EPSILON
from .parameters import Parameters
from .recipe import Recipe

__all__ = ["OPSET", "build", "execute", "write"]

OPSET = 13


class _Graph(Maker[str]):
    """A maker of `layers` that adds nodes and initializers to ``builder``; its ``x`` are tensor names.

    ``image`` says whether the tensor at hand is an image.
    """

    def __init__(self, recipe, image):
        self.recipe, self.image, self.streams = recipe, image, 0
        self.builder = ModelBuilder(opset=OPSET, name=recipe.name)

    def constant(self, name, value):
        return self.builder.constant(value, name)

    def add(self, kind, name, /, *inputs, **attributes):
        """Add node ``name`` and return its output, which has the same name."""
        return self.builder.add(kind, *inputs, y=name, **attributes)

    def quantize(self, operator, name, x, weight=None):
        """Add the node of a `quantize.Operator` behind ``x``, and return its output.

        ``x`` is what is kept of the latent ``weight``, or, without one, an activation.
        """
        if operator is None:
            return x
        operands = {what: np.asarray(value) for what, value in operator.operands.items()}
        if weight is not None:
            operands = {what: _beside(value, weight.ndim) for what, value in operands.items()}
        names = [self.constant(f"{name}.{what}", value) for what, value in operands.items()]
        return self.add(operator.name, name, x, *names, domain=operator.domain, **operator.attributes)

    def activation(self, quantizer, name, x, state=None):
        """Add the quantizer of an activation, and return its output."""
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
    """Return weights (height, width, in, out), or (height, width, channels), as ONNX's (out, in, height, width)."""
    return weight.transpose(3, 2, 0, 1) if weight.ndim == 4 else weight.transpose(2, 0, 1)[:, None]


def _beside(operand, rank):
    """Return an operand that goes with a channels-last weight of ``rank`` axes as it goes with the weight in ONNX."""
    if rank < 3 or operand.ndim < rank:
        return operand
    if operand.ndim == rank:
        return _in_onnx_order(operand)
    return np.stack([_in_onnx_order(part) for part in np.moveaxis(operand, -1, 0)], axis=-1)


def build(recipe: Recipe, dataset: Dataset, params: Parameters) -> onnx.ModelProto:
    """Return the network as a ``ModelProto``.

    Its input ``x`` is ``(batch, features)`` or ``(batch, channels, height, width)``, its output ``logits`` is
    ``(batch, classes)``.

    Parameters
    ----------
    recipe : recipe.Recipe
    dataset : data.Dataset
    params : list of LayerParameters
        Trained parameters, as in `model`.
    """
    *size, channels = dataset.shape
    graph = _Graph(recipe, bool(size))
    x = graph.builder.add_input("x", ["batch", channels, *size])
    graph.builder.add_output(walk(recipe, CLASSES, params, x, graph), ["batch", CLASSES])
    proto = graph.builder.model({INPUT_KEY: dataset.declaration}, producer="fewbit")
    onnx.checker.check_model(proto)
    return proto


def write(recipe: Recipe, dataset: Dataset, params: Parameters, path: Path) -> None:
    """Write the network of `build` to ``path``. The same parameters give the same bytes."""
    path.write_bytes(build(recipe, dataset, params).SerializeToString(deterministic=True))


def execute(path: Path, x: np.ndarray) -> np.ndarray:
    """Return the logits ``(n, classes)`` of samples ``x`` by the QONNX executor, from the file alone."""
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
