"""Import of TensorFlow Lite's ``RESIZE_BILINEAR``: products of whole numbers, and one rounding behind them."""

import math

import numpy as np

from fewbit.golden.importing.layout import rows
from fewbit.golden.importing.ops.interpolation import Kernel, kernel_of
from fewbit.golden.importing.tensors import Data
from fewbit.golden.importing.windows import add_windows
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.window import Window

from .kernels import average
from .lines import RoundedLine
from .operands import add_codes, kernel
from .products import as_image

__all__ = ["bilinear_weights"]

_BITS = 10  # of the weights of one axis


@kernel("RESIZE_BILINEAR")
def resize_bilinear(importer, node, operands, outputs):
    """Import ``RESIZE_BILINEAR``: weights of 10 bits an axis, and a sum that is rounded half away from zero."""
    x, out = operands[0], outputs[0]
    if x.tensor.quantization != out.quantization or x.tensor.type != out.type:
        raise ModelError("its input and output must have the same scale and zero point")
    data, new = x.data, [int(n) for n in operands[1].constant]
    if data.index.ndim != 4:
        raise ModelError(f"its input must be an image of four dimensions, not of shape {data.shape}")
    options = dict(aligned=node.option("AlignCorners"), centred=node.option("HalfPixelCenters"))
    weights = [bilinear_weights(n, old, **options) for n, old in zip(new, data.shape[1:3], strict=True)]
    common = [int(np.gcd.reduce(w.reshape(-1))) for w in weights]
    weights = [w // c for w, c in zip(weights, common, strict=True)]
    kernels = [kernel_of(w) for w in weights]
    if all(kernels):
        sums = _by_windows(importer, data, kernels)
    else:
        sums = data
        for axis, matrix in enumerate(weights, 1):
            if not np.array_equal(matrix, np.eye(len(matrix))):
                sums = _along(importer, sums, axis, matrix)
    count = (1 << 2 * _BITS) // math.prod(common)
    if count == 1:
        return [sums]
    line = RoundedLine.halved(count.bit_length() - 1)  # rows sum to 1024, so what they have in common is a power of two
    return [add_codes(importer, sums, lambda s: average(s, count), out, shared=True, lines=[line])]


def bilinear_weights(new: int, old: int, *, aligned: bool, centred: bool) -> np.ndarray:
    """Return by how much each output of an axis is made of each input, int64 ``(new, old)``; a row's sum is 1024."""
    one = 1 << _BITS
    scale = (one * old + new // 2) // new
    if aligned and new > 1:
        scale = (one * (old - 1) + (new - 1) // 2) // (new - 1)
    places = np.arange(new) * scale + (scale // 2 - one // 2 if centred else 0)
    lower = np.maximum(np.trunc(places / one).astype(np.int64), 0)
    upper = np.minimum(np.trunc((places + one - 1) / one).astype(np.int64), old - 1)
    part = places - one * lower
    weights = np.zeros((new, old), dtype=np.int64)
    np.add.at(weights, (np.arange(new), lower), one - part)
    np.add.at(weights, (np.arange(new), upper), part)
    return weights


def _by_windows(importer, data: Data, kernels: list[Kernel]) -> Data:
    """Return the sums of an image enlarged by whole factors: products of each channel's windows, a block of pixels."""
    tall, wide = kernels
    data = data.reshaped(lambda i: np.pad(i, [(0, 0), tall.beyond, wide.beyond, (0, 0)], "edge"))
    source = as_image(importer, data.reshaped(lambda i: i[:, tall.unread :, wide.unread :]))
    channels = source.shape[1]
    block = np.einsum("at,bu->abtu", tall.weights, wide.weights).reshape(-1, tall.taps * wide.taps)
    window = Window(size=source.shape[2:], kernel=(tall.taps, wide.taps))
    edge = add_windows(importer, source.edge, window, pad=0, groups=channels)
    name = importer.new("dense")
    importer.add(Dense(name, edge, name, np.tile(block, (channels, 1)), channels))
    f, g = len(tall.weights), len(wide.weights)
    index = np.arange(window.out_pixels * channels * f * g).reshape(*window.out_size, channels, f, g)
    index = index.transpose(0, 3, 1, 4, 2).reshape(1, window.out_size[0] * f, window.out_size[1] * g, channels)
    return Data(name, index)


def _along(importer, data: Data, axis: int, matrix: np.ndarray) -> Data:
    """Return the sums of data with the matrix applied along an axis."""
    turned = rows(importer, data.reshaped(lambda i: np.moveaxis(i, axis, -1)))
    name = importer.new("dense")
    importer.add(Dense(name, turned.edge, name, matrix))
    shape = (*turned.shape[:-1], len(matrix))
    return Data(name, np.moveaxis(np.arange(math.prod(shape)).reshape(shape), -1, axis))
