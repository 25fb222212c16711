"""How positions of an edge stand in a tensor: parameters by channel, images channel-last, flat vectors."""

from dataclasses import replace

import numpy as np

from .elementwise import mapped
from .onnxfile import ModelError
from .spatial import View

__all__ = ["Relayout", "by_channel", "flat", "image"]


class Relayout(Exception):
    """The walk must start again: the first layer that looks at pixels says in which order values enter.

    Attributes
    ----------
    order : int64 array
        Which value of a sample comes first, second, … into the hardware.
    size : tuple
        Height and width.
    """

    def __init__(self, order, size):
        super().__init__("the input is an image")
        self.order, self.size = order, size


def by_channel(importer, data, parameter, dtype=np.float32):
    """A broadcastable ``parameter`` of the tensor as a scalar or one number a channel of its edge.

    Returns ``(data, array)``: where the parameter differs between pixels, the data is that of a flat view of the edge.
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


def flat(importer, data):
    """The same data on an edge of one pixel."""
    if importer.channels(data) == importer.length(data):
        return data
    importer.known(data)
    pixels, channels = importer.length(data) // importer.channels(data), importer.channels(data)
    chain = mapped(data.chain, lambda p: np.tile(p, pixels) if p.size == channels else p)
    name = importer.new("view")
    return replace(data, edge=importer.add(View(name, data.edge, name)), chain=chain)


def image(importer, data):
    """Data of shape (1, C, H, W) or (1, C, L) on an edge whose pixels hold its channels, in order.

    Returns the data as (1, C, H, W), height 1 for a signal.
    """
    index = data.index
    if index.ndim not in (3, 4) or index.shape[0] != 1:
        raise ModelError(f"data must be of shape (batch, channels, length) or (…, height, width), not {index.shape}")
    if index.ndim == 3:
        index = index[:, :, None, :]
    size, order = index.shape[2:], index[0].transpose(1, 2, 0).reshape(-1)
    length = importer.length(data)
    if not np.array_equal(order, np.arange(length)):
        if data.edge in ("input", "") and np.array_equal(np.sort(order), np.arange(length)) and not importer.laid_out:
            raise Relayout(order, size)
        raise ModelError(
            "its input must be an image whose pixels hold their channels together: what a convolution or a pool "
            "gives, or the model's input; here, other operations have moved the values about"
        )
    data = replace(data, index=index)
    if importer.size(data) == size:
        return data
    if data.edge in ("input", "") and not importer.laid_out:
        raise Relayout(order, size)
    importer.known(data)
    pixels = size[0] * size[1]
    data = flat(importer, data)
    chain = mapped(data.chain, lambda p: _one_a_channel(p, pixels, length))
    name = importer.new("view")
    return replace(data, edge=importer.add(View(name, data.edge, name, size)), chain=chain)


def _one_a_channel(parameter, pixels, length):
    if parameter.size != length:
        return parameter
    rows = parameter.reshape(pixels, -1)
    if (rows != rows[0]).any():
        raise ModelError("an operation in front of it has other constants for each pixel; put a quantizer behind that")
    return rows[0]
