"""Linear interpolation as products: windows of constant weights for whole factors, else a matrix for each axis."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fewbit.golden.importing.layout import image, rows
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.tensors import Constant, Data, Integers
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.window import Window

__all__ = ["Kernel", "interpolated", "kernel_of"]

_MOST_DENOMINATOR = 512  # of the weights of one axis
_CLOSE = 1e-5  # of a coordinate, beside float32's rounding of it

Resized = Callable[[np.ndarray], np.ndarray]


def interpolated(importer: OnnxImportState, data: Data, resized: Resized) -> Data:
    """Return data of shape (1, C, L) or (1, C, H, W) resized by linear interpolation of its pixels.

    The weights are the fractions that the model's float32 weights stand for, so that a sum is one integer.

    Parameters
    ----------
    importer : OnnxImportState
    data : Data
    resized : callable
        The model's own operation on float32 arrays of the data's shape.

    Raises
    ------
    ModelError
        If the operation does more than that, or weights are no simple fractions.
    """
    rank = len(data.shape)
    shape = resized(np.zeros(data.shape, dtype=np.float32)).shape
    if rank not in (3, 4) or shape[:2] != data.shape[:2]:
        raise ModelError(f"only height and width can be interpolated, not {data.shape} to {shape}")
    matrices = {axis: _matrix(data.shape, axis, resized) for axis in range(2, rank)}
    kernels = [k for k in (kernel_of(matrices[axis]) for axis in range(2, rank)) if k is not None]
    if len(kernels) == len(matrices):
        return _by_windows(importer, data, kernels)
    for axis, matrix in matrices.items():
        if not np.array_equal(matrix, np.eye(len(matrix))):
            data = _along(importer, data, axis, matrix)
    return data


def _matrix(shape: tuple[int, ...], axis: int, resized: Resized) -> np.ndarray:
    """Return the weights of one axis, exact fractions as float64 (outputs, inputs)."""
    count = shape[axis]
    ramp = np.arange(count, dtype=np.float32).reshape(-1, *[1] * (len(shape) - axis - 1))

    def along(values: np.ndarray) -> np.ndarray:
        y = resized(np.broadcast_to(values, shape).copy())
        return np.moveaxis(y, axis, -1).reshape(-1, y.shape[axis])[0].astype(np.float64)

    places = [Fraction(float(p)).limit_denominator(_MOST_DENOMINATOR) for p in along(ramp)]
    matrix = np.zeros((len(places), count))
    for row, place in zip(matrix, places, strict=True):
        at = min(max(math.floor(place), 0), count - 1)
        part = place - at if at + 1 < count else 0
        row[at] = 1 - part
        if part:
            row[at + 1] = part
    squares = ramp.reshape(-1).astype(np.float64) ** 2
    if np.abs(along(ramp * ramp) - matrix @ squares).max() > _CLOSE * max(1.0, squares[-1]):
        raise ModelError(
            "only linear interpolation of two neighbours with weights in simple fractions is supported, without "
            "antialiasing or values outside of the image"
        )
    return matrix


@dataclass(frozen=True, eq=False)
class Kernel:
    """An enlargement by a whole factor.

    Output ``factor*q + r`` is ``sum_t weights[r, t] * x[q + first + t]``, where the outermost values stand for all
    outside of them.
    """

    first: int
    weights: np.ndarray

    @property
    def taps(self) -> int:
        """Values that an output is made of."""
        return self.weights.shape[1]

    @property
    def beyond(self) -> tuple[int, int]:
        """How many values outside of the image stand in front of it and behind."""
        return max(0, -self.first), max(0, self.first + self.taps - 1)

    @property
    def unread(self) -> int:
        """How many values in front of the first tap are never read."""
        return max(0, self.first)


def kernel_of(matrix: np.ndarray) -> Kernel | None:
    """Return the kernel of an axis with weights ``(outputs, inputs)``.

    It is None if the factor is no whole number, or weights differ between places.
    """
    outputs, count = matrix.shape
    factor = outputs // count
    if factor * count != outputs:
        return None
    middle = count // 2
    rows_of = matrix[factor * middle : factor * (middle + 1)]
    used = np.flatnonzero(rows_of.any(axis=0))
    kernel = Kernel(int(used[0]) - middle, rows_of[:, used[0] : used[-1] + 1])
    again = np.zeros_like(matrix)
    for q in range(count):
        for t in range(kernel.taps):
            again[factor * q : factor * (q + 1), np.clip(q + kernel.first + t, 0, count - 1)] += kernel.weights[:, t]
    return kernel if np.allclose(again, matrix, atol=1e-12) else None


def _by_windows(importer: OnnxImportState, data: Data, kernels: list[Kernel]) -> Data:
    """Return the data enlarged by a convolution whose channels are the pixels of a block."""
    signal = len(kernels) == 1
    widths = [(0, 0), (0, 0)] + [k.beyond for k in kernels]
    starts = [k.unread for k in kernels]
    whole = data.reshaped(lambda i: np.pad(i, widths, "edge"))
    whole = whole.reshaped(lambda i: i[(slice(None), slice(None), *(slice(s, None) for s in starts))])
    source = image(importer, whole)
    tall, wide = (Kernel(0, np.ones((1, 1))), *kernels) if signal else kernels
    channels = source.shape[1]
    block = np.einsum("at,bu->abtu", tall.weights, wide.weights).reshape(-1, tall.taps * wide.taps)
    window = Window(size=source.shape[2:], kernel=(tall.taps, wide.taps))
    b = _fractions(np.tile(block, (channels, 1)))
    edge, chain = importer.builder.convolution(source, b, window, channels)
    f, g = len(tall.weights), len(wide.weights)
    index = np.arange(window.out_pixels * channels * f * g).reshape(*window.out_size, channels, f, g)
    index = index.transpose(2, 0, 3, 1, 4).reshape(1, channels, window.out_size[0] * f, window.out_size[1] * g)
    return Data(edge, index[:, :, 0] if signal else index, chain)


def _along(importer: OnnxImportState, data: Data, axis: int, matrix: np.ndarray) -> Data:
    """Return the data with the matrix applied along an axis."""
    turned = rows(importer, data.reshaped(lambda i: np.moveaxis(i, axis, -1)))
    edge, chain = importer.builder.product(turned, _fractions(matrix.T), 1.0)
    shape = (*turned.shape[:-1], len(matrix))
    return Data(edge, np.moveaxis(np.arange(math.prod(shape)).reshape(shape), -1, axis), chain)


def _fractions(weights: np.ndarray) -> Constant:
    """Return weights that are fractions as a constant with integers."""
    parts = [Fraction(float(w)).limit_denominator(_MOST_DENOMINATOR**2) for w in np.unique(weights)]
    denominator = math.lcm(*(p.denominator for p in parts))
    codes = np.rint(weights * denominator).astype(np.int64)
    if denominator > _MOST_DENOMINATOR**2 or np.abs(codes / denominator - weights).max() > 1e-9:
        raise ModelError("its weights are in no simple fractions")
    scale = np.full(weights.shape, 1 / denominator)
    return Constant(weights.astype(np.float32), Integers(codes, scale, np.zeros(weights.shape)))
