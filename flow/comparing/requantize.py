"""A model's graph in other number formats, without training: its quantizers taken out, or replaced.

The graph is walked once with a few samples: every operation is evaluated by onnxruntime on the way, so that the scale
of a new activation quantizer is chosen from the values that really arrive there, through all the quantizers before it.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fewbit.golden.importing.qonnx_quantizers import BipolarQuantizer, UniformQuantizer
from fewbit.golden.model_file.file import ModelError, OnnxFile, attributes_of, describe, evaluate
from fewbit.ptq.quantize import format_of

from .calibrate import evaluate_all, quantized, scale_of

__all__ = ["FORMATS", "requantize"]

# Bits of weights and activations.
FORMATS = {"w1a1": (1, 1), "w1a2": (1, 2), "ternary": (2, 2), "w4a4": (4, 4), "w8a8": (8, 8)}

_DOMAIN = "qonnx.custom_op.general"
_QUANTIZERS = {"Quant", "IntQuant", "BipolarQuant"}
_PRODUCTS = {"MatMul", "Gemm", "Conv"}
# What a float layer may have between its product and its ReLU, and what only moves values about.
_AFFINE = {"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization"}
_JOINS = {"Add", "Sub", "Concat"}
_MOVES = {"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "Shape", "Gather",
          "Concat", "Slice", "Constant", "MaxPool", "GlobalMaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean",
          "ReduceMax", "Pad", "Upsample", "Resize"}  # fmt: skip


def requantize(model, bits, samples, *, declared):
    """A model as another one (``bytes``) with ``bits`` of weights and activations.

    Parameters
    ----------
    model : path or golden.model_file.file.ModelSource
    bits : (int, int) or None
        ``None`` makes it float32: quantizers go, and a ReLU comes where one stood without any activation function
        before it, or where there was another function than ReLU. Weights are those that the quantizers took.
    samples : float32 array ``(S, *input shape)``
        What scales of activations are chosen from.
    declared : bool
        Whether raw integers are declared for the input. If so, and no quantizer stood in front of the first layer, its
        input stays as it is.

    A quantizer that had the wanted number of bits keeps its values.
    """
    return _Walk(OnnxFile(model), bits, np.asarray(samples), declared).model()


class _Walk:
    """One walk over the graph.

    Attributes
    ----------
    constants : dict
        ``(latent, quantized)`` values of every tensor that no sample changes.
    values : dict
        A list of arrays, one a sample, of every other tensor.
    active : set of tensors with a product before them and an activation function since the last one.
    behind : set of tensors behind a product.
    coded : set of tensors behind a quantizer and no product since.
    """

    def __init__(self, file, bits, samples, declared):
        self.file, self.bits, self.declared = file, bits, declared
        self.nodes, self.alias = [], {}
        self.constants = {name: (array, array) for name, array in file.constants.items()}
        kind = self.kind = "float32" if bits is None else file.input_type or "float32"
        self.values = {file.input_name: [x.reshape(file.input_shape).astype(kind) for x in samples]}
        self.active, self.behind, self.coded = set(), set(), set()
        self.leads = self._leading_to_products()
        self.data = {file.input_name}  # what depends on the input
        for node in file.nodes:
            self.data.update(node.output if self.data.intersection(node.input) else ())
        for node in file.nodes:
            self._visit(node)

    def _leading_to_products(self):
        leads = set()
        for node in reversed(self.file.nodes):
            if node.op_type in _PRODUCTS or leads.intersection(node.output):
                leads.update(node.input)
        return leads

    def model(self):
        """The new model as bytes."""
        file = self.file
        outputs = [self.alias.get(name, name) for name in file.outputs]
        used = {i for node in self.nodes for i in node.input} - {o for node in self.nodes for o in node.output}
        kept = {name: np.asarray(pair[0], order="C") for name, pair in self.constants.items() if name in used}
        tensors = [numpy_helper.from_array(array, name) for name, array in kept.items()]
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.kind))
        start = helper.make_tensor_value_info(file.input_name, kind, list(file.input_shape))
        ends = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(self.nodes, file.name, [start], ends, tensors)
        opsets = [helper.make_opsetid("", file.opset), helper.make_opsetid(_DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="fewbit")
        helper.set_model_props(model, file.metadata)
        return model.SerializeToString()

    # The walk

    def _visit(self, original):
        node = onnx.NodeProto()
        node.CopyFrom(original)
        node.input[:] = [self.alias.get(name, name) for name in original.input]
        given = [name for name in node.input if name]
        if all(name in self.constants for name in given):
            self._fold(node)
        elif node.op_type in _QUANTIZERS:
            self._activation_quantizer(node)
        elif node.op_type in _PRODUCTS:
            self._product(node)
        else:
            self._other(node, next(name for name in given if name in self.values))

    def _fold(self, node):
        latent, coded = ([self.constants[i][k] if i else None for i in node.input] for k in (0, 1))
        if node.op_type in _QUANTIZERS:
            quantizer = self._quantizer(node)
            values = quantized(quantizer, coded[0])
            # Of a bias, or where the bits are those that are wanted, the quantized values are the ones to have.
            keep = latent[0].ndim < 2 or (self.bits and quantizer.format.bits == self.bits[0])
            self.constants[node.output[0]] = (values if keep else latent[0], values)
            return
        same = all(a is b for a, b in zip(latent, coded, strict=True))
        first = evaluate(self.file, node, latent)
        second = first if same else evaluate(self.file, node, coded)
        for name, pair in zip(node.output, zip(first, second, strict=True), strict=True):
            if name:
                self.constants[name] = pair

    def _quantizer(self, node):
        try:
            operands = [self.constants[i][1] for i in node.input[1:]]
            if node.op_type == "BipolarQuant":
                return BipolarQuantizer.of(operands[0])
            return UniformQuantizer.of(*operands[:3], attributes_of(node))
        except (KeyError, ModelError) as error:
            reason = "its parameters must be constants" if isinstance(error, KeyError) else error
            raise ModelError(f"{describe(node)}: {reason}") from None

    def _activation_quantizer(self, node):
        x, y = node.input[0], node.output[0]
        if y not in self.leads:  # a quantizer of the result
            self.alias[y] = x
        elif self.bits is None:
            self.alias[y] = x
            if x in self.behind and x not in self.active and not self._goes_to_a_join(y):
                self._emit(helper.make_node("Relu", [x], [y], name=f"{y}_relu"))
                del self.alias[y]
                self.active.add(y)
        elif self._quantizer(node).format.bits == self.bits[1]:
            node.domain = _DOMAIN
            self._emit(node)
            self.coded.add(y)
            self.behind.update({y} if x in self.behind else ())
        else:
            self._quantize(x, y)

    def _goes_to_a_join(self, name):
        """A quantizer in front of a sum brings a branch to the other's scale; it is no activation function."""
        readers = [n for n in self.file.nodes if name in n.input]
        return bool(readers) and all(n.op_type in _JOINS and sum(i in self.data for i in n.input) > 1 for n in readers)

    def _product(self, node):
        data, weights = (0, 1) if node.input[0] in self.values else (1, 0)
        if node.input[weights] not in self.constants:
            raise ModelError(f"{describe(node)}: a product of two activations is not supported")
        x, y = node.input[data], node.output[0]
        first = x not in self.behind
        if self.bits and x not in self.coded and not (first and self.declared):
            node.input[data] = f"{x}_coded"
            if node.input[data] not in self.values:
                self._quantize(x, node.input[data])
        # Outputs are the last axis of the second operand, the first of a transposed one.
        turned = node.op_type == "Conv" or (node.op_type == "Gemm" and attributes_of(node).get("transB", 0))
        self._weights(node, weights, 0 if turned or weights == 0 else -1, last=y not in self.leads)
        self._emit(node)
        self.active.discard(y)
        self.coded.discard(y)
        self.behind.add(y)

    def _weights(self, node, operand, axis, last):
        """Latent weights as large as the quantized ones, output by output, and the new quantizer behind them."""
        latent, coded = (np.asarray(w, dtype=np.float32) for w in self.constants[node.input[operand]])
        others = tuple(a for a in range(latent.ndim) if a != axis % latent.ndim)
        size, wanted = (np.abs(w).sum(axis=others, keepdims=True, dtype=np.float64) for w in (latent, coded))
        latent = (latent * np.where(size > 0, wanted / np.where(size > 0, size, 1), 1)).astype(np.float32)
        name = f"{node.output[0]}_weights"
        self.constants[name] = (latent, latent)
        node.input[operand] = name
        if self.bits:
            fmt = format_of(self.bits[0], signed=True)
            if last:  # one scale, so that sums of the last layer compare as they are
                scale = scale_of(latent, fmt)
            else:
                rows = np.moveaxis(latent, axis, 0)
                scale = np.array([scale_of(r, fmt) for r in rows]).reshape(np.shape(size))
            node.input[operand] = f"{name}_coded"
            self._emit(self._new_quantizer(name, node.input[operand], fmt, scale))

    def _other(self, node, x):
        kind, outputs = node.op_type, [o for o in node.output if o]
        passes = kind in _AFFINE or kind in _MOVES
        if self.bits is None and not passes and outputs[0] in self.leads:
            if x in self.active or x not in self.behind:  # a second function, or one in front of the first layer
                self.alias[outputs[0]] = x
                return
            outputs = outputs[:1]
            node = helper.make_node("Relu", [x], outputs, name=node.name)
        self._emit(node)
        data = [i for i in node.input if i in self.values]
        joins = kind in _JOINS and len(data) > 1
        for tensors in (self.active, self.behind, self.coded):
            if any(i in tensors for i in data) and not (joins and tensors is not self.behind):
                tensors.update(outputs)
        if joins and all(i in self.active for i in data):
            self.active.update(outputs)
        if kind == "Concat" and all(i in self.coded for i in data):
            self.coded.update(outputs)
        if not passes:
            self.active.update(outputs)

    # What the walk makes

    def _quantize(self, x, y):
        """A new activation quantizer from ``x`` to ``y``, its scale from the samples."""
        seen = np.concatenate([v.reshape(-1) for v in self.values[x]]).astype(np.float32)
        fmt = format_of(self.bits[1], signed=bool((seen < 0).any()))
        self._emit(self._new_quantizer(x, y, fmt, scale_of(seen, fmt)))
        self.coded.add(y)
        if x in self.behind:
            self.behind.add(y)

    def _new_quantizer(self, x, y, fmt, scale):
        constants = {f"{y}_scale": np.asarray(scale, dtype=np.float32)}
        attributes = {}
        if not fmt.is_sign:
            constants |= {f"{y}_zero": np.float32(0), f"{y}_bits": np.float32(fmt.bits)}
            signed = int(fmt.signed)
            attributes = dict(signed=signed, narrow=signed, rounding_mode="ROUND")
        self.constants |= {name: (np.asarray(array),) * 2 for name, array in constants.items()}
        kind = "Quant" if attributes else "BipolarQuant"
        return helper.make_node(kind, [x, *constants], [y], name=f"{y}_quantizer", domain=_DOMAIN, **attributes)

    def _emit(self, node):
        """Append the node, and evaluate it: on its constants, or on every sample."""
        self.nodes.append(node)
        if node.op_type not in _QUANTIZERS:
            found = evaluate_all(self.file, node, self.values, {n: c[0] for n, c in self.constants.items()})
            self.values.update(found)
            return
        quantizer, x, y = self._quantizer(node), node.input[0], node.output[0]
        if x in self.constants:
            self.constants[y] = (quantized(quantizer, self.constants[x][0]),) * 2
        else:
            self.values[y] = [quantized(quantizer, v) for v in self.values[x]]
