"""Import of pools: the largest of a window, and averages."""

from dataclasses import replace
from functools import partial

import numpy as np

from fewbit.golden.importing.deferred import DeferredPool
from fewbit.golden.importing.float_layers import float_average, float_layer_end
from fewbit.golden.importing.functions import plainly_quantized, tabulated
from fewbit.golden.importing.layout import by_channel, image
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError, describe, evaluate
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.network.spatial import Largest, Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import format_for

from .convolutions import add_windows, spread_out, window_of, with_zero_pad
from .matrix_products import weighted

__all__ = ["averaged", "largest", "rising", "whole"]

_MOST_TURNED = 256  # levels whose sign a table turns

# The largest


@handles("MaxPool", role=Role.MOVE)
def max_pool(importer, node, inputs, attributes):
    """Import ONNX ``MaxPool``."""
    if attributes.get("storage_order", 0) or len([o for o in node.output if o]) > 1:
        raise ModelError("indices of the largest values are not supported")
    data, signal, window = _windowed(importer, inputs, attributes)
    return [largest(importer, data, window, signal, describe(node))]


@handles("GlobalMaxPool", role=Role.MOVE)
def global_max_pool(importer, node, inputs, attributes):
    """Import ONNX ``GlobalMaxPool``."""
    data, signal = _image_of(importer, inputs)
    return [largest(importer, data, whole(data), signal, describe(node))]


def _image_of(importer, inputs):
    """Return the data of a pool as an image, and whether it is a signal of one dimension."""
    data = data_of(inputs[0])
    return image(importer, data), len(data.shape) == 3


def _windowed(importer, inputs, attributes):
    """Return what `_image_of` does, and the window of the attributes."""
    data, signal = _image_of(importer, inputs)
    kernel = attributes["kernel_shape"]
    kernel = (1, *kernel) if signal else tuple(kernel)
    return data, signal, window_of(data, kernel, attributes, signal, ceil=bool(attributes.get("ceil_mode", 0)))


def whole(data):
    """Return the window that is the whole image."""
    return Window(size=data.shape[2:], kernel=data.shape[2:])


def largest(importer, data, window, signal, where):
    """Return the largest value of each of an image's windows, by channel; an error names the node as ``where``."""
    if window.taps_count == 1 and window.stride == (1, 1) and not any(window.pads):
        return data.reshaped(lambda a: a[:, :, 0]) if signal else data
    channels = data.shape[1]
    if not importer.is_float:
        data = plainly_quantized(importer, data)
        importer.known(data)
    try:
        data = rising(importer, data)
        name = _pooled(window, importer, data)
    except ModelError:  # its floats are no few levels
        if importer.is_float:
            raise
        name = importer.new("deferred")
        importer.add(DeferredPool(name, data.edge, name, data, window.out_size, partial(_pooled, window), where))
    return Data(name, spread_out(window, channels, signal), data.chain)


def _pooled(window, importer, data):
    """Append a pool of data whose largest number is its largest float, and return its edge."""
    pad = -np.inf if importer.is_float else importer.edge(data.edge).format.lo
    edge = importer.new("windows")
    importer.add(Windows(edge, data.edge, edge, window, pad, data.shape[1]))
    name = importer.new("largest")
    return importer.add(Largest(name, edge, name, window.taps_count))


def _rises(chain, lo, hi):
    """Return by channel whether the chain keeps one direction, and never falls."""
    if not ew.is_monotone(chain):
        return np.zeros(1, dtype=bool)
    return (ew.apply(chain, lo[None]) <= ew.apply(chain, hi[None]))[0]


def rising(importer, data):
    """Return the same data on an edge of which the largest number is the largest float.

    Channels that fall (a negative gamma in front of the pool) get a copy of their layer with negated weights.
    """
    if importer.is_float:
        edge, chain = float_layer_end(importer, data)
        if not _rises(chain, np.full(1, -1e3), np.full(1, 1e3)):
            raise ModelError(
                "in a float model a max pool may follow a Relu or affine operations that rise; fewbit quantize makes a "
                "model of few bits of it, in which any function is thresholds"
            )
        return replace(data, edge=edge, chain=chain)
    data = plainly_quantized(importer, data)
    importer.known(data)
    edge = importer.edge(data.edge)
    rises = np.broadcast_to(_rises(data.chain, edge.lo, edge.hi), edge.channels)
    if rises.all():
        return data
    first = data.chain[0] if data.chain else None
    sign = np.where(rises, 1, -1)
    turned = (
        _turned(importer, data.edge, sign) if ew.is_monotone(data.chain) and isinstance(first, ew.Dequantize) else None
    )
    if turned is None:
        name, scale, zero = tabulated(importer, data)
        return replace(data, edge=name, chain=(ew.Dequantize(scale, zero),))
    return replace(data, edge=turned, chain=(ew.Dequantize(first.scale * sign, first.zero * sign), *data.chain[1:]))


def _turned(importer, edge, sign):
    """Return an edge whose integers are those of ``edge`` times ``sign``, by channel; None where there are too many.

    They are sums of negated weights, or what a table gives for few levels.
    """
    made = next((n for n in importer.result.nodes if n.y == edge), None)
    if isinstance(made, Dense):
        name = importer.new("dense")
        coding = made.coding and made.coding.negated(sign < 0)
        return importer.add(replace(made, name=name, y=name, weights=made.weights * sign[:, None], coding=coding))
    fmt = importer.edge(edge).format
    if fmt.levels > _MOST_TURNED:
        return None
    signs = sign[:1] if (sign == sign[0]).all() else sign
    codes = fmt.values * signs[:, None]
    thresholds = np.broadcast_to(fmt.values[1:], (len(signs), fmt.levels - 1))
    name = importer.new("threshold")
    return importer.add(Threshold(name, edge, name, thresholds, codes, format_for(codes)))


# Averages


@handles("AveragePool", role=Role.AVERAGE)
def average_pool(importer, node, inputs, attributes):
    """Import ONNX ``AveragePool``."""
    data, signal, window = _windowed(importer, inputs, attributes)
    # How many values onnxruntime divides by follows from its average of ones.
    ones = np.ones((1, 1, data.shape[3]) if signal else (1, 1, *data.shape[2:]), dtype=np.float32)
    average = evaluate(importer.file, node, [ones])[0].reshape(-1).astype(np.float64)
    inside = (window.taps() >= 0).sum(axis=1)
    if average.shape != inside.shape:
        raise ModelError(f"its output is not {window.out_size} pixels, as its attributes say")
    divisors = np.where(inside > 0, np.rint(inside / np.where(average > 0, average, 1)), 1)
    return [averaged(importer, data, window, divisors, signal)]


@handles("GlobalAveragePool", role=Role.AVERAGE)
def global_average_pool(importer, node, inputs, attributes):
    """Import ONNX ``GlobalAveragePool``."""
    data, signal = _image_of(importer, inputs)
    window = whole(data)
    return [averaged(importer, data, window, np.array([window.taps_count]), signal)]


def averaged(importer, data, window, divisors, signal):
    """Return the sum of each window's integers, their scale over ``divisors``: one number, or one for each window."""
    channels, taps = data.shape[1], window.taps_count
    index = spread_out(window, channels, signal)
    if importer.is_float:
        edge, chain = float_average(importer, data, window, divisors)
        return Data(edge, index, chain)
    data = plainly_quantized(importer, data)
    importer.known(data)
    edge, scale, zero, pad = with_zero_pad(importer, data, window)
    edge = add_windows(importer, edge, window, pad=pad, groups=channels)
    ones = np.ones((channels, taps))
    name, chain = weighted(
        importer, edge, ones, ones, np.repeat(scale, taps), np.repeat(zero, taps), groups=channels
    )  # fmt: skip
    y = Data(name, index, chain)
    by_pixel = np.broadcast_to(divisors, window.out_pixels).reshape(window.out_size)
    y, divisor = by_channel(importer, y, by_pixel[0] if signal else by_pixel, dtype=np.float64)
    first, *rest = y.chain
    return replace(y, chain=(ew.Dequantize(first.scale / divisor, first.zero), *rest))
