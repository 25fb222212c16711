"""Weights of several scales as integers of one: what a row sums must be one integer times one number."""

import numpy as np

from fewbit.golden.model_file.file import ModelError

__all__ = ["of_one_scale"]

_MOST_MULTIPLE = 256  # of the scale of one row
_HALF_ULP = 2.0**-24  # of float32, relative
_FINE = 2.0**-23  # of the mean product: what a fine weight may be off by at most half of
_MOST_WEIGHT = 1 << 30


def of_one_scale(scales: np.ndarray, weights: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one scale a row, float64 ``(N,)``, and int64 weights ``(N, K)`` that it is times.

    Where the scales of a row are whole multiples of one number, or in a simple ratio, weights are those multiplied.
    Elsewhere they are integers so fine that a sum is off by at most ``2**-24 * sum |w| * far``, float32's own rounding
    of the largest sum.

    Parameters
    ----------
    scales : float64 array (N, K)
        What one of each weight is worth. A row of weights that are all 0 has the scale 1.
    weights : int64 array (N, K)
    far : float64 array (N, K)
        The largest magnitude of what each weight is multiplied by.

    Raises
    ------
    ModelError
        If the scale of a row is no float32 number, or weights of one scale would have too many bits.
    """
    if (scales == scales[:, :1]).all() and np.isfinite(scales).all() and scales.astype(np.float32).all():
        return np.where(weights.any(axis=1), scales[:, 0], 1.0), weights
    counts = weights != 0
    dead = ~counts.any(axis=1)
    first = np.take_along_axis(scales, counts.argmax(axis=1)[:, None], axis=1)[:, 0]
    row = np.where(counts, np.abs(scales), np.inf).min(axis=1, initial=np.inf) * np.sign(first)
    row = np.where(dead, 1.0, row)
    if not (np.isfinite(scales[counts]).all() and (np.abs(row.astype(np.float32)) > 0).all()):
        raise ModelError(
            "the scale of its products is not a float32 number; the scales in front of it are far too small"
        )
    multiple = np.where(counts, scales / row[:, None], 1.0)
    found = weights * np.rint(multiple).astype(np.int64)
    fine = []
    uneven = (np.abs(multiple - np.rint(multiple)) > 1e-9 * np.abs(multiple)) | (np.abs(multiple) > _MOST_MULTIPLE)
    for n in np.flatnonzero(uneven.any(axis=1)):
        levels, place = np.unique(np.abs(multiple[n]), return_inverse=True)
        ratio = _simple_ratio(levels)
        if ratio is not None:
            unit, whole = ratio
            row[n] *= unit
            found[n] = weights[n] * (whole[place] * np.sign(multiple[n])).astype(np.int64)
        else:
            fine.append(n)
    if fine:  # one unit for all of them, so that what reads the layer has one scale
        row[fine], found[fine] = _fine((scales * weights)[fine], far[fine])
    return row, found


def _simple_ratio(levels: np.ndarray) -> tuple[float, np.ndarray] | None:
    """Return the number that positive ``levels`` are whole multiples of but for float32's rounding, and the multiples.

    It is None where there is none.
    """
    for top in range(1, _MOST_MULTIPLE + 1):
        whole = np.rint(levels * (top / levels[-1]))
        if whole[0] > 0:
            unit = float((levels / whole).mean())
            if (np.abs(levels - unit * whole) <= _HALF_ULP * levels).all():
                return unit, whole
    return None


def _fine(products: np.ndarray, far: np.ndarray) -> tuple[float, np.ndarray]:
    """Return a unit and the integers that rows of real weights are times it, within the bound of `of_one_scale`."""
    far = np.maximum(far, np.finfo(np.float64).tiny)
    unit = _FINE * float(((np.abs(products) * far).sum(axis=1) / far.sum(axis=1)).min())
    if not np.abs(products).max() < unit * _MOST_WEIGHT:
        raise ModelError(
            "the scales of its inputs are too far apart, so its weights would have more than 30 bits; use one scale "
            "for the whole tensor in front of it"
        )
    return unit, np.rint(products / unit).astype(np.int64)
