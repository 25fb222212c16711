"""A model's graph in other number formats, without training: its quantizers taken out, or replaced.

The graph is walked once with a few samples: every operation is evaluated by onnxruntime on the way, so that the scale
of a new activation quantizer is chosen from the values that arrive there, through all the quantizers before it.
"""

from pathlib import Path

import numpy as np
import onnx

from fewbit.golden.importing.operators import Role, operator_of, role_of
from fewbit.golden.importing.qonnx.quantizers import QUANTIZERS
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.domains import QONNX
from fewbit.golden.model_file.file import ModelError, ModelSource, OnnxFile, attributes_of, describe, evaluate
from fewbit.ptq.quantize import format_of

from .calibrate import evaluate_all, quantized, scale_of

__all__ = ["FORMATS", "requantize"]

FORMATS = {
    "w1a1": (1, 1),
    "w1a2": (1, 2),
    "ternary": (2, 2),
    "w4a4": (4, 4),
    "w8a8": (8, 8),
}
"""Bits of weights and of activations, by the name of the format."""

# Roles of operators that are no activation function: affine ones between a product and its ReLU, and what moves values.
_PASSING = {Role.AFFINE, Role.MOVE, Role.COPY, Role.SHAPE, Role.AVERAGE, Role.CONCATENATION}


def requantize(
    model: Path | str | ModelSource, bits: tuple[int, int] | None, samples: np.ndarray, *, declared: bool
) -> bytes:
    """Return a model as another one with ``bits`` of weights and activations.

    A quantizer that had the wanted number of bits keeps its values.

    Parameters
    ----------
    model : path or golden.model_file.file.ModelSource
    bits : (int, int) or None
        ``None`` makes it float32: quantizers go, and a ReLU comes where one stood without any activation function
        before it, or where there was another function than ReLU. Weights are those that the quantizers took.
    samples : float32 array ``(S, *input shape)``
        Samples that scales of activations are chosen from.
    declared : bool
        Whether raw integers are declared for the input. If so, and no quantizer stood in front of the first layer, its
        input stays as it is.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model has what cannot be evaluated, or quantized so.
    """
    return _Walk(OnnxFile(model), bits, np.asarray(samples), declared).model()


class _Walk:
    """One walk over the graph, which builds the new model.

    Attributes
    ----------
    constants : dict
        ``(latent, quantized)`` values of every tensor that no sample changes.
    values : dict
        A list of arrays, one a sample, of every other tensor.
    active : set
        Tensors with a product before them and an activation function since the last one.
    behind : set
        Tensors behind a product.
    coded : set
        Tensors behind a quantizer and no product since.
    """

    def __init__(self, file, bits, samples, declared):
        self.file, self.bits, self.declared = file, bits, declared
        self.builder, self.alias = ModelBuilder(opset=file.opset, name=file.name), {}
        self.constants = {name: (array, array) for name, array in file.constants.items()}
        kind = self.kind = "float32" if bits is None else file.only.type or "float32"
        self.values = {file.only.name: [x.reshape(file.only.shape).astype(kind) for x in samples]}
        self.active, self.behind, self.coded = set(), set(), set()
        self.leads = self._leading_to_products()
        self.data = {file.only.name}  # what depends on the input
        for node in file.nodes:
            self.data.update(node.output if self.data.intersection(node.input) else ())
        for node in file.nodes:
            self._visit(node)

    def _leading_to_products(self):
        """Return the tensors that some product depends on."""
        leads = set()
        for node in reversed(self.file.nodes):
            if role_of(node) is Role.PRODUCT or leads.intersection(node.output):
                leads.update(node.input)
        return leads

    def model(self):
        """Return the new model as bytes."""
        file, builder = self.file, self.builder
        builder.add_input(file.only.name, file.only.shape, self.kind)
        for name in file.outputs:
            builder.add_output(self.alias.get(name, name), dtype=None)
        used = {i for node in builder.nodes for i in node.input} - {o for node in builder.nodes for o in node.output}
        for name, (latent, _) in self.constants.items():
            if name in used:
                builder.constant(latent, name, np.asarray(latent).dtype)
        return builder.model(file.metadata, producer="fewbit").SerializeToString()

    # The walk

    def _visit(self, original):
        node = onnx.NodeProto()
        node.CopyFrom(original)
        node.input[:] = [self.alias.get(name, name) for name in original.input]
        given = [name for name in node.input if name]
        if all(name in self.constants for name in given):
            self._fold(node)
        elif node.op_type in QUANTIZERS:
            self._activation_quantizer(node)
        elif role_of(node) is Role.PRODUCT:
            self._product(node)
        else:
            self._other(node, next(name for name in given if name in self.values))

    def _fold(self, node):
        latent, coded = ([self.constants[i][k] if i else None for i in node.input] for k in (0, 1))
        if node.op_type in QUANTIZERS:
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
            kind = QUANTIZERS[node.op_type]
            operands = [self.constants[i][1] for i in node.input[1:]][: len(kind.OPERANDS)]
            return kind.of(operands, attributes_of(node))
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
                self.builder.add("Relu", x, y=y, name=f"{y}_relu")
                self._evaluate()
                del self.alias[y]
                self.active.add(y)
        elif self._quantizer(node).format.bits == self.bits[1]:
            node.domain = QONNX
            self._emit(node)
            self.coded.add(y)
            self.behind.update({y} if x in self.behind else ())
        else:
            self._quantize(x, y)

    def _goes_to_a_join(self, name):
        """Return whether a quantizer's output goes to sums alone.

        There it brings a branch to the other's scale, and is no activation function.
        """
        readers = [n for n in self.file.nodes if name in n.input]
        return bool(readers) and all(_joins(n) and sum(i in self.data for i in n.input) > 1 for n in readers)

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
        # Outputs are the last axis of the second operand, or the first of a transposed one.
        turned = node.op_type == "Conv" or (node.op_type == "Gemm" and attributes_of(node).get("transB", 0))
        axis = 1 if node.op_type == "ConvTranspose" else 0 if turned or weights == 0 else -1
        self._weights(node, weights, axis, last=y not in self.leads)
        self._emit(node)
        self.active.discard(y)
        self.coded.discard(y)
        self.behind.add(y)

    def _weights(self, node, operand, axis, last):
        """Scale latent weights to the size of the quantized ones, output by output, and put the new quantizer behind
        them.
        """
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
            self._add_quantizer(name, node.input[operand], fmt, scale)

    def _other(self, node, x):
        outputs = [o for o in node.output if o]
        passes = role_of(node) in _PASSING
        if self.bits is None and not passes and outputs[0] in self.leads:
            if x in self.active or x not in self.behind:  # a second function, or one in front of the first layer
                self.alias[outputs[0]] = x
                return
            outputs = outputs[:1]
            self.builder.add("Relu", x, y=outputs[0], name=node.name)
            self._evaluate()
        else:
            self._emit(node)
        node = self.builder.nodes[-1]
        data = [i for i in node.input if i in self.values]
        joins = len(data) > 1 and _joins(node)
        for tensors in (self.active, self.behind, self.coded):
            if any(i in tensors for i in data) and not (joins and tensors is not self.behind):
                tensors.update(outputs)
        if joins and all(i in self.active for i in data):
            self.active.update(outputs)
        if role_of(node) is Role.CONCATENATION and all(i in self.coded for i in data):
            self.coded.update(outputs)
        if not passes:
            self.active.update(outputs)

    # What the walk makes

    def _quantize(self, x, y):
        """Append a new activation quantizer from ``x`` to ``y``, its scale from the samples."""
        seen = np.concatenate([v.reshape(-1) for v in self.values[x]]).astype(np.float32)
        fmt = format_of(self.bits[1], signed=bool((seen < 0).any()))
        self._add_quantizer(x, y, fmt, scale_of(seen, fmt))
        self.coded.add(y)
        if x in self.behind:
            self.behind.add(y)

    def _add_quantizer(self, x, y, fmt, scale):
        """Append a quantizer of a format and a scale from ``x`` to ``y``, and evaluate it."""
        operands = {f"{y}_scale": scale}
        if not fmt.is_sign:
            operands |= {f"{y}_zero": 0, f"{y}_bits": fmt.bits}
        self.constants |= {name: (np.asarray(value, dtype=np.float32),) * 2 for name, value in operands.items()}
        if fmt.is_sign:
            self.builder.bipolar_quant(x, *operands, y=y, name=f"{y}_quantizer")
        else:
            signed = fmt.signed
            self.builder.quant(x, *operands, signed=signed, narrow=signed, y=y, name=f"{y}_quantizer")
        self._evaluate()

    def _emit(self, node):
        """Append a node of the given model, and evaluate it."""
        self.builder.append(node)
        self._evaluate()

    def _evaluate(self):
        """Evaluate the last node: on its constants, or on every sample."""
        node = self.builder.nodes[-1]
        if node.op_type not in QUANTIZERS:
            found = evaluate_all(self.file, node, self.values, {n: c[0] for n, c in self.constants.items()})
            self.values.update(found)
            return
        quantizer, x, y = self._quantizer(node), node.input[0], node.output[0]
        if x in self.constants:
            self.constants[y] = (quantized(quantizer, self.constants[x][0]),) * 2
        else:
            self.values[y] = [quantized(quantizer, v) for v in self.values[x]]


def _joins(node):
    """Return whether tensors of data may meet in a node."""
    operator = operator_of(node)
    return operator is not None and (operator.sums or operator.role is Role.CONCATENATION)
