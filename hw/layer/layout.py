"""How a layer's numbers lie in its memories: row by row, and what pads them where PE and SIMD do not divide it.

Functions take ``shape``, the layer's `hw.layer.shape.LayerShape`.
"""

import numpy as np

from fewbit.hw.memory.placement import Contents
from fewbit.hw.packing import pack

__all__ = ["MEMORY_LATENCY", "padded", "padded_rows", "start_contents", "weight_contents"]

MEMORY_LATENCY = 2  # cycles in which a step's weights are read, and the codes for them


def padded(shape, per_neuron, filler=0):
    """Return one number for each of the layer's neurons as a list of ``rows*pe`` a vector, with ``filler`` for
    padding."""
    return [int(v) for v in padded_rows(shape, np.asarray(per_neuron, dtype=object)[:, None], filler)[:, 0]]


def padded_rows(shape, rows, filler=0):
    """Return the rows of an array, one for each neuron, likewise."""
    rows = np.asarray(rows)
    blocks = rows.reshape(shape.vectors, shape.neurons, rows.shape[1])
    rest = shape.rows * shape.pe - shape.neurons
    return np.pad(blocks, ((0, 0), (0, rest), (0, 0)), constant_values=filler).reshape(-1, rows.shape[1])


def weight_contents(shape, codes, bits, pad):
    """Return the `Contents` of the weight memory.

    Codes of step s of row r of vector v are at ``(v*rows + r)*steps + s``; lane s of PE p is code ``p*simd + s``.

    Parameters
    ----------
    codes : int array (neurons, inputs)
    bits : int
        Bits of a code.
    pad : int
        The code of padding.
    """
    lanes = np.full((shape.vectors * shape.rows * shape.pe, shape.steps * shape.simd), pad, dtype=np.int64)
    lanes[:, : shape.inputs] = padded_rows(shape, codes, pad)
    words = lanes.reshape(-1, shape.pe, shape.steps, shape.simd).swapaxes(1, 2).reshape(-1, shape.pe * shape.simd)
    return Contents(bits * shape.pe * shape.simd, [pack(codes, bits) for codes in words.tolist()])


def start_contents(shape, starts, width):
    """Return the `Contents` of the memory of what accumulators start a row with, by row; PE 0 lowest.

    Parameters
    ----------
    starts : list of int
        By neuron, as `padded` has them.
    width : int
        Bits of an accumulator.
    """
    words = [pack(starts[n : n + shape.pe], width) for n in range(0, len(starts), shape.pe)]
    return Contents(width * shape.pe, words)
