"""Import of ``Concat``: channels side by side, or whole tensors one behind the other."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fewbit.golden.importing.layout import by_channel, flat, image, inputs_to_lay_out, is_natural, ordered
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.branching import Selected

from .ranking import reaches_a_layer

__all__ = ["side_by_side"]


@handles("Concat", role=Role.CONCATENATION)
def concat(importer, node, inputs, attributes):
    """Import ONNX ``Concat`` of data along any axis but the batch."""
    if any(isinstance(t, Constant) for t in inputs):
        raise ModelError("a constant beside data is not supported")
    datas = [data_of(t) for t in inputs]
    tail = _for_the_host(importer, node.output[0], datas, attributes["axis"])
    return [side_by_side(importer, datas, attributes["axis"]) if tail is None else tail]


def _for_the_host(importer: OnnxImportState, name: str, datas: Sequence[Data], axis: int) -> Data | None:
    """Return functions of one edge that stand side by side in a tensor of that name, which only the host computes.

    The result is None where they are no such functions, or a layer reads what is made of them.
    """
    if not importer.builder.are_for_the_host(datas) or reaches_a_layer(importer, name):
        return None
    index = np.concatenate([d.index for d in datas], axis=axis)
    which = np.concatenate([np.full(d.shape, k) for k, d in enumerate(datas)], axis=axis)
    selected = Selected(tuple(d.chain for d in datas), np.zeros(1, dtype=np.int64))
    data, which = by_channel(importer, Data(datas[0].edge, index, (selected,)), which, dtype=np.int64)
    (made,) = data.chain
    assert isinstance(made, Selected)
    return replace(data, chain=(replace(made, which=which),))


def side_by_side(importer: OnnxImportState, datas: Sequence[Data], axis: int) -> Data:
    """Return data one behind the other along an axis.

    Raises
    ------
    ModelError
        If it is the axis of the batch, or shapes differ elsewhere.
    """
    rank = len(datas[0].shape)
    axis %= rank
    if axis == 0:
        raise ModelError("samples (axis 0) cannot stand side by side")
    if len({d.shape[:axis] + d.shape[axis + 1 :] for d in datas}) > 1:
        raise ModelError(f"data of shapes {', '.join(str(d.shape) for d in datas)} cannot stand side by side")
    if all(d.edge == datas[0].edge and d.chain == datas[0].chain for d in datas):
        return replace(datas[0], index=np.concatenate([d.index for d in datas], axis=axis))
    if rank in (3, 4) and _are_images(importer, datas, axis):
        return _channels(importer, datas, axis)
    return _behind_each_other(importer, datas, axis)


def _are_images(importer: OnnxImportState, datas: Sequence[Data], axis: int) -> bool:
    """Say whether the axis is that of channels: by ONNX's order, or by how all of the data stands on its edges."""
    if axis == 1 and not all(is_natural(importer, d) and not _to_be_laid_out(importer, d) for d in datas):
        return True
    last = [replace(d, index=np.moveaxis(d.index, axis, -1)) for d in datas]
    return axis > 1 and all(is_natural(importer, d) for d in last)


def _to_be_laid_out(importer: OnnxImportState, data: Data) -> bool:
    """Say whether a convolution behind the data may still ask for another order of the input."""
    return bool(inputs_to_lay_out(importer, data.edge))


def _channels(importer: OnnxImportState, datas: Sequence[Data], axis: int) -> Data:
    """Return images side by side, the channels of every pixel one after the other."""
    parts = [image(importer, d.reshaped(lambda i: np.moveaxis(i, axis, 1))) for d in datas]
    channels = sum(d.shape[1] for d in parts)
    rest = datas[0].shape[:axis] + datas[0].shape[axis + 1 :]
    index = np.arange(channels * math.prod(rest)).reshape(*rest, channels)
    return importer.builder.concatenated(parts, np.moveaxis(index, -1, axis))


def _behind_each_other(importer: OnnxImportState, datas: Sequence[Data], axis: int) -> Data:
    """Return data of any shape on an edge that holds one vector of each."""
    parts = [_vector(importer, d) for d in datas]
    starts = np.cumsum([0, *(importer.length(d) for d in parts)])
    index = np.concatenate([d.index + start for d, start in zip(parts, starts, strict=False)], axis=axis)
    return importer.builder.concatenated(parts, index)


def _vector(importer: OnnxImportState, data: Data) -> Data:
    """Return data on a flat edge, which holds few values that the data has not."""
    few = len(np.unique(data.index)) < importer.length(data)
    return ordered(importer, data) if few else flat(importer, data, vector=True)
