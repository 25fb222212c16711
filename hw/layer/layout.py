"""How a layer's numbers lie in its memories: row by row, and what pads them where PE and SIMD do not divide it.

Functions take ``shape``, the layer's `hw.layer.shape.LayerShape`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from fewbit.hw.memory.placement import Contents
from fewbit.hw.packing import pack

from .shape import LayerShape

__all__ = ["MEMORY_LATENCY", "padded", "padded_rows", "start_contents", "weight_columns", "weight_contents"]

MEMORY_LATENCY = 2  # cycles in which a step's weights are read, and the codes for them


def padded(shape: LayerShape, per_neuron: ArrayLike, filler: int = 0) -> list[int]:
    """Return numbers, one for each of the layer's neurons, as a list of ``rows*pe`` for every vector; padding is
    ``filler``."""
    return [int(v) for v in padded_rows(shape, np.asarray(per_neuron, dtype=object)[:, None], filler)[:, 0]]


def padded_rows(shape: LayerShape, rows: ArrayLike, filler: int = 0) -> np.ndarray:
    """Return rows ``(neurons, width)`` as an array ``(vectors*rows*pe, width)``, in which padding is ``filler``."""
    rows = np.asarray(rows)
    blocks = rows.reshape(shape.vectors, shape.neurons, rows.shape[1])
    rest = shape.rows * shape.pe - shape.neurons
    return np.pad(blocks, ((0, 0), (0, rest), (0, 0)), constant_values=filler).reshape(-1, rows.shape[1])


def weight_contents(
    shape: LayerShape, codes: np.ndarray, bits: int, pad: int, where: str | None = None
) -> Contents:  # fmt: skip
    """Return the `Contents` of the weight memory.

    The codes of step s of row r of vector v are at ``(v*rows + r)*steps + s``; lane s of PE p is code ``p*simd + s``.

    Parameters
    ----------
    codes : int array (neurons, inputs)
    bits : int
        Bits of a code.
    pad : int
        The code of padding.
    where : str or None
        Where the memory is to be, as `hw.memory.placement.Contents` has it.
    """
    words = _weight_words(shape, codes, pad)
    return Contents(
        bits * shape.pe * shape.simd, [pack(codes, bits) for codes in words.tolist()], MEMORY_LATENCY, where
    )


def weight_columns(shape: LayerShape, codes: np.ndarray, bits: int, pad: int) -> int:
    """Return how many bits of the words of `weight_contents` are neither constant nor equal to another, without making
    those."""
    words = _weight_words(shape, codes, pad)
    found: set[bytes] = set()
    constant = {np.packbits(np.full(len(words), bit, dtype=bool)).tobytes() for bit in (0, 1)}
    for bit in range(bits):
        columns = np.packbits((words >> bit & 1).astype(bool).T, axis=1)
        found.update(column.tobytes() for column in columns)
    return len(found - constant)


def _weight_words(shape: LayerShape, codes: np.ndarray, pad: int) -> np.ndarray:
    """Return the codes of the words of the weight memory, ``(words, pe*simd)``."""
    lanes = np.full((shape.vectors * shape.rows * shape.pe, shape.steps * shape.simd), pad, dtype=np.int64)
    lanes[:, : shape.inputs] = padded_rows(shape, codes, pad)
    return lanes.reshape(-1, shape.pe, shape.steps, shape.simd).swapaxes(1, 2).reshape(-1, shape.pe * shape.simd)


def start_contents(shape: LayerShape, starts: Sequence[int], width: int) -> Contents:
    """Return the `Contents` of the memory of what accumulators start a row with, by row; PE 0 lowest.

    Parameters
    ----------
    starts : list of int
        Initial value of every accumulator, as `padded` gives them.
    width : int
        Bits of an accumulator.
    """
    words = [pack(starts[n : n + shape.pe], width) for n in range(0, len(starts), shape.pe)]
    return Contents(width * shape.pe, words, MEMORY_LATENCY)
