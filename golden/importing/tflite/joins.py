"""Import of TensorFlow Lite's sums, differences and products of two tensors, and of channels side by side."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.broadcasting import alike
from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.ops.concatenation import side_by_side
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.joins import Add, Multiply
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.thresholds import steps_of
from fewbit.golden.rewrite.sums import separating_sum

from .kernels import product, product_multiplier, quantized_multiplier, scaled_product, total, total_scale
from .operands import activation_range, add_codes, format_of, kernel, second_rounding

_PAST = {"ADD": "added", "SUB": "subtracted", "MUL": "multiplied"}  # for messages


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
    a, b = (operand.data for operand in operands)
    a, b = alike(importer, a, b, _PAST[node.name], channels_last=True, one_sample=True)
    if node.name == "MUL":
        return [_product(importer, a, b, quantizations, bounds, out)]
    return [_sum(importer, node, a, b, quantizations, codes, out)]


def _with_constant(importer, operands, at, codes, out):
    """Return the data behind a function of one code, which differs between channels as the constant does."""
    data, values = operands[1 - at].data, operands[at].constant.astype(np.int64)
    values = np.broadcast_to(values.reshape((1,) * (data.index.ndim - values.ndim) + values.shape), data.shape)
    data, values = by_channel(importer, data, values, dtype=np.int64)

    def function(x):
        return codes(values, x) if at == 0 else codes(x, values)

    return add_codes(importer, data, function, out, shared=len(values) == 1)


def _product(importer, a, b, quantizations, bounds, out):
    """Return the data behind what the kernel makes of the exact product of both codes, less their zero points."""
    name = importer.new("multiply")
    zeros = np.array([zero for _, zero in quantizations[:2]], dtype=np.int64)[:, None]
    zeros = np.repeat(zeros, importer.channels(a), axis=1)
    importer.add(Multiply(name, a.edge, name, (b.edge,), np.ones_like(zeros), zeros))
    return add_codes(
        importer, Data(name, a.index), lambda x: np.clip(scaled_product(x, *quantizations), *bounds), out, shared=True,
        second=second_rounding(product_multiplier(*quantizations)[1], out),
    )  # fmt: skip


def _sum(importer, node, a, b, quantizations, codes, out):
    """Return a sum of whole multiples of both codes, behind thresholds that give the kernel's code for every pair."""
    values = []
    for data in (a, b):
        edge = importer.edge(data.edge)
        values.append(np.arange(edge.lo.min(), edge.hi.max() + 1))
    scales = [float(scale) for scale, _ in quantizations[:2]]
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


@kernel("CONCATENATION")
def concatenation(importer, node, operands, outputs):
    """Import ``CONCATENATION`` along any axis but the batch."""
    datas, out = [operand.data for operand in operands], outputs[0]
    if any(operand.tensor.quantization != out.quantization for operand in operands):
        raise ModelError("its inputs and its output must have the same scale and zero point")
    if node.option("FusedActivationFunction"):
        raise ModelError("a fused activation function is not supported")
    return [replace(side_by_side(importer, datas, node.option("Axis")), chain=())]


@kernel("PACK")
def pack(importer, node, operands, outputs):
    """Import ``PACK``: tensors of one shape, one behind the other along a new axis."""
    axis = node.option("Axis") % len(outputs[0].shape)
    datas = [operand.data.reshaped(lambda i: np.expand_dims(i, axis)) for operand in operands]
    return [replace(side_by_side(importer, datas, axis), chain=())]
