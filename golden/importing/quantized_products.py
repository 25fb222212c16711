"""Products of integers: integer weights, one scale a row, and the zero points taken out of the sum."""

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.elementwise import Chain

from .folded_weights import on_a_grid
from .functions import integers
from .import_state import ImportState
from .one_scale import of_one_scale
from .quantized_levels import with_zero_pad
from .tensors import Constant, Data
from .windows import add_windows

__all__ = ["convolution", "product", "total", "weighted"]

_MOST_ZERO = 1 << 24  # a zero point beyond it swallows the codes in float32


def product(importer: ImportState, data: Data, b: Constant, alpha: float) -> tuple[str, Chain]:
    """Append the product of each pixel and the weights (K, N), times ``alpha``; return the edge and its chain.

    Raises
    ------
    ModelError
        If the data or the weights are not quantized.
    """
    weights, scale = _integer_weights(b, axis=1)
    edge, x_scale, x_zero = integers(importer, data)
    index = data.index.reshape(-1, len(weights))[0]
    # Weights by channel of the edge; a channel that is not read is zero.
    matrix, total = (np.zeros((weights.shape[1], importer.edge(edge).channels)) for _ in range(2))
    matrix[:, index], total[:, index] = weights.T, scale.T * alpha
    coding = _coding_of(b, transposed=True)
    if coding is not None:  # the columns of a channel that is not read have no code
        places = np.argsort(index)
        coding = coding.taking(places) if len(np.unique(index)) == matrix.shape[1] else None
    return weighted(importer, edge, matrix, total, x_scale, x_zero, read=index, coding=coding)


def convolution(importer: ImportState, data: Data, b: Constant, window: Window, groups: int) -> tuple[str, Chain]:
    """Append a convolution of weights (N, K), and return its edge and chain.

    Raises
    ------
    ModelError
        As `product`, or if the window pads, and there are no codes that hold zero.
    """
    weights, scale = _integer_weights(b)
    edge, x_scale, x_zero, pad = with_zero_pad(importer, data, window)
    edge = add_windows(importer, edge, window, pad=pad, groups=groups)
    coding = _coding_of(b, transposed=False)
    taps = window.taps_count

    def per_tap(values: np.ndarray) -> np.ndarray:
        """Return one number a channel as one for each channel of a window, group by group."""
        return np.tile(np.reshape(values, (groups, 1, -1)), (1, taps, 1)).reshape(-1)

    return weighted(importer, edge, weights, scale, per_tap(x_scale), per_tap(x_zero), groups=groups,
                    coding=coding)  # fmt: skip


def total(importer: ImportState, data: Data, divisor: int) -> tuple[str, Chain]:
    """Append the sum of the integers of each pixel, their scale over ``divisor``; return its edge and chain.

    Raises
    ------
    ModelError
        If the data is not quantized.
    """
    edge, scale, zero = integers(importer, data)
    ones = np.ones((1, data.shape[-1]))
    edge, chain = weighted(importer, edge, ones, ones, scale, zero)
    (first,) = chain
    a, zero = first.parameters
    return edge, (ew.Dequantize(a / divisor, zero),)


def weighted(
    importer: ImportState,
    edge: str,
    matrix: np.ndarray,
    scale: np.ndarray,
    x_scale: np.ndarray,
    x_zero: np.ndarray,
    *,
    groups: int = 1,
    read: np.ndarray | slice = slice(None),
    coding: Coding | None = None,
) -> tuple[str, Chain]:
    """Append a `Dense` of integer weights, and return its edge and the chain behind it.

    Parameters
    ----------
    importer : ImportState
    edge : str
        The edge that the layer reads.
    matrix, scale : arrays (N, K)
        The integers, and what one of each is worth.
    x_scale, x_zero : float64 arrays, one number a channel of the edge
        The edge's floats are ``x_scale * (integer - x_zero)``.
    groups : int
        Groups of the layer.
    read : int array or slice
        The columns that count; the others have weight zero.
    coding : Coding or None
        How the weights are written.

    Raises
    ------
    ModelError
        If the scale of a row is no float32 number, or weights of one scale would have too many bits.
    """
    x = importer.edge(edge)
    far = np.maximum(np.abs(x.lo - x_zero), np.abs(x.hi - x_zero))
    x_scale, x_zero, far = (_of_groups(v, matrix, groups) for v in (x_scale, x_zero, far))
    matrix = matrix.astype(np.int64)
    row, whole = of_one_scale((scale * x_scale)[:, read], matrix[:, read], far[:, read])
    same = np.array_equal(whole, matrix[:, read])
    matrix[:, read] = whole
    # In double the sum is exact where the zero points are whole; elsewhere (2x - 1) its error is far below float32's.
    zero = (matrix * x_zero).sum(axis=1)
    name = importer.new("dense")
    importer.add(Dense(name, edge, name, matrix, groups, coding if same else None))
    return name, (ew.Dequantize(row, zero),)


def _of_groups(values: np.ndarray, matrix: np.ndarray, groups: int) -> np.ndarray:
    """Return what each neuron reads of ``values`` (one a channel), as (N, K)."""
    slices = np.reshape(np.broadcast_to(values, groups * matrix.shape[1]), (groups, matrix.shape[1]))
    return np.repeat(slices, len(matrix) // groups, axis=0)


def _integer_weights(b: Constant, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return integers and their scales in the constant's shape: a quantizer's, or the multiples that plain floats are.

    ``axis`` is that of the neurons, which may have a scale each.

    Raises
    ------
    ModelError
        If plain floats are on no grid of 8 bits, or a zero point is too large.
    """
    if b.integers is not None:
        i = b.integers
        if np.abs(i.zero).max() > _MOST_ZERO:
            raise ModelError(f"its weights have a zero point beyond {_MOST_ZERO}")
        codes = (i.codes - i.zero).astype(np.int64)
        used = i.scale != 0  # a scale of 0 makes every weight 0
        return (codes, i.scale) if used.all() else (np.where(used, codes, 0), np.where(used, i.scale, 1.0))
    found = on_a_grid(b.array, axis)
    if found is None:
        raise ModelError(
            "its weights are not quantized; export the model with Quant or BipolarQuant on them, or give its float "
            "model to fewbit quantize"
        )
    return found


def _coding_of(b: Constant, *, transposed: bool) -> Coding | None:
    """Return the `Coding` of a matrix of weights, (inputs, neurons) if ``transposed``; None where integers say all."""
    if b.integers is None or b.integers.digits is None:
        return None
    digits = b.integers.digits.moved(np.transpose) if transposed else b.integers.digits
    if any((c != c[:, :1]).any() for c in digits.coefficients):
        return None  # not the same for a whole neuron
    return Coding(digits.codes, digits.digits, np.stack([c[:, 0] for c in digits.coefficients], axis=1)).tidied()
