"""Import of sums, averages and largest values over any axes."""

import math
from collections.abc import Sequence

import numpy as np
import onnx

from fewbit.golden.importing.layout import flat, image, is_natural, ordered, rows
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.windows import whole
from fewbit.golden.model_file.file import ModelError, describe
from fewbit.golden.network.spatial import Largest
from fewbit.golden.numbers import elementwise as ew

from .pools import largest

__all__ = ["negated", "reduce"]


@handles("ReduceSum", "ReduceMean", role=Role.AVERAGE)
@handles("ReduceMax", role=Role.MOVE)
def reduce(importer, node, inputs, attributes):
    """Import ONNX ``ReduceSum``, ``ReduceMean`` and ``ReduceMax`` over any axes but the batch."""
    data = data_of(inputs[0])
    axes = _axes(data, inputs, attributes)
    if not axes:
        return [data]
    if 0 in axes:
        raise ModelError(f"the batch cannot be reduced; its axes are {axes} of data of shape {data.shape}")
    kept = [a for a in range(1, len(data.shape)) if a not in axes]
    largest_of, mean = node.op_type == "ReduceMax", node.op_type == "ReduceMean"
    turned = data.reshaped(lambda i: i.transpose(0, *kept, *axes))
    shape = turned.shape[: 1 + len(kept)]
    reduced = turned.shape[1 + len(kept) :]
    plane = turned.reshaped(lambda i: i.reshape(1, math.prod(shape), *(reduced if len(axes) == 2 else (-1,))))
    if _is_image(importer, data, plane, axes):
        y = _of_pixels(importer, plane, largest_of, mean, describe(node))
    else:
        y = _of_rows(importer, turned.reshaped(lambda i: i.reshape(*shape, -1)), largest_of, mean)
    y = y.reshaped(lambda i: i.reshape(shape))
    return [y.reshaped(lambda i: np.expand_dims(i, tuple(axes))) if attributes.get("keepdims", 1) else y]


@handles("ReduceMin", role=Role.MOVE)
def reduce_min(importer, node, inputs, attributes):
    """Import ONNX ``ReduceMin``: of the negative values the negative of the largest."""
    plain = onnx.helper.make_node("ReduceMax", node.input, node.output, node.name)
    (y,) = reduce(importer, plain, [negated(data_of(inputs[0])), *inputs[1:]], attributes)
    return [negated(y)]


@handles("ReduceL1", "ReduceL2", "ReduceSumSquare", role=Role.AVERAGE)
def reduce_powers(importer, node, inputs, attributes):
    """Import ONNX ``ReduceL1``, ``ReduceL2`` and ``ReduceSumSquare``: sums of magnitudes or squares, and their root."""
    plain = onnx.helper.make_node("ReduceSum", node.input, node.output, node.name)
    powers = importer.builder.powers(data_of(inputs[0]), 1 if node.op_type == "ReduceL1" else 2)
    (y,) = reduce(importer, plain, [powers, *inputs[1:]], attributes)
    return [y.then(ew.Call("Root", np.sqrt)) if node.op_type == "ReduceL2" else y]


def negated(data: Data) -> Data:
    """Return the negative of data, which float32 has exactly."""
    return data.then(ew.WithConstant("mul", np.full(1, -1, dtype=np.float32)))


def _axes(data: Data, inputs, attributes) -> list[int]:
    """Return the axes that are reduced, rising; all of them where none is named."""
    rank, axes = len(data.shape), attributes.get("axes")
    if len(inputs) > 1 and inputs[1] is not None:
        axes = constant(inputs[1], "axes").reshape(-1).tolist()
    if not axes:
        return [] if attributes.get("noop_with_empty_axes", 0) else list(range(1 if rank > 1 else 0, rank))
    if any(not -rank <= a < rank for a in axes):
        raise ModelError(f"axes {axes} do not exist in data of shape {data.shape}")
    return sorted({int(a) % rank for a in axes})


def _is_image(importer: OnnxImportState, data: Data, plane: Data, axes: Sequence[int]) -> bool:
    """Say whether the reduced axes are the pixels of an image whose channels are kept: (1, C, H, W) or (1, C, L)."""
    if is_natural(importer, plane.reshaped(lambda i: np.moveaxis(i, 1, -1))):
        return plane.shape[1] > 1
    return len(data.shape) in (3, 4) and list(axes) == list(range(2, len(data.shape)))


def _of_pixels(importer: OnnxImportState, plane: Data, largest_of: bool, mean: bool, where: str) -> Data:
    """Return what each channel of an image becomes, by one window that is the whole image."""
    signal = len(plane.shape) == 3
    plane = image(importer, plane)
    window = whole(plane)
    if largest_of:
        return largest(importer, plane, window, signal, where)
    divisors = np.array([window.taps_count if mean else 1])
    return importer.builder.averaged(plane, window, divisors, signal=signal)


def _of_rows(importer: OnnxImportState, data: Data, largest_of: bool, mean: bool) -> Data:
    """Return what each row of the last axis becomes, as one value of a pixel; the order within a row is no matter."""
    shape, count = data.shape[:-1], data.shape[-1]
    data = data.reshaped(lambda i: np.sort(i, axis=-1))
    if math.prod(shape) == 1:
        once = len(np.unique(data.index)) == data.index.size == importer.length(data)
        data = flat(importer, data) if once else ordered(importer, data)
    else:
        data = rows(importer, data)
    index = np.arange(math.prod(shape)).reshape(shape)
    if largest_of:
        return _largest_of_rows(importer, data, index)
    edge, chain = importer.builder.total(data, count if mean else 1)
    return Data(edge, index, chain)


def _largest_of_rows(importer: OnnxImportState, data: Data, index: np.ndarray) -> Data:
    count = importer.channels(data)
    data = importer.builder.rising(data, alike=True)
    name = importer.new("largest")
    importer.add(Largest(name, data.edge, name, count))
    return Data(name, index, data.chain)
