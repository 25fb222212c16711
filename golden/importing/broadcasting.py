"""Two tensors of data on edges of one size: laid out alike, and repeated where one is of size 1 along an axis."""

import math
from dataclasses import replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.spatial import Repeat, Upsample

from .import_state import ImportState
from .layout import flat, image, ordered
from .tensors import Data

__all__ = ["alike"]


def alike(
    importer: ImportState, a: Data, b: Data, what: str, *, channels_last: bool = False, one_sample: bool = False
) -> tuple[Data, Data]:
    """Return both tensors on edges of the same size, with the same positions, in the shape that they broadcast to.

    Parameters
    ----------
    importer : ImportState
    a, b : tensors.Data
    what : str
        What is to be done with them, for messages: "added".
    channels_last : bool
        Whether channels are the last axis of images. Without it that is looked up in the positions, and they are the
        axis behind the batch where positions do not tell.
    one_sample : bool
        Whether the model is made for a batch of one, so that a tensor may have fewer axes than the other.

    Raises
    ------
    ModelError
        If the shapes do not broadcast, or values would have to be moved about.
    """
    if one_sample and len(a.shape) != len(b.shape):
        rank = max(len(a.shape), len(b.shape))
        a, b = (d.reshaped(lambda i: i.reshape((1,) * (rank - i.ndim) + i.shape)) for d in (a, b))
    shape = _common_shape(a, b, what)
    if np.array_equal(a.index, b.index):
        if importer.size(a) == importer.size(b):
            return a, b
        if a.index.size == importer.length(a):
            return flat(importer, a, vector=True), flat(importer, b, vector=True)
    if len(shape) not in (3, 4):
        a, b = (_vector(importer, d, shape) for d in (a, b))
        return a, b
    last = channels_last or any(_has_channels_last(importer, d) for d in (a, b))
    a, b = (_image(importer, d, shape, last) for d in (a, b))
    return a, b


def _common_shape(a: Data, b: Data, what: str) -> tuple[int, ...]:
    """Return the shape that both broadcast to."""
    pairs = list(zip(a.shape, b.shape, strict=False))
    if len(a.shape) != len(b.shape) or any(m != n and 1 not in (m, n) for m, n in pairs):
        raise ModelError(
            f"data of shapes {a.shape} and {b.shape} cannot be {what}; they must have as many axes, and along each the "
            "same size or a size of 1"
        )
    if len(pairs) > 4 and a.shape != b.shape and 1 not in (a.index.size, b.index.size):
        raise ModelError(f"data of shapes {a.shape} and {b.shape} cannot be {what}; only images and vectors broadcast")
    return tuple(max(pair) for pair in pairs)


def _has_channels_last(importer: ImportState, data: Data) -> bool:
    """Say whether the last axis of a tensor are the channels of the pixels that its edge has."""
    index = data.index
    if index.ndim not in (3, 4) or not importer.size(data) or importer.channels(data) != index.shape[-1]:
        return False
    return index.shape[-1] > 1 and bool((np.diff(index, axis=-1) == 1).all())


def _vector(importer: ImportState, data: Data, shape: tuple[int, ...]) -> Data:
    """Return the data in order on a flat edge, in another shape if it is a single value."""
    given = data.shape
    data = ordered(importer, data)
    if given != shape:
        data = _repeated(importer, data, math.prod(shape))
    return replace(data, index=np.arange(math.prod(shape)).reshape(shape))


def _image(importer: ImportState, data: Data, shape: tuple[int, ...], last: bool) -> Data:
    """Return the data in another shape, on an edge that is an image; ``last`` says that channels are the last axis."""
    order = (0, len(shape) - 1, *range(1, len(shape) - 1)) if last else tuple(range(len(shape)))
    data = image(importer, data.reshaped(lambda i: i.transpose(order)))
    _, channels, *pixels = (shape[axis] for axis in order)
    size = tuple(pixels) if len(pixels) == 2 else (1, *pixels)
    if data.shape[2:] != size:
        data = _enlarged(importer, data, size)
    if data.shape[1] != channels:
        data = _repeated(importer, data, channels)
    index = np.arange(channels * math.prod(size)).reshape(1, *pixels, channels)
    return replace(data, index=index if last else np.moveaxis(index, -1, 1))


def _enlarged(importer: ImportState, data: Data, size: tuple[int, ...]) -> Data:
    """Return an image with the one row, column or pixel that it has repeated; its index is the caller's affair."""
    data = importer.builder.settled(data)
    name, given = importer.new("upsample"), data.shape[2:]
    factors = tuple(n // m for n, m in zip(size, given, strict=True))
    return replace(data, edge=importer.add(Upsample(name, data.edge, name, given, factors)))


def _repeated(importer: ImportState, data: Data, count: int) -> Data:
    """Return data of one channel with ``count`` of them; its index is the caller's affair."""
    data = importer.builder.settled(data)
    name = importer.new("repeat")
    return replace(data, edge=importer.add(Repeat(name, data.edge, name, count)))
