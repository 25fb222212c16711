"""A float ONNX model as post-training quantization sees it: layers with weights and biases, and the nodes between them.

Constants are folded, and whatever is affine behind a product goes into its weights and bias (`ptq.batchnorm`). What is
left is in order: a `Layer` for every product, the model's own node for everything else.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import onnx

from golden.exchange import OPERATIONS
from golden.handlers import HANDLERS
from golden.onnxfile import STANDARD_DOMAINS, ModelError, OnnxFile, attributes_of, describe, evaluate

from .runtime import shapes_of

__all__ = ["FloatModel", "Layer", "read_model"]

PRODUCTS = ("Conv", "Gemm", "MatMul")
_QUANTIZERS = ("Quant", "IntQuant", "BipolarQuant", "Trunc", *OPERATIONS)
_NOTHING = ("Identity", "Dropout")
_LEAST_OPSET = 11  # of Round and of Clip with operands


@dataclass(eq=False)
class Layer:
    """A product of data and weights, and its bias.

    Attributes
    ----------
    name : str
        The node's name in the model, or that of its output where it has none.
    kind : str
        ``Conv`` or ``MatMul`` (a Gemm is one, turned as needed).
    x, y : str
        Tensors; y is behind whatever has been folded.
    weights : float32 array
        ``(N, C/groups, ...)`` of a convolution, ``(K, N)`` of a matrix product.
    bias : float32 array ``(N,)`` or None
    attributes : dict
        Of a convolution.
    """

    name: str
    kind: str
    x: str
    y: str
    weights: np.ndarray
    bias: np.ndarray | None = None
    attributes: dict = field(default_factory=dict)

    @property
    def input(self):
        return [self.x]

    @property
    def output(self):
        return [self.y]

    @property
    def axis(self):
        """Of the outputs, in the weights."""
        return 0 if self.kind == "Conv" else 1

    @property
    def neurons(self):
        return self.weights.shape[self.axis]

    @property
    def rows(self):
        """The weights as ``(N, what an output reads)``."""
        return np.moveaxis(self.weights, self.axis, 0).reshape(self.neurons, -1)

    def spread(self, values):
        """One number an output, shaped to go with the weights."""
        return np.reshape(values, (-1, *[1] * (self.weights.ndim - 1)) if self.axis == 0 else (1, -1))


@dataclass(eq=False)
class FloatModel:
    """A model that has been read.

    Attributes
    ----------
    file : golden.onnxfile.OnnxFile
    steps : list of Layer and NodeProto, in order
    constants : dict of name to array
    shapes : dict
        Of every tensor that depends on the input, for one sample.
    types : dict
        NumPy's, of the same tensors.
    data : set
        Tensors that depend on the values of the input, not on its shape alone.
    """

    file: OnnxFile
    steps: list
    constants: dict
    data: set
    alias: dict
    shapes: dict = field(default_factory=dict)
    types: dict = field(default_factory=dict)

    @property
    def layers(self):
        return [s for s in self.steps if isinstance(s, Layer)]

    @property
    def outputs(self):
        return [self.alias.get(name, name) for name in self.file.outputs]

    @property
    def scores(self):
        """The tensor whose largest entry is the label: the first output, or what its ArgMax or TopK looks at."""
        name = self.outputs[0]
        made = self.maker(name)
        return made.input[0] if made is not None and made.op_type in ("ArgMax", "TopK") else name

    def maker(self, name):
        """The node that makes the tensor; None for a layer's and for the input."""
        return next((s for s in self.steps if not isinstance(s, Layer) and name in s.output), None)

    def readers(self, name):
        return [s for s in self.steps if name in s.input]

    def layer(self, which):
        """A layer by name, by ``first`` or ``last``, or by its number from 0 (from the end if negative)."""
        names = {layer.name: layer for layer in self.layers}
        if which in names:
            return names[which]
        number = {"first": 0, "last": -1}.get(which)
        if number is None:
            try:
                number = int(which)
            except ValueError:
                number = len(self.layers)
        try:
            return self.layers[number]
        except IndexError:
            raise ModelError(f"{self.file.path}: has no layer {which!r}; its layers are {', '.join(names)}") from None


def read_model(path):
    """The `FloatModel` at ``path``; `ModelError` names what cannot be quantized."""
    from .batchnorm import fold_affine

    file = OnnxFile(path)
    if file.opset < _LEAST_OPSET:
        raise ModelError(
            f"{path}: opset {file.opset} is too old to be calibrated; export it with {_LEAST_OPSET} or newer"
        )
    if file.input_type:
        raise ModelError(f"{path}: takes {file.input_type}; post-training quantization takes a model of floats")
    model = _Reader(file).model()
    if not model.layers:
        raise ModelError(f"{path}: has no layer (MatMul, Gemm or Conv) to quantize")
    fold_affine(model)
    return model


class _Reader:
    """One walk over the nodes."""

    def __init__(self, file):
        self.file, self.alias = file, {}
        self.constants = dict(file.constants)
        self.data, self.steps, self.names = {file.input_name}, [], Counter()

    def model(self):
        for original in self.file.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(original)
            node.input[:] = [self.alias.get(name, name) for name in original.input]
            self._visit(node)
        model = FloatModel(self.file, self.steps, self.constants, self.data, self.alias)
        model.shapes, model.types = shapes_of(model)
        return model

    def _visit(self, node):
        known = node.domain in STANDARD_DOMAINS and node.op_type in HANDLERS
        if node.op_type in _QUANTIZERS:
            raise ModelError(
                f"{describe(node)}: the model is quantized already; post-training quantization takes floats"
            )
        given = [name for name in node.input if name]
        if node.domain in STANDARD_DOMAINS and all(name in self.constants for name in given):
            padded = [self.constants[name] if name else None for name in node.input]
            self.constants.update(zip(node.output, evaluate(self.file, node, padded), strict=True))
        elif not known:
            supported = sorted(set(HANDLERS) - set(_QUANTIZERS))
            raise ModelError(f"{describe(node)}: cannot be quantized; supported are {', '.join(supported)}")
        elif node.op_type in _NOTHING:
            self.alias[node.output[0]] = node.input[0]
        elif node.op_type in PRODUCTS:
            self._product(node)
        else:
            self.steps.append(node)
            shape_only = node.op_type == "Shape" or not self.data.intersection(given)
            self.data.update(() if shape_only else node.output)

    def _product(self, node):
        attributes = attributes_of(node)
        x, w, *more = node.input
        if x in self.constants or w not in self.constants:
            raise ModelError(f"{describe(node)}: its first operand must depend on the input, its second be the weights")
        weights, bias = self.constants[w], self.constants.get(more[0]) if more and more[0] else None
        if more and more[0] and bias is None:
            raise ModelError(f"{describe(node)}: its bias must be a constant")
        if node.op_type == "Gemm":
            weights, bias = _gemm(node, attributes, weights, bias)
            attributes = {}
        if node.op_type != "Conv" and weights.ndim != 2:
            raise ModelError(f"{describe(node)}: its weights must be a matrix, not of shape {weights.shape}")
        kind = "Conv" if node.op_type == "Conv" else "MatMul"
        name = node.name or node.output[0]
        self.names[name] += 1
        if self.names[name] > 1:
            name = f"{name}_{self.names[name]}"
        weights = np.ascontiguousarray(weights, dtype=np.float32)
        bias = None if bias is None else bias.astype(np.float32)
        self.steps.append(Layer(name, kind, x, node.output[0], weights, bias, attributes))
        self.data.add(node.output[0])


def _gemm(node, attributes, weights, bias):
    """``(K, N)`` weights and ``(N,)`` bias of a Gemm, alpha and beta in them."""
    if attributes.get("transA", 0):
        raise ModelError(f"{describe(node)}: transA is not supported; the data must be one row a sample")
    weights = weights.T if attributes.get("transB", 0) else weights
    weights = weights * np.float32(attributes.get("alpha", 1.0))
    if bias is not None:
        if bias.size not in (1, weights.shape[1]):
            raise ModelError(f"{describe(node)}: a bias of shape {bias.shape} is not one number an output")
        bias = np.broadcast_to(bias.reshape(-1), weights.shape[1]) * np.float32(attributes.get("beta", 1.0))
    return weights, bias
