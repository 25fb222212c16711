"""Pools of integers: the largest of a window where integers have the order of the floats, and averages as sums."""

from dataclasses import replace
from functools import partial

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.network.spatial import Largest
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import format_for

from .deferred import DeferredPool
from .functions import plainly_quantized, tabulated
from .import_state import ImportState
from .layout import by_channel
from .quantized_levels import with_zero_pad
from .quantized_products import weighted
from .tensors import Data
from .windows import add_windows, spread_out

__all__ = ["averaged", "largest", "rising"]

_MOST_TURNED = 256  # levels whose sign a table turns


def largest(importer: ImportState, data: Data, window: Window, where: str) -> tuple[str, Chain]:
    """Append the largest of each window of data; return its edge and chain.

    Where the floats are no few levels, the pool waits for the quantizer behind it, and errors call it ``where``.

    Raises
    ------
    ModelError
        If the input is not declared.
    """
    data = plainly_quantized(importer, data)
    importer.known(data)
    try:
        data = rising(importer, data, alike=False)
        return _pooled(window, importer, data), data.chain
    except ModelError:  # its floats are no few levels
        name = importer.new("deferred")
        pool = DeferredPool(name, data.edge, name, data, window.out_size, partial(_pooled, window), where)
        return importer.add(pool), data.chain


def _pooled(window: Window, importer: ImportState, data: Data) -> str:
    """Append a pool of data whose largest number is its largest float, and return its edge."""
    lowest, channels = importer.edge(data.edge).format.lo, data.shape[1]
    edge = add_windows(importer, data.edge, window, pad=lowest, groups=channels)
    name = importer.new("largest")
    return importer.add(Largest(name, edge, name, window.taps_count))


def rising(importer: ImportState, data: Data, *, alike: bool) -> Data:
    """Return the same data on an edge of which, by channel, the largest integer is the largest float.

    Channels that fall (a negative gamma in front of a pool) get a copy of their layer with negated weights. If channels
    are compared with each other (``alike``), all have one chain.

    Raises
    ------
    ModelError
        If the input is not declared, or there are no such integers.
    """
    data = plainly_quantized(importer, data)
    importer.known(data)
    data = _turned_to_rise(importer, data)
    if alike and not ew.is_shared(data.chain):
        edge, scale, zero = tabulated(importer, data)
        return replace(data, edge=edge, chain=(ew.Dequantize(scale[:1], zero[:1]),))
    return data


def _turned_to_rise(importer: ImportState, data: Data) -> Data:
    """Return data of known integers on an edge of which, by channel, the largest integer is the largest float."""
    edge = importer.edge(data.edge)
    rises = np.broadcast_to(_rises(data.chain, edge.lo, edge.hi), edge.channels)
    if rises.all():
        return data
    first = data.chain[0] if data.chain else None
    sign = np.where(rises, 1, -1)
    if ew.is_monotone(data.chain) and isinstance(first, ew.Dequantize):
        turned = _turned(importer, data.edge, sign)
        if turned is not None:
            chain = (ew.Dequantize(first.scale * sign, first.zero * sign), *data.chain[1:])
            return replace(data, edge=turned, chain=chain)
    name, scale, zero = tabulated(importer, data)
    return replace(data, edge=name, chain=(ew.Dequantize(scale, zero),))


def _rises(chain: Chain, lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Return by channel whether the chain keeps one direction, and never falls."""
    if not ew.is_monotone(chain):
        return np.zeros(1, dtype=bool)
    return (ew.apply(chain, lo[None]) <= ew.apply(chain, hi[None]))[0]


def _turned(importer: ImportState, edge: str, sign: np.ndarray) -> str | None:
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


def averaged(importer: ImportState, data: Data, window: Window, divisors: np.ndarray, *, signal: bool) -> Data:
    """Return the sum of each window's integers, their scale over ``divisors``: one number, or one for each window.

    Raises
    ------
    ModelError
        If the data is not quantized, or the window pads, and there are no codes that hold zero.
    """
    channels, taps = data.shape[1], window.taps_count
    data = plainly_quantized(importer, data)
    importer.known(data)
    edge, scale, zero, pad = with_zero_pad(importer, data, window)
    edge = add_windows(importer, edge, window, pad=pad, groups=channels)
    ones = np.ones((channels, taps))
    name, chain = weighted(importer, edge, ones, ones, np.repeat(scale, taps), np.repeat(zero, taps), groups=channels)
    y = Data(name, spread_out(window, channels, signal), chain)
    by_pixel = np.broadcast_to(divisors, window.out_pixels).reshape(window.out_size)
    y, divisor = by_channel(importer, y, by_pixel[0] if signal else by_pixel, dtype=np.float64)
    first, *rest = y.chain
    assert isinstance(first, ew.Dequantize)
    return replace(y, chain=(ew.Dequantize(first.scale / divisor, first.zero), *rest))
