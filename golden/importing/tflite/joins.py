"""Import of TensorFlow Lite's sums, differences and products of two tensors, and of channels side by side."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.layout import by_channel, flat, ordered
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.joins import Add, Concat
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.thresholds import steps_of
from fewbit.golden.rewrite.sums import separating_sum

from .kernels import product, quantized_multiplier, total, total_scale
from .operands import activation_range, add_codes, format_of, kernel, second_rounding
from .products import as_image


@kernel("ADD", "SUB", "MUL")
def binary(importer, node, operands, outputs):
    """Import ``ADD``, ``SUB`` and ``MUL`` of two tensors of codes, one of which may be a constant."""
    out = outputs[0]
    quantizations = [operand.tensor.quantization for operand in operands] + [out.quantization]
    if format_of(out).bits != 8:
        raise ModelError(f"{node.name} is supported for codes of 8 bits, not of type {out.type}")
    bounds = activation_range(node.option("FusedActivationFunction"), out)

    def codes(a, b):
        if node.name == "MUL":
            return np.clip(product(a, b, *quantizations), *bounds)
        return np.clip(total(a, b, *quantizations, sign=-1 if node.name == "SUB" else 1), *bounds)

    constants = [isinstance(operand.value, Constant) for operand in operands]
    if any(constants):
        return [_with_constant(importer, operands, constants.index(True), codes, out)]
    if node.name == "MUL":
        raise ModelError("MUL of two tensors that depend on the input is not supported; one must be a constant")
    return [_of_both(importer, node, operands, codes, out)]


def _with_constant(importer, operands, at, codes, out):
    """A function of one code, which differs between channels as the constant does."""
    data, values = operands[1 - at].data, operands[at].constant.astype(np.int64)
    values = np.broadcast_to(values.reshape((1,) * (data.index.ndim - values.ndim) + values.shape), data.shape)
    data, values = by_channel(importer, data, values, dtype=np.int64)

    def function(x):
        return codes(values, x) if at == 0 else codes(x, values)

    return add_codes(importer, data, function, out, shared=len(values) == 1)


def _of_both(importer, node, operands, codes, out):
    """A sum of whole multiples of both codes, and thresholds that give what the kernel gives for every pair."""
    a, b = _alike(importer, *(operand.data for operand in operands))
    values = []
    for data in (a, b):
        edge = importer.edge(data.edge)
        values.append(np.arange(edge.lo.min(), edge.hi.max() + 1))
    scales = [float(operand.tensor.quantization[0]) for operand in operands]
    ratio = scales[0] / scales[1] * (-1 if node.name == "SUB" else 1)
    found = separating_sum(*values, codes(values[0][:, None], values[1][None]), ratio)
    if found is None:
        raise ModelError(f"the scales of its operands, {scales[0]} and {scales[1]}, are too far apart")
    multipliers, thresholds, table = found
    name = importer.new("add")
    repeated = np.repeat(np.array(multipliers, dtype=np.int64)[:, None], importer.channels(a), axis=1)
    importer.add(Add(name, a.edge, name, (b.edge,), repeated))
    edge, fmt = importer.edge(name), format_of(out)
    thresholds, table = thresholds[None], table[None]
    lo, hi = edge.lo.min(keepdims=True), edge.hi.max(keepdims=True)
    steps = steps_of(thresholds, table, lo, hi, fmt)
    act = importer.new("threshold")
    last = quantized_multiplier(total_scale(*scales, out.quantization[0]))[1]
    importer.add(
        Threshold(act, name, act, *((thresholds, table) if steps is None else (steps, None)), fmt,
                  second_rounding(last, out))
    )  # fmt: skip
    return Data(act, a.index)


def _alike(importer, a, b):
    """Both tensors on edges of one size, with the same positions."""
    if a.shape != b.shape:
        raise ModelError(f"data of shapes {a.shape} and {b.shape} cannot be joined; they must be the same")
    if np.array_equal(a.index, b.index) and importer.size(a) == importer.size(b):
        return a, b
    if a.index.ndim == 4:
        return tuple(as_image(importer, d).reshaped(lambda i: i.transpose(0, 2, 3, 1)) for d in (a, b))
    if np.array_equal(a.index, b.index) and a.index.size == importer.length(a):
        return flat(importer, a, vector=True), flat(importer, b, vector=True)
    shape = a.shape
    a, b = (ordered(importer, d.reshaped(lambda i: i.reshape(1, -1))) for d in (a, b))
    return tuple(replace(d, index=d.index.reshape(shape)) for d in (a, b))


@kernel("CONCATENATION")
def concatenation(importer, node, operands, outputs):
    """Import ``CONCATENATION`` of channels, the last axis."""
    datas, out = [operand.data for operand in operands], outputs[0]
    if any(operand.tensor.quantization != out.quantization for operand in operands):
        raise ModelError("its inputs and its output must have the same scale and zero point")
    rank = datas[0].index.ndim
    if node.option("Axis") % rank != rank - 1:
        raise ModelError(f"only channels can stand side by side, not axis {node.option('Axis')} of {datas[0].shape}")
    if node.option("FusedActivationFunction"):
        raise ModelError("a fused activation function is not supported")
    if rank == 4:
        edges = [as_image(importer, d).edge for d in datas]
        pixels = datas[0].shape[1:3]
    else:
        edges = [ordered(importer, d.reshaped(lambda i: i.reshape(1, -1))).edge for d in datas]
        pixels = datas[0].shape[1:-1]
        if np.prod(pixels, dtype=int) != 1:
            raise ModelError(f"data of shape {datas[0].shape} cannot stand side by side")
    name = importer.new("concat")
    importer.add(Concat(name, edges[0], name, tuple(edges[1:]), format_of(out)))
    channels = sum(d.shape[-1] for d in datas)
    index = np.arange(channels * np.prod(pixels, dtype=int)).reshape(1, *pixels, channels)
    return [Data(name, index)]
