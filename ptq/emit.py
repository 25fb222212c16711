"""A model with quantizers in it is written as QONNX, or in standard operations that onnxruntime runs quickly.

Both come from one `QuantizationPlan`. The standard form of a quantizer is ``Div, Clip, Round, Mul`` in float32, in the
order in which qonnx's executor computes them.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx

from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.numbers.formats import Format

from .graph import FloatLayer, FloatModel, Front

__all__ = ["QuantizationPlan", "TensorQuantizer", "plain_model", "qonnx_model"]


@dataclass(frozen=True, eq=False)
class TensorQuantizer:
    """The function ``scale*clip(round(x/scale), lo, hi)``, or, of one signed bit, ``scale*sign(x)`` with sign(0) = 1.

    Attributes
    ----------
    format : Format
        The format of the integers, which gives lo and hi.
    scale : float32 scalar, or array that broadcasts against the tensor
    method : str
        How the scale was chosen, for reports.
    """

    format: Format
    scale: np.ndarray
    method: str = ""

    def __call__(self, x: npt.ArrayLike) -> np.ndarray:
        """Return the float32 values that the quantizer makes of ``x``, as qonnx's executor does."""
        x = np.asarray(x, dtype=np.float32)
        if self.format.is_sign:
            return np.where(x >= 0, self.scale, -self.scale).astype(np.float32)
        codes = np.rint(np.clip(x / self.scale, self.format.lo, self.format.hi))
        return (codes * self.scale).astype(np.float32)


@dataclass(eq=False)
class QuantizationPlan:
    """What is quantized, and how. What is not in the plan stays float.

    Attributes
    ----------
    weights, activations : dict of TensorQuantizer
        By the name of the layer, and by the name of the tensor.
    biases, latent : dict of float32 arrays
        Biases ``(N,)``, and weights in front of their quantizers, by the name of the layer, where these are not the
        model's own.
    """

    weights: dict[str, TensorQuantizer] = field(default_factory=dict)
    activations: dict[str, TensorQuantizer] = field(default_factory=dict)
    biases: dict[str, np.ndarray] = field(default_factory=dict)
    latent: dict[str, np.ndarray] = field(default_factory=dict)


def plain_model(
    model: FloatModel, plan: QuantizationPlan, outputs: list[str], *, batch: int | str = "N",
    front: Front | None = None,
) -> onnx.ModelProto:  # fmt: skip
    """Return a model in standard operations, as a ``ModelProto``.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    plan : QuantizationPlan
    outputs : list of str
        Tensors of the model that become outputs, as they are in front of a quantizer of theirs.
    batch : int or str
        The number of samples, or a name for any number.
    front : ptq.graph.Front or None
        Where the model begins; None stands for its input.
    """
    front = front or Front(0, (model.file.only.name,))
    end = max((k for k, step in enumerate(model.steps) if set(outputs).intersection(step.output)), default=-1) + 1
    builder = _Emitter(model, plan, front.tensors, model.steps[front.position : end], qonnx=False).builder
    for name in front.tensors:
        builder.add_input(name, [batch, *model.shape_of(name)])
    for name in outputs:
        builder.add_output(name, dtype=None)
    return builder.model(only_needed=True)


def qonnx_model(model: FloatModel, plan: QuantizationPlan, metadata: dict[str, str]) -> onnx.ModelProto:
    """Return the model as QONNX, a ``ModelProto``, as Brevitas writes it.

    Latent weights are initializers, each with its quantizer behind it. ``metadata`` is what the model's own metadata is
    updated with.
    """
    given, batch = model.file.only.name, model.file.batch or "N"
    builder = _Emitter(model, plan, (given,), model.steps, qonnx=True).builder
    builder.add_input(given, [batch, *model.file.only.shape[1:]])
    for name in model.outputs:
        builder.add_output(name, [batch, *model.shapes[name][1:]], model.types[name])
    return builder.model(model.file.metadata | metadata, producer="fewbit", only_needed=True)


class _Emitter:
    """One walk over steps of a model, which writes them and the quantizers of a plan into ``builder``.

    ``given`` are the names of the tensors that are there already.
    """

    def __init__(self, model, plan, given, steps, *, qonnx):
        self.model, self.plan, self.qonnx = model, plan, qonnx
        self.builder = ModelBuilder(opset=model.file.opset, name=model.file.name)
        self.builder.constants |= model.constants
        self.renamed = {}
        for name in given:
            self._coded(name)
        for step in steps:
            if isinstance(step, FloatLayer):
                self._layer(step)
            else:
                self.builder.append(step)
                self.builder.nodes[-1].input[:] = [self.renamed.get(name, name) for name in step.input]
            for name in step.output:
                self._coded(name)

    def _constant(self, name, value):
        self.builder.constants[name] = np.asarray(value, dtype=np.float32)  # in place of the model's own of that name
        return name

    def _add(self, kind, y, /, *inputs, **attributes):
        return self.builder.add(kind, *inputs, y=y, **attributes)

    def _coded(self, name):
        if name in self.plan.activations:
            self.renamed[name] = self._quantize(f"{name}.quant", name, self.plan.activations[name])

    def _quantize(self, name, x, quantizer):
        fmt, scale = quantizer.format, self._constant(f"{name}.scale", quantizer.scale)
        if self.qonnx:
            if fmt.is_sign:
                return self.builder.bipolar_quant(x, scale, y=name)
            zero, bits = self._constant(f"{name}.zeropt", 0), self._constant(f"{name}.bitwidth", fmt.bits)
            signed = fmt.signed
            return self.builder.quant(x, scale, zero, bits, signed=signed, narrow=signed, y=name)
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
        if layer.channels_first:
            w = self._inputs_first(layer, w) if layer.kind == "ConvTranspose" else w
            self._add(layer.kind, layer.y, x, w, *b, name=layer.name, **layer.attributes)
        elif b:
            product = self._add("MatMul", f"{layer.y}.product", x, w, name=layer.name)
            self._add("Add", layer.y, product, *b, name=f"{layer.y}.biased")
        else:
            self._add("MatMul", layer.y, x, w, name=layer.name)

    def _inputs_first(self, layer, w):
        """Return weights (N, C/groups, ...) as a transposed convolution takes them, (C, N/groups, ...)."""
        groups, (neurons, channels, *taps) = layer.attributes.get("group", 1), layer.weights.shape
        split = self._shape(f"{layer.y}.groups", [groups, neurons // groups, channels, *taps])
        y = self._add("Reshape", f"{layer.y}.weights.grouped", w, split)
        perm = [0, 2, 1, *range(3, 3 + len(taps))]
        y = self._add("Transpose", f"{layer.y}.weights.turned", y, perm=perm)
        whole = self._shape(f"{layer.y}.whole", [groups * channels, neurons // groups, *taps])
        return self._add("Reshape", f"{layer.y}.weights.whole", y, whole)

    def _shape(self, name, shape):
        self.builder.constants[name] = np.array(shape, dtype=np.int64)
        return name
