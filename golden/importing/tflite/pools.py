"""Import of TensorFlow Lite's pools, means and largest values."""

import math

import numpy as np

from fewbit.golden.importing.layout import flat, ordered, rows
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.windows import add_windows, spread_out
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.spatial import Largest, Windows
from fewbit.golden.network.window import Window

from .kernels import average, mean_multiplier, multiplied, rounded
from .lines import RoundedLine
from .operands import activation_range, add_codes, format_of, kernel, shape_without_batch
from .products import as_image, window_of

__all__ = ["axes_of", "largest_along"]


@kernel("MAX_POOL_2D")
def max_pool(importer, node, operands, outputs):
    """Import ``MAX_POOL_2D``."""
    data = as_image(importer, operands[0].data)
    window, out = _window(data, node), outputs[0]
    channels, fmt = data.shape[1], format_of(out)
    name = importer.new("windows")
    importer.add(Windows(name, data.edge, name, window, fmt.lo, channels))
    largest = importer.new("largest")
    importer.add(Largest(largest, name, largest, window.taps_count))
    found = Data(largest, spread_out(window, channels, signal=False).transpose(0, 2, 3, 1))
    bounds = activation_range(node.option("FusedActivationFunction"), out)
    if bounds == (fmt.lo, fmt.hi):
        return [found]
    return [add_codes(importer, found, lambda x: np.clip(x, *bounds), out, shared=True)]


@kernel("AVERAGE_POOL_2D")
def average_pool(importer, node, operands, outputs):
    """Import ``AVERAGE_POOL_2D``, which divides by the pixels of a window that are within the image."""
    x, out = operands[0], outputs[0]
    if x.tensor.quantization != out.quantization:
        raise ModelError("its input and output must have the same scale and zero point")
    data = as_image(importer, x.data)
    window = _window(data, node)
    sums, channels = _sums(importer, data, window), data.shape[1]
    bounds = activation_range(node.option("FusedActivationFunction"), out)
    counts = (window.taps() >= 0).sum(axis=1)
    if (counts == counts[0]).all():
        return [add_codes(importer, sums, lambda s: np.clip(average(s, int(counts[0])), *bounds), out, shared=True)]
    by_value = np.repeat(counts, channels)
    return [add_codes(importer, flat(importer, sums), lambda s: np.clip(average(s, by_value), *bounds), out)]


@kernel("MEAN")
def mean(importer, node, operands, outputs):
    """Import ``MEAN`` over any axes but the batch."""
    x, out = operands[0], outputs[0]
    axes = axes_of(operands)
    (scale, zero), (out_scale, out_zero) = x.tensor.quantization, out.quantization
    count, fmt = math.prod(x.data.shape[a] for a in axes), format_of(out)
    multiplier = mean_multiplier(float(scale) / float(out_scale), count)

    def codes(total):
        return np.clip(multiplied(total - count * zero, *multiplier) + out_zero, fmt.lo, fmt.hi)

    sums = _sums_along(importer, x.data, axes)
    line = RoundedLine.of(*multiplier).behind(-count * zero).raised(out_zero)
    found = add_codes(importer, sums, codes, out, shared=True, lines=[line])
    return [found.reshaped(lambda i: i.reshape(shape_without_batch(out, found)))]


@kernel("SUM")
def total(importer, node, operands, outputs):
    """Import ``SUM`` of 8 bits over any axes but the batch, in float32: ``round(sum * scale + bias) + zero``.

    ``scale`` is the quotient of both scales, and ``bias`` is ``-zero * scale * count``. That is LiteRT's default
    kernel; its reference one does not give the sums where these are negative.
    """
    x, out = operands[0], outputs[0]
    fmt, axes = format_of(out), axes_of(operands)
    if x.tensor.type not in ("INT8", "UINT8") or x.tensor.quantization == out.quantization:
        raise ModelError("it is supported for codes of 8 bits, and an output of another scale or zero point: else the "
                         "kernel's own sums overflow; use MEAN")  # fmt: skip
    (scale, zero), (out_scale, out_zero) = x.tensor.quantization, out.quantization
    count, step = math.prod(x.data.shape[a] for a in axes), np.float32(scale / out_scale)
    bias = np.float32(np.float32(-zero * step) * np.float32(count))

    def codes(values):
        return np.clip(rounded(values.astype(np.float32) * step + bias) + out_zero, fmt.lo, fmt.hi)

    found = add_codes(importer, _sums_along(importer, x.data, axes), codes, out, shared=True)
    return [found.reshaped(lambda i: i.reshape(shape_without_batch(out, found)))]


@kernel("REDUCE_MAX")
def reduce_max(importer, node, operands, outputs):
    """Import ``REDUCE_MAX`` over any axes but the batch."""
    x, out = operands[0], outputs[0]
    if x.tensor.quantization != out.quantization:
        raise ModelError("its input and output must have the same scale and zero point")
    found = largest_along(importer, x.data, axes_of(operands))
    return [found.reshaped(lambda i: i.reshape(shape_without_batch(out, found)))]


def largest_along(importer, data: Data, axes: list[int]) -> Data:
    """Return the largest code along axes, which are rising, of data in the axes that stay."""
    data, kept = _rows(importer, data, axes)
    name = importer.new("largest")
    importer.add(Largest(name, data.edge, name, data.shape[-1]))
    return Data(name, kept)


def axes_of(operands) -> list[int]:
    """Return the axes that a reduction's second operand names, rising.

    Raises
    ------
    ModelError
        If there are none, or the batch is among them.
    """
    rank = operands[0].data.index.ndim
    axes = sorted({int(a) % rank for a in np.atleast_1d(operands[1].constant)})
    if not axes or 0 in axes:
        raise ModelError(f"any axes but the batch, the first, can be reduced, not {axes} of {operands[0].data.shape}")
    return axes


def _sums_along(importer, data: Data, axes: list[int]) -> Data:
    """Return the sum of the codes along axes, which are rising, of data in the axes that stay."""
    if axes == [1, 2] and data.index.ndim == 4:
        data = as_image(importer, data)
        return _sums(importer, data, Window(size=data.shape[2:], kernel=data.shape[2:]))
    sums, kept = _rows(importer, data, axes)
    name = importer.new("dense")
    importer.add(Dense(name, sums.edge, name, np.ones((1, sums.shape[-1]), dtype=np.int64)))
    return Data(name, kept)


def _rows(importer, data: Data, axes: list[int]) -> tuple[Data, np.ndarray]:
    """Return data of which each row holds the values along ``axes``, and the places of rows, in the axes that stay."""
    kept = [a for a in range(1, data.index.ndim) if a not in axes]
    shape = [data.shape[a] for a in kept]
    turned = data.reshaped(lambda i: i.transpose(0, *kept, *axes).reshape(1, math.prod(shape), -1))
    turned = ordered(importer, turned) if len(turned.index[0]) == 1 else rows(importer, turned)
    return turned, np.arange(math.prod(shape)).reshape(1, *shape)


def _window(data, node):
    size = node.option("FilterHeight", 1), node.option("FilterWidth", 1)
    return window_of(data.shape[2:], size, node)


def _sums(importer, data, window):
    """Return the sum of each window's codes, as data (1, H, W, C); what is outside of the image counts nothing."""
    channels = data.shape[1]
    edge = add_windows(importer, data.edge, window, pad=0, groups=channels)
    name = importer.new("dense")
    importer.add(Dense(name, edge, name, np.ones((channels, window.taps_count), dtype=np.int64), channels))
    return Data(name, spread_out(window, channels, signal=False).transpose(0, 2, 3, 1))
