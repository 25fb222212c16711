"""A model with quantizers in it, as QONNX, or in standard operations that onnxruntime runs quickly.

Both come from one `QuantizationPlan`. The standard form of a quantizer is ``Div, Clip, Round, Mul`` in float32: qonnx's
own order.
"""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from .graph import FloatLayer
from .runtime import model_of

__all__ = ["QuantizationPlan", "TensorQuantizer", "float_nodes", "plain_model", "qonnx_model"]

_DOMAIN = "qonnx.custom_op.general"


@dataclass(frozen=True, eq=False)
class TensorQuantizer:
    """``scale*clip(round(x/scale), lo, hi)`` of a format; of `Bipolar` ``+scale`` where x >= 0, else ``-scale``.

    ``scale`` is a float32 scalar, or an array that goes with the tensor.
    """

    format: object
    scale: np.ndarray
    method: str = ""

    def __call__(self, x):
        """The float32 values that it makes, as qonnx's executor does."""
        x = np.asarray(x, dtype=np.float32)
        if self.format.is_sign:
            return np.where(x >= 0, self.scale, -self.scale).astype(np.float32)
        codes = np.rint(np.clip(x / self.scale, self.format.lo, self.format.hi))
        return (codes * self.scale).astype(np.float32)


@dataclass(eq=False)
class QuantizationPlan:
    """What is quantized, and how: `TensorQuantizer` of weights by layer and of activations by tensor; biases by layer,
    and latent weights in front of their quantizers, where they are not the model's own. What is not in it stays
    float."""

    weights: dict = field(default_factory=dict)
    activations: dict = field(default_factory=dict)
    biases: dict = field(default_factory=dict)
    latent: dict = field(default_factory=dict)


def float_nodes(model):
    """``(nodes, constants)`` of a `ptq.graph.FloatModel` without any quantizer."""
    return _Emitter(model, QuantizationPlan(), qonnx=False).result()


def plain_model(model, plan, outputs):
    """A ModelProto in standard operations that gives ``outputs``, tensors of the model (as they are in front of a
    quantizer of theirs)."""
    nodes, constants = _Emitter(model, plan, qonnx=False).result()
    return model_of(model.file, nodes, constants, outputs)


def qonnx_model(model, plan, metadata):
    """The model as QONNX: latent weights in initializers, each behind its quantizer, as Brevitas writes it."""
    nodes, constants = _Emitter(model, plan, qonnx=True).result()
    proto = model_of(model.file, nodes, constants, model.outputs)
    proto.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    proto.producer_name = "fewbit"
    batch = model.file.batch or "N"
    if model.file.batch:
        proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = model.file.batch
    del proto.graph.output[:]
    for name in model.outputs:
        kind = helper.np_dtype_to_tensor_dtype(model.types[name])
        proto.graph.output.append(helper.make_tensor_value_info(name, kind, [batch, *model.shapes[name][1:]]))
    helper.set_model_props(proto, model.file.metadata | metadata)
    return proto


class _Emitter:
    """One walk over the steps of a model."""

    def __init__(self, model, plan, qonnx):
        self.model, self.plan, self.qonnx = model, plan, qonnx
        self.constants = dict(model.constants)
        self.nodes, self.renamed = [], {}
        self._coded(model.file.input_name)
        for step in model.steps:
            if isinstance(step, FloatLayer):
                self._layer(step)
            else:
                node = onnx.NodeProto()
                node.CopyFrom(step)
                node.input[:] = [self.renamed.get(name, name) for name in step.input]
                self.nodes.append(node)
            for name in step.output:
                self._coded(name)

    def result(self):
        return self.nodes, self.constants

    def _constant(self, name, value):
        self.constants[name] = np.asarray(value, dtype=np.float32)
        return name

    def _add(self, kind, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def _coded(self, name):
        if name in self.plan.activations:
            self.renamed[name] = self._quantize(f"{name}.quant", name, self.plan.activations[name])

    def _quantize(self, name, x, quantizer):
        fmt, scale = quantizer.format, self._constant(f"{name}.scale", quantizer.scale)
        if self.qonnx:
            if fmt.is_sign:
                return self._add("BipolarQuant", name, x, scale, domain=_DOMAIN)
            zero, bits = self._constant(f"{name}.zeropt", 0), self._constant(f"{name}.bitwidth", fmt.bits)
            signed = int(fmt.signed)
            return self._add("Quant", name, x, scale, zero, bits, domain=_DOMAIN, signed=signed, narrow=signed,
                             rounding_mode="ROUND")  # fmt: skip
        if fmt.is_sign:
            falls = self._add("Less", f"{name}.falls", x, self._constant(f"{name}.zero", 0))
            return self._add("Where", name, falls, self._constant(f"{name}.minus", -quantizer.scale), scale)
        y = self._add("Div", f"{name}.steps", x, scale)
        lo, hi = (self._constant(f"{name}.{end}", getattr(fmt, end)) for end in ("lo", "hi"))
        y = self._add("Round", f"{name}.codes", self._add("Clip", f"{name}.clipped", y, lo, hi))
        return self._add("Mul", name, y, scale)

    def _layer(self, layer):
        quantizer, weights = self.plan.weights.get(layer.name), self.plan.latent.get(layer.name, layer.weights)
        if quantizer is not None and not self.qonnx:
            weights = quantizer(weights)
        w = self._constant(f"{layer.y}.weights", weights)
        if quantizer is not None and self.qonnx:
            w = self._quantize(f"{layer.y}.weights.quant", w, quantizer)
        x, bias = self.renamed.get(layer.x, layer.x), self.plan.biases.get(layer.name, layer.bias)
        b = [] if bias is None else [self._constant(f"{layer.y}.bias", bias)]
        if layer.kind == "Conv":
            self._add("Conv", layer.y, x, w, *b, **layer.attributes)
        elif b:
            self._add("Add", layer.y, self._add("MatMul", f"{layer.y}.product", x, w), *b)
        else:
            self._add("MatMul", layer.y, x, w)
