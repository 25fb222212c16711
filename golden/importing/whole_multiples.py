"""One scale of which a quantizer's levels are whole multiples."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["FIXED_POINT_BITS", "whole_multiples"]

FIXED_POINT_BITS = 10  # of the largest level's magnitude, where levels are in no whole ratios and nobody says how many
_MOST_MULTIPLE = 1023  # of the scale that is looked for
_TOLERANCE = 2.0**-22  # of the largest level: float32 rounds it, and sums of a few basis values, at half of that


def whole_multiples(levels: ArrayLike, bits: int = FIXED_POINT_BITS) -> tuple[np.ndarray, float, bool]:
    """Return the smallest integers that levels are one scale times, the scale, and whether there are such integers.

    So ``levels == scale * integers`` but for float32 rounding. Where there are none, the integers are the nearest of
    ``bits`` bits.

    Parameters
    ----------
    levels : array of floats
    bits : int
        Bits of the largest integer's magnitude, where levels are in no whole ratios.
    """
    levels = np.asarray(levels, dtype=np.float64)
    largest = np.abs(levels).max(initial=0)
    if largest == 0:
        return np.zeros(levels.shape, dtype=np.int64), 1.0, True
    top = np.arange(1, _MOST_MULTIPLE + 1)  # what the largest level may be a multiple of
    wanted = levels[levels != 0]
    multiples = wanted[None, :] * (top[:, None] / largest)
    fits = (np.abs(multiples - np.rint(multiples)) <= _TOLERANCE * top[:, None]).all(axis=1)
    fits &= (np.rint(multiples) != 0).all(axis=1)
    exact = bool(fits.any())
    most = int(top[fits.argmax()]) if exact else (1 << bits) - 1
    whole = np.rint(levels * (most / largest)).astype(np.int64)
    return whole, _fitted(levels, whole), exact


def _fitted(levels: np.ndarray, whole: np.ndarray) -> float:
    """Return the scale of least squares, which for levels on a grid is the grid's step but for their rounding."""
    scale = float((levels * whole).sum() / (whole * whole).sum())
    power = 2.0 ** np.rint(np.log2(scale))
    return power if abs(power - scale) <= _TOLERANCE * scale else scale
