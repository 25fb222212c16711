"""Integers among which there is one for a certain float: for zeros that pad, and for sums of powers."""

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import format_for

from .functions import add_function, integers
from .import_state import ImportState
from .layout import single
from .tensors import Data

__all__ = ["powers", "with_level", "with_zero_pad"]

_MOST_FACTOR = 256  # by which codes may be spread so that zero becomes one of them
_FINE_FACTOR = 1 << 20  # where zero is at no simple fraction: the new codes are off by less than float32's rounding
_MOST_RECODED = 1 << 30  # between the values of a code that is made anew so that zero is one of them
_MOST_LEVELS = 1 << 10  # of the integers whose powers are summed


def with_zero_pad(importer: ImportState, data: Data, window: Window) -> tuple[str, np.ndarray, np.ndarray, int]:
    """Return data as `integers` does, and the pad: where the window pads, as `_with_zero` does, else 0."""
    return _with_zero(importer, data) if any(window.pads) else (*integers(importer, data), 0)


def _with_zero(importer: ImportState, data: Data) -> tuple[str, np.ndarray, np.ndarray, int]:
    """Return data as `integers` does, on an edge in which the float zero is a value, and that value.

    Where the zero point is between two values (a raw pixel behind ``2x - 1``), or not the same in all channels, or not
    a value of the format, the codes are made anew.

    Raises
    ------
    ModelError
        If the data is not quantized, or no such codes can be made.
    """
    edge, scale, zero = integers(importer, data)
    x = importer.edge(edge)
    if (zero == zero[0]).all() and zero[0] == np.rint(zero[0]):
        pad = int(zero[0])
        if x.format.widened(pad) is not None:  # as `Windows` does
            return edge, scale, zero, pad
    factor = next((f for f in range(1, _MOST_FACTOR + 1) if (f * zero == np.rint(f * zero)).all()), _FINE_FACTOR)
    offset = np.rint(factor * zero).astype(np.int64)
    lo, hi = min(0, int((factor * x.lo - offset).min())), max(0, int((factor * x.hi - offset).max()))
    if hi - lo > _MOST_RECODED:
        raise ModelError("it pads with zeros, but its input has too many levels for codes that hold zero")
    name = importer.new("rescale")
    multiplier = np.full(x.channels, factor, dtype=np.int64)
    importer.add(Rescale(name, edge, name, multiplier, -offset, 0, format_for([lo, 0, hi])))
    return name, scale / factor, np.zeros_like(zero), 0


def with_level(importer: ImportState, data: Data, value: float) -> tuple[Data, int]:
    """Return data on an edge of which an integer stands for the float ``value``, and that integer.

    Raises
    ------
    ModelError
        If the data is not quantized, or ``value`` is none of its levels and not zero.
    """
    if value == 0:
        edge, scale, zero, code = _with_zero(importer, data)
        return Data(edge, data.index, (ew.Dequantize(single(scale), single(zero)),)), code
    edge, scale, zero = integers(importer, data)
    code = int(np.rint((value / scale + zero)[0]))
    chain = (ew.Dequantize(single(scale), single(zero)),)
    reached = ew.apply(chain, np.full((1, len(scale)), code))
    if (reached != np.float32(value)).any() or importer.edge(edge).format.widened(code) is None:
        raise ModelError(f"it pads with {value:g}, which is none of its input's levels; pad with one of them, or zeros")
    return Data(edge, data.index, chain), code


def powers(importer: ImportState, data: Data, p: int) -> Data:
    """Return the magnitudes of data to the power p, whose integers are those of the data's to the power p.

    Raises
    ------
    ModelError
        If the data is not quantized, or has too many levels.
    """
    edge, scale, zero, _ = _with_zero(importer, data)
    x = importer.edge(edge)
    if x.format.levels > _MOST_LEVELS:
        raise ModelError(f"its input has {x.format.levels} levels, and powers of up to {_MOST_LEVELS} are summed")
    far = int(max(np.abs(x.lo - zero).max(), np.abs(x.hi - zero).max()))
    chain = (ew.Dequantize(np.ones(1), zero), ew.Call("Power", lambda v: np.abs(v) ** p, monotone=False))
    name = add_function(importer, Data(edge, data.index, chain), lambda v: v.astype(np.int64), format_for([0, far**p]))
    return Data(name, data.index, (ew.Dequantize(scale**p, np.zeros(1)),))
