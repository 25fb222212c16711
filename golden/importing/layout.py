"""How positions of an edge stand in a tensor: parameters by channel, images channel-last, flat vectors.

A tensor's index may have any order. What needs another one gets it by the first of these that will do: nothing, a
`View`, another order of the input's values, or a `Reorder`.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import NetworkInput
from fewbit.golden.network.joins import IntegerJoin
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.elementwise import Chain, mapped

from .import_state import ImportState, Layout
from .tensors import Data

__all__ = ["Relayout", "by_channel", "by_channels", "flat", "image", "inputs_to_lay_out", "is_natural", "ordered",
           "placed", "rows", "single"]  # fmt: skip


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
    importer: ImportState, data: Data, parameter: ArrayLike, dtype: DTypeLike = np.float32
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
    if (spread[data.index] != full).any():  # a value that stands there several times, with several constants
        return by_channel(importer, ordered(importer, data), parameter, dtype)
    pixels, seen = spread.reshape(-1, channels), used.reshape(-1, channels)
    values = pixels[seen.argmax(axis=0), np.arange(channels)]
    if ((pixels == values) | ~seen).all():
        return data, values
    return flat(importer, data), spread


def by_channels(importer: ImportState, data: Data, *parameters: np.ndarray) -> tuple[Data, tuple[np.ndarray, ...]]:
    """Return what `by_channel` does for several parameters, each of its own type: all fit the data that is returned."""
    for parameter in parameters:
        data, _ = by_channel(importer, data, parameter, parameter.dtype)
    return data, tuple(by_channel(importer, data, parameter, parameter.dtype)[1] for parameter in parameters)


def single(values: np.ndarray) -> np.ndarray:
    """Return one number in place of equal ones, one a channel."""
    return values[:1] if (values == values[0]).all() else values


def flat(importer: ImportState, data: Data, *, vector: bool = False) -> Data:
    """Return the same data on an edge of one pixel; with ``vector``, also not one that counts as an image of 1x1."""
    pixels, channels = importer.length(data) // importer.channels(data), importer.channels(data)
    if pixels == 1 and not (vector and importer.size(data)):
        return data
    data = importer.builder.settled(data)
    chain = mapped(data.chain, lambda p: np.tile(p, pixels) if p.size == channels else p)
    name = importer.new("view")
    return replace(data, edge=importer.add(View(name, data.edge, name)), chain=chain)


def is_natural(importer: ImportState, data: Data) -> bool:
    """Say whether the data, row-major, is all values of its edge in the order that they have there."""
    return np.array_equal(data.index.reshape(-1), np.arange(importer.length(data)))


def ordered(importer: ImportState, data: Data) -> Data:
    """Return data on a flat edge that holds its values, and no others, in order."""
    if is_natural(importer, data):
        return flat(importer, data, vector=True)
    return placed(importer, data, ())


def rows(importer: ImportState, data: Data) -> Data:
    """Return data on an edge with a pixel for every row of its last axis, in order, of that row's values."""
    shape = data.shape
    size = shape[1:3] if len(shape) == 4 else (1, math.prod(shape[:-1]))
    if is_natural(importer, data):
        if importer.channels(data) == shape[-1]:
            return data
    return placed(importer, data, size)


def image(importer: ImportState, data: Data) -> Data:
    """Return data of shape (1, C, H, W) or (1, C, L) on an edge whose pixels hold its channels, in order.

    What is returned has the shape (1, C, H, W), with height 1 for a signal.

    Raises
    ------
    ModelError
        If the data is of another shape.
    Relayout
        If the walk must start again with another order of the input's values.
    """
    index = data.index
    if index.ndim not in (3, 4) or index.shape[0] != 1:
        raise ModelError(f"data must be of shape (batch, channels, length) or (…, height, width), not {index.shape}")
    if index.ndim == 3:
        index = index[:, :, None, :]
    pixels = replace(data, index=np.moveaxis(index, 1, -1))
    return placed(importer, pixels, index.shape[2:]).reshaped(lambda i: np.moveaxis(i, -1, 1))


def placed(importer: ImportState, data: Data, size: tuple[int, ...], *, fill: float = 0) -> Data:
    """Return data on an edge of ``size`` that holds its values, and no others, row-major in the order of its index.

    Parameters
    ----------
    importer : ImportState
    data : Data
        An index of -1 stands for a value that is ``fill`` on the new edge; the data is then no input without a format.
    size : tuple of int
        Height and width of the new edge; empty for a vector.
    fill : float
        A value of the edge's format, or one that `golden.numbers.format.Format.widened` adds.

    Raises
    ------
    ModelError
        If an operation in front of it has different constants for values that become one channel.
    Relayout
        If the walk must start again with another order of the input's values.
    """
    order = data.index.reshape(-1)
    new = np.arange(order.size).reshape(data.shape)
    natural = is_natural(importer, data)
    if natural and importer.size(data) == size:
        return data
    inputs = inputs_to_lay_out(importer, data.edge)
    if inputs and (order >= 0).all():
        _lay_out(inputs, order.reshape(math.prod(size), -1), size)
    data = importer.builder.settled(data)
    chain = _moved(data.chain, order, importer.channels(data), math.prod(size))
    if natural:
        name = importer.new("view")
        return replace(data, edge=importer.add(View(name, data.edge, name, size)), chain=chain, index=new)
    return replace(data, edge=_reordered(importer, data.edge, order, size, fill), chain=chain, index=new)


def _reordered(importer: ImportState, edge: str, order: np.ndarray, size: tuple[int, ...], fill: float) -> str:
    """Return the edge behind a `Reorder`: one that is there already, or a new one."""
    for node in importer.result.nodes:
        if isinstance(node, Reorder) and (node.x, node.size, node.fill) == (edge, size, fill):
            if np.array_equal(node.order, order):
                return node.y
    name = importer.new("reorder")
    return importer.add(Reorder(name, edge, name, order, size, fill))


def _lay_out(inputs: list[NetworkInput], pixels: np.ndarray, size: tuple[int, ...]) -> None:
    """Start the walk again with the layout of ``inputs``, of one shape, in which each of ``pixels`` finds its values.

    Return if there is none.
    """
    given, shape = np.arange(inputs[0].length), inputs[0].shape
    if np.array_equal(np.sort(pixels.reshape(-1)), given):
        raise _again(inputs, pixels.reshape(-1), size)
    if size and given.size % len(pixels) == 0:  # only some channels are read, which stand first or last
        for order in (given.reshape(-1, len(pixels)).T.reshape(-1), given):
            if (np.argsort(order)[pixels] // (given.size // len(pixels)) == np.arange(len(pixels))[:, None]).all():
                raise _again(inputs, order, size)
    if size and len(shape) == 3 and pixels.shape[1] > 1:  # some pixels are left out or repeated
        places = shape[1] * shape[2]
        if (pixels % places == pixels[:, :1] % places).all():
            raise _again(inputs, given.reshape(shape[0], places).T.reshape(-1), shape[1:])


def _again(inputs: list[NetworkInput], order: np.ndarray, size: tuple[int, ...]) -> Relayout:
    return Relayout({one.edge: Layout(order, size) for one in inputs})


def inputs_to_lay_out(importer: ImportState, edge: str) -> list[NetworkInput]:
    """Return the inputs whose positions are the edge's, if the next walk may lay all of them out in another way."""
    inputs = _inputs_of(importer, edge)
    free = all(one.edge not in importer.laid_out and one.shape == inputs[0].shape for one in inputs)
    return inputs if free else []


def _inputs_of(importer: ImportState, edge: str) -> list[NetworkInput]:
    """Return the inputs whose positions are the edge's; none if others stand on it, too."""
    given = importer.input_on(edge)
    if given is not None:
        return [given]
    node = next(n for n in importer.result.nodes if n.y == edge)
    if not isinstance(node, Threshold | Rescale | IntegerJoin):
        return []
    found = [_inputs_of(importer, x) for x in node.inputs]
    return [one for inputs in found for one in inputs] if all(found) else []


def _moved(chain: Chain, order: np.ndarray, channels: int, pixels: int) -> Chain:
    """Return a chain by channel of an edge as one by channel of the edge on which its values stand in ``order``."""

    def moved(parameter: np.ndarray) -> np.ndarray:
        if parameter.size == 1 or parameter.size != channels:
            return parameter
        values, used = (a.reshape(pixels, -1) for a in (parameter[order % channels], order >= 0))
        first = values[used.argmax(axis=0), np.arange(values.shape[1])]
        if ((values != first) & used).any():
            raise ModelError(
                "an operation in front of it has other constants for each pixel; put a quantizer behind that"
            )
        return first

    return mapped(chain, moved)
