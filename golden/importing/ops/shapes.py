"""Import of quantizers and of the operations that only lay out the same positions anew."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.data_quantizers import quantized
from fewbit.golden.importing.nonuniform import LevelQuantizer, quantized_levels
from fewbit.golden.importing.qonnx_quantizers import BipolarQuantizer, UniformQuantizer
from fewbit.golden.importing.registry import constant, data_of, handles, shape_of
from fewbit.golden.importing.tensors import Closed, Constant, Data, Integers
from fewbit.golden.methods import DIGITS
from fewbit.golden.model_file.file import ModelError, describe, evaluate

_FLOAT32, _INTEGERS = 1, (6, 7)  # onnx.TensorProto.FLOAT; INT32, INT64


@handles("Quant", "IntQuant", "BipolarQuant")
def quantize(importer, node, inputs, attributes):
    count = 2 if node.op_type == "BipolarQuant" else 4
    if len(inputs) != count or None in inputs:
        raise ModelError(f"it must have {count} inputs, not {sum(i is not None for i in inputs)}")
    x, *operands = inputs
    names = ("scale", "zero point", "bit width")
    operands = [constant(t, name, infinite=True) for t, name in zip(operands, names, strict=False)]
    if node.op_type == "BipolarQuant":
        quantizer = BipolarQuantizer.of(*operands)
    else:
        quantizer = UniformQuantizer.of(*operands, attributes)
    if isinstance(x, Constant):
        return [_quantized_constant(constant(x, "the tensor that it quantizes"), quantizer)]
    return [quantized(importer, data_of(x), quantizer)]


def _quantized_constant(array, quantizer):
    array = np.asarray(array, dtype=np.float32)
    scale = np.broadcast_to(quantizer.scale, array.shape).astype(np.float64)
    zero = np.broadcast_to(quantizer.zero, array.shape).astype(np.float64)
    codes = quantizer.codes(array)
    return Constant((scale * (codes - zero)).astype(np.float32), Integers(codes, scale, zero))


@handles("LevelQuant", "BasisQuant", "TernaryQuant")
def quantize_to_levels(importer, node, inputs, attributes):
    names = {"LevelQuant": ("levels",), "BasisQuant": ("basis",)}.get(node.op_type, ("delta", "positive", "negative"))
    if len(inputs) != 1 + len(names) or None in inputs:
        raise ModelError(f"it must have {1 + len(names)} inputs, not {sum(i is not None for i in inputs)}")
    x, *operands = inputs
    operands = [constant(t, name) for t, name in zip(operands, names, strict=True)]
    digits = attributes.get("digits", "bipolar")
    if digits not in DIGITS:
        raise ModelError(f"its digits must be {' or '.join(DIGITS)}, not {digits!r}")
    given = {"digits": digits} if node.op_type == "BasisQuant" else {}
    if isinstance(x, Constant):
        array = constant(x, "the tensor that it quantizes")
        result, exact = quantized_levels(node.op_type, array, operands, importer.precision, **given)
    else:
        quantizer = LevelQuantizer.of(node.op_type, operands, importer.precision, **given)
        result, exact = quantized(importer, data_of(x), quantizer), quantizer.exact
    if not exact:
        importer.note(
            f"{describe(node)}: its levels are in no whole ratios; they are {importer.precision}-bit fixed point here, "
            "so that codes and labels may differ from the model's (fewbit run counts those of its samples)"
        )
    return [result]


@handles("Reshape")
def reshape(importer, node, inputs, attributes):
    shape = [int(d) for d in constant(inputs[1], "shape")]
    old = shape_of(inputs[0])
    if not attributes.get("allowzero", 0):
        shape = [old[i] if d == 0 else d for i, d in enumerate(shape)]
    if not isinstance(inputs[0], Constant) and len(shape) > 1 and shape[0] == importer.file.batch:
        shape[0] = 1  # exported for a fixed batch; the graph is walked for one sample
    return [inputs[0].reshaped(lambda a: a.reshape(shape))]


@handles("Flatten")
def flatten(importer, node, inputs, attributes):
    shape, axis = shape_of(inputs[0]), attributes.get("axis", 1)
    axis = axis if axis >= 0 else axis + len(shape)
    rows = int(np.prod(shape[:axis]))
    return [inputs[0].reshaped(lambda a: a.reshape(rows, -1))]


@handles("Transpose")
def transpose(importer, node, inputs, attributes):
    perm = attributes.get("perm") or tuple(reversed(range(len(shape_of(inputs[0])))))
    return [inputs[0].reshaped(lambda a: a.transpose(perm))]


@handles("Squeeze", "Unsqueeze")
def squeeze(importer, node, inputs, attributes):
    axes = attributes.get("axes")
    if len(inputs) > 1 and inputs[1] is not None:
        axes = constant(inputs[1], "axes")
    if node.op_type == "Squeeze":
        axes = None if axes is None else tuple(int(a) for a in axes)
        return [inputs[0].reshaped(lambda a: a.squeeze(axes))]
    axes = tuple(int(a) for a in axes)
    return [inputs[0].reshaped(lambda a: np.expand_dims(a, axes))]


@handles("Slice", "Split", "Gather")
def taken(importer, node, inputs, attributes):
    """Parts of a tensor: what onnxruntime takes of the positions."""
    data = data_of(inputs[0])
    operands = [None if t is None else constant(t, "its range") for t in inputs[1:]]
    operands += [None] * (len(node.input) - 1 - len(operands))
    parts = evaluate(importer.file, node, [data.index.astype(np.int64), *operands])
    if any(p is not None and (p.size == 0 or p.shape[:1] != data.shape[:1]) for p in parts):
        raise ModelError(f"it must leave the batch axis of data of shape {data.shape} as it is, and some values")
    return [None if p is None else replace(data, index=p) for p in parts]


@handles("Shape")
def shape(importer, node, inputs, attributes):
    start, end = attributes.get("start", 0), attributes.get("end")
    return [Constant(np.array(shape_of(inputs[0])[start:end], dtype=np.int64))]


@handles("Identity", "Dropout")
def identity(importer, node, inputs, attributes):
    if len(inputs) > 2 and inputs[2] is not None and constant(inputs[2], "training mode").any():
        raise ModelError("the model was exported for training; export it for inference")
    return [inputs[0]]


@handles("Cast")
def cast(importer, node, inputs, attributes):
    tensor, to = inputs[0], attributes["to"]
    if isinstance(tensor, Closed):
        if (tensor.is_label and to in _INTEGERS) or (not tensor.is_label and to == _FLOAT32):
            return [tensor]
        raise ModelError("a label may be Cast to int32 or int64 only, and probabilities to float32 only")
    if to != _FLOAT32:
        raise ModelError("data may be Cast to float32 only")
    return [Data(tensor.edge, tensor.index, tensor.chain)]
