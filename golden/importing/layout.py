"""How positions of an edge stand in a tensor: parameters by channel, images channel-last, flat vectors."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.elementwise import mapped

from .float_layers import float_layer_end
from .growing import GrowingNetwork, Layout
from .tensors import Data

__all__ = ["Relayout", "by_channel", "flat", "image", "ordered"]

_MOST_MOVED = 4096  # values of a vector in another order, whose square is the number of weights


class Relayout(Exception):
    """The walk must start again: the first layer that looks at pixels says in which order values enter.

    Attributes
    ----------
    layouts : dict of Layout
        The order for each of the inputs, by edge, that the layer reads.
    """

    def __init__(self, layouts: dict[str, Layout]):
        super().__init__("the input is an image")
        self.layouts = layouts


def by_channel(
    importer: GrowingNetwork, data: Data, parameter: ArrayLike, dtype: DTypeLike = np.float32
) -> tuple[Data, np.ndarray]:
    """Return the data, and a parameter that broadcasts with it as one number, or as one a channel of the data's edge.

    Where the parameter differs between pixels, the data is that of a flat view of the edge.
    """
    parameter = np.asarray(parameter, dtype=dtype)
    if parameter.size == 1:
        return data, parameter.reshape(1)
    full = np.broadcast_to(parameter, data.shape)
    if (full == full.flat[0]).all():
        return data, full.reshape(-1)[:1].copy()
    length, channels = importer.length(data), importer.channels(data)
    spread, used = np.zeros(length, dtype=dtype) + full.flat[0], np.zeros(length, dtype=bool)
    spread[data.index], used[data.index] = full, True
    pixels, seen = spread.reshape(-1, channels), used.reshape(-1, channels)
    values = pixels[seen.argmax(axis=0), np.arange(channels)]
    if ((pixels == values) | ~seen).all():
        return data, values
    return flat(importer, data), spread


def flat(importer: GrowingNetwork, data: Data, *, vector: bool = False) -> Data:
    """Return the same data on an edge of one pixel; with ``vector``, also not one that counts as an image of 1x1."""
    pixels, channels = importer.length(data) // importer.channels(data), importer.channels(data)
    if pixels == 1 and not (vector and importer.size(data)):
        return data
    data = _settled(importer, data)
    chain = mapped(data.chain, lambda p: np.tile(p, pixels) if p.size == channels else p)
    name = importer.new("view")
    return replace(data, edge=importer.add(View(name, data.edge, name)), chain=chain)


def _settled(importer: GrowingNetwork, data: Data) -> Data:
    """Return the data as it must be before its edge is looked at in another way.

    Its integers are known, its float layer is finished.
    """
    importer.known(data)
    if not importer.is_float:
        return data
    edge, chain = float_layer_end(importer, data)
    return replace(data, edge=edge, chain=chain)


def ordered(importer: GrowingNetwork, data: Data) -> Data:
    """Return data of one row on a flat edge that holds its values, and no others, in order.

    Raises
    ------
    ModelError
        If too many values would have to be put into another order.
    """
    data = flat(importer, data, vector=True)
    order = data.index.reshape(-1)
    if np.array_equal(order, np.arange(importer.length(data))):
        return data
    if order.size > _MOST_MOVED:
        raise ModelError(f"only up to {_MOST_MOVED} values can be put into another order, not {order.size}")
    return replace(_selected(importer, data, order), index=np.arange(order.size).reshape(data.shape))


def image(importer: GrowingNetwork, data: Data) -> Data:
    """Return data of shape (1, C, H, W) or (1, C, L) on an edge whose pixels hold its channels, in order.

    What is returned has the shape (1, C, H, W), with height 1 for a signal. Channels in another order, or some of them
    only, are picked by a product.

    Raises
    ------
    ModelError
        If the data is of another shape, or its edge does not hold the channels of a pixel together.
    Relayout
        If the walk must start again with another order of the input's values.
    """
    index = data.index
    if index.ndim not in (3, 4) or index.shape[0] != 1:
        raise ModelError(f"data must be of shape (batch, channels, length) or (…, height, width), not {index.shape}")
    if index.ndim == 3:
        index = index[:, :, None, :]
    data = replace(data, index=index)
    size, order = index.shape[2:], index[0].transpose(1, 2, 0).reshape(-1)
    length = importer.length(data)
    in_order = np.array_equal(order, np.arange(length))
    if in_order and importer.size(data) == size:
        return data
    inputs = _inputs_of(importer, data.edge)
    if inputs and inputs.isdisjoint(importer.laid_out):
        _lay_out(inputs, length, order.reshape(-1, index.shape[1]), size)
    pixels = order.reshape(-1, index.shape[1])
    every = length // len(pixels)
    if length == every * len(pixels) and (pixels == pixels[0] + every * np.arange(len(pixels))[:, None]).all():
        if pixels[0].max() < every:
            data = data if importer.size(data) == size else _viewed(importer, data, size)
            data = data if in_order else _selected(importer, data, pixels[0])
            return replace(data, index=np.moveaxis(np.arange(order.size).reshape(*size, -1), -1, 0)[None])
    raise ModelError(
        "its input must be an image whose pixels hold their channels together: what a convolution or a pool gives, or "
        "the model's input; here, other operations have moved the values about"
    )


def _lay_out(inputs: set[str], length: int, pixels: np.ndarray, size: tuple[int, ...]) -> None:
    """Start the walk again with the layout of ``inputs``, of so many values, in which each of ``pixels`` finds its own.

    Return if there is none.
    """
    given = np.arange(length)
    if np.array_equal(np.sort(pixels.reshape(-1)), given):
        raise Relayout(dict.fromkeys(inputs, Layout(pixels.reshape(-1), size)))
    if given.size % len(pixels) == 0:  # only some channels are read, which stand first or last
        for order in (given.reshape(-1, len(pixels)).T.reshape(-1), given):
            if (np.argsort(order)[pixels] // (given.size // len(pixels)) == np.arange(len(pixels))[:, None]).all():
                raise Relayout(dict.fromkeys(inputs, Layout(order, size)))


def _inputs_of(importer: GrowingNetwork, edge: str) -> set[str]:
    """Return the inputs whose positions are the edge's, which the next walk may lay out in another way; or none."""
    given = importer.input_on(edge)
    if given is not None:
        return {given.edge}
    node = next(n for n in importer.result.nodes if n.y == edge)
    found = [_inputs_of(importer, x) for x in node.inputs] if isinstance(node, Threshold | Rescale | Add) else []
    return set().union(*found) if all(found) else set()


def _viewed(importer: GrowingNetwork, data: Data, size: tuple[int, ...]) -> Data:
    """Return the data, channels innermost, as an image."""
    pixels, length = size[0] * size[1], importer.length(data)
    data = flat(importer, data) if importer.size(data) else _settled(importer, data)
    chain = mapped(data.chain, lambda p: _one_a_channel(p, pixels, length))
    name = importer.new("view")
    return replace(data, edge=importer.add(View(name, data.edge, name, size)), chain=chain)


def _selected(importer: GrowingNetwork, data: Data, channels: np.ndarray) -> Data:
    """Return the data with some channels of its edge, by a product with zeros and ones.

    The new index is the caller's affair.
    """
    data = _settled(importer, data)
    every = importer.channels(data)
    matrix = (channels[:, None] == np.arange(every)).astype(np.int64)
    name = importer.new("dense")
    if importer.is_float:
        zeros = np.zeros(len(matrix), dtype=np.float32)
        importer.add(FloatDense(name, data.edge, name, matrix.astype(np.float32), zeros, relu=False))
    else:
        importer.add(Dense(name, data.edge, name, matrix))
    return replace(data, edge=name, chain=mapped(data.chain, lambda p: p[channels] if p.size == every else p))


def _one_a_channel(parameter: np.ndarray, pixels: int, length: int) -> np.ndarray:
    """Return a parameter by position as one by channel; one that is not by position stays as it is."""
    if parameter.size != length:
        return parameter
    rows = parameter.reshape(pixels, -1)
    if (rows != rows[0]).any():
        raise ModelError("an operation in front of it has other constants for each pixel; put a quantizer behind that")
    return rows[0]
