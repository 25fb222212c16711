"""A float ONNX model is read: constants are folded, and what is affine behind a product goes into its weights and bias.

The latter is done in `ptq.batchnorm`.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx

from fewbit.golden.importing.operands import constant
from fewbit.golden.importing.operators import Role, is_of_floats, is_quantizer, operator_of, role_of
from fewbit.golden.importing.refused import refusal
from fewbit.golden.importing.tensors import Constant
from fewbit.golden.limits.time_and_memory import entering, walls
from fewbit.golden.model_file.domains import MICROSOFT, STANDARD_DOMAINS
from fewbit.golden.model_file.file import ModelError, ModelSource, OnnxFile, attributes_of, describe, evaluate

from .batchnorm import fold_affine
from .emit import QuantizationPlan, plain_model
from .graph import FloatLayer, FloatModel
from .runtime import Session, check_work

__all__ = ["read_model"]

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_LEAST_OPSET = 11  # of Round and of Clip with operands


def read_model(path: Path | str | ModelSource) -> FloatModel:
    """Return the `ptq.graph.FloatModel` of a file.

    Time and memory are bounded as those of an import (`golden.limits.limit`).

    Parameters
    ----------
    path : path, or golden.model_file.file.ModelSource

    Raises
    ------
    ModelError
        If the file cannot be read or quantized; one line names the node and says what is supported.
    """
    try:
        with walls(path):
            return _read(path)
    except ModelError:
        raise
    except Exception as error:  # a damaged file can break any assumption, as in `golden.importing.importer`
        raise ModelError(f"{path}: cannot be read ({type(error).__name__}: {str(error)[:200]})") from error


def _read(path):
    file = OnnxFile(path)
    if file.opset < _LEAST_OPSET:
        raise ModelError(
            f"{path}: opset {file.opset} is too old to be calibrated; export it with {_LEAST_OPSET} or newer"
        )
    if file.only.type:
        raise ModelError(f"{path}: takes {file.only.type}; post-training quantization takes a model of floats")
    model = _Reader(file).model()
    if not model.layers:
        raise ModelError(f"{path}: has no layer (MatMul, Gemm or Conv) to quantize")
    fold_affine(model)
    return model


class _Reader:
    """One walk over the nodes of a file, which folds constants and turns products into layers."""

    def __init__(self, file):
        self.file, self.alias = file, {}
        self.constants = dict(file.constants)
        self.data, self.steps, self.names = {file.only.name}, [], Counter()

    def model(self):
        """Walk over all nodes and return the `FloatModel`."""
        for original in self.file.nodes:
            node = onnx.NodeProto()
            node.CopyFrom(original)
            node.input[:] = [self.alias.get(name, name) for name in original.input]
            self._visit(node)
        model = FloatModel(self.file, self.steps, self.constants, self.data, self.alias)
        model.shapes, model.types = _shapes(model)
        return model

    def _visit(self, node):
        entering(describe(node))
        if not is_of_floats(node) and not is_quantizer(node) and node.domain == MICROSOFT:
            raise ModelError(
                f"{describe(node)}: it is onnxruntime's own operator; quantize the model as it was before onnxruntime "
                "optimized it"
            )
        if not is_of_floats(node):
            raise ModelError(
                f"{describe(node)}: the model is quantized already; post-training quantization takes floats"
            )
        given = [name for name in node.input if name]
        if node.domain in STANDARD_DOMAINS and all(name in self.constants for name in given):
            padded = [self.constants[name] if name else None for name in node.input]
            self.constants.update(zip(node.output, evaluate(self.file, node, padded), strict=True))
        elif operator_of(node) is None:
            raise ModelError(f"{describe(node)}: cannot be quantized: {refusal(node.op_type, node.domain)}")
        elif role_of(node) is Role.COPY:
            self.alias[node.output[0]] = node.input[0]
        elif role_of(node) is Role.PRODUCT:
            self._product(node)
        else:
            self.steps.append(node)
            shape_only = role_of(node) is Role.SHAPE or not self.data.intersection(given)
            self.data.update(() if shape_only else node.output)

    def _product(self, node):
        attributes = attributes_of(node)
        if node.op_type not in (*_CONVOLUTIONS, "Gemm", "MatMul"):
            raise ModelError(f"{describe(node)}: {node.op_type} cannot be quantized; write the product as MatMul")
        x, w, *more = node.input
        if x in self.constants or w not in self.constants:
            raise ModelError(f"{describe(node)}: its first operand must depend on the input, its second be the weights")
        weights, bias = self.constants[w], self.constants.get(more[0]) if more and more[0] else None
        if more and more[0] and bias is None:
            raise ModelError(f"{describe(node)}: its bias must be a constant")
        for what, array in ("weights", weights), ("bias", bias):
            constant(None if array is None else Constant(array), f"{describe(node)}: its {what}")
        if node.op_type == "Gemm":
            weights, bias = _gemm(node, attributes, weights, bias)
            attributes = {}
        if node.op_type == "ConvTranspose" and weights.ndim > 2:
            weights = _outputs_first(weights, attributes.get("group", 1))
        if node.op_type not in _CONVOLUTIONS and weights.ndim != 2:
            raise ModelError(f"{describe(node)}: its weights must be a matrix, not of shape {weights.shape}")
        kind = node.op_type if node.op_type in _CONVOLUTIONS else "MatMul"
        name = node.name or node.output[0]
        self.names[name] += 1
        if self.names[name] > 1:
            name = f"{name}_{self.names[name]}"
        weights = np.ascontiguousarray(weights, dtype=np.float32)
        bias = None if bias is None else bias.astype(np.float32)
        self.steps.append(FloatLayer(name, kind, x, node.output[0], weights, bias, attributes))
        self.data.add(node.output[0])


def _gemm(node, attributes, weights, bias):
    """Return the weights ``(K, N)`` and the bias ``(N,)`` or None of a Gemm, alpha and beta in them."""
    if attributes.get("transA", 0):
        raise ModelError(f"{describe(node)}: transA is not supported; the data must be one row a sample")
    weights = weights.T if attributes.get("transB", 0) else weights
    weights = weights * np.float32(attributes.get("alpha", 1.0))
    if bias is not None:
        if bias.size not in (1, weights.shape[1]):
            raise ModelError(f"{describe(node)}: a bias of shape {bias.shape} is not one number an output")
        bias = np.broadcast_to(bias.reshape(-1), weights.shape[1]) * np.float32(attributes.get("beta", 1.0))
    return weights, bias


def _shapes(model):
    """Return ``(shapes, types)`` of every tensor of a `ptq.graph.FloatModel`, for one sample: two dicts by name."""
    names = [name for step in model.steps for name in step.output if name]
    batch = max(1, model.file.batch)
    given = np.zeros((batch, *model.file.only.shape[1:]), dtype=np.float32)
    proto = plain_model(model, QuantizationPlan(), names, batch=batch)
    check_work(proto, model.file)
    found = Session(proto, model.file).once(given)
    shapes = {name: array.shape for name, array in found.items()}
    shapes = {n: (1, *s[1:]) if n in model.data and s[:1] == (batch,) else s for n, s in shapes.items()}
    types = {name: array.dtype for name, array in found.items()}
    return shapes | {model.file.only.name: model.file.only.shape}, types


def _outputs_first(weights, groups):
    """Return weights (C, N/groups, ...) of a transposed convolution as (N, C/groups, ...)."""
    if groups < 1 or weights.shape[0] % groups:
        raise ModelError(f"{groups} groups do not fit weights of shape {weights.shape}")
    parts = weights.reshape(groups, -1, *weights.shape[1:]).swapaxes(1, 2)
    return parts.reshape(-1, *parts.shape[2:])
