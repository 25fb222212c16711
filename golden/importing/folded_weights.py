"""Weights that were quantized and written as plain floats: integers times a scale, one in all or one a neuron."""

import numpy as np

__all__ = ["on_a_grid"]

_MOST = 255  # magnitude of an integer: of 8 bits, less a zero point
_NEAR = 2.0**-22  # relative


def on_a_grid(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return integers (int64) and scales (float64), both in the array's shape, whose products are float32 ``array``.

    One scale serves the whole array if that can be, else each index of ``axis`` has its own. A product may be off by
    one unit in the last place, as where a scale was divided before it was multiplied. The result is None where there
    are no such integers of a magnitude of 255 or less.
    """
    rows = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1)
    step = _step(rows)
    steps = [step] if step is not None else [_step(row) for row in rows]
    if any(s is None for s in steps):
        return None
    shape = [1] * array.ndim
    shape[axis] = len(steps)
    scale = np.broadcast_to(np.reshape(np.array(steps, dtype=np.float64), shape), array.shape)
    return np.rint(array / scale).astype(np.int64), scale


def _step(values: np.ndarray) -> float | None:
    """Return the largest step of which all values are whole multiples, float32's own rounding aside; else None."""
    single = np.unique(np.abs(values[values != 0])).astype(np.float32)
    levels = single.astype(np.float64)
    if len(levels) == 0:
        return 1.0
    if len(levels) > _MOST:
        return None
    tops = np.arange(1, _MOST + 1)[:, None]
    whole = np.rint(levels * (tops / levels[-1]))
    fits = (whole > 0).all(axis=1) & (np.abs(whole * (levels[-1] / tops) - levels) <= _NEAR * levels).all(axis=1)
    for whole_of_top in whole[fits]:
        for ulps in (0.5, 1.0):
            step = _between(single, whole_of_top, ulps)
            if step is not None:
                return step
    return None


def _between(levels: np.ndarray, whole: np.ndarray, ulps: float) -> float | None:
    """Return a step whose multiples are within so many units in the last place of the levels: a float32 if one is."""
    margin = ulps * np.spacing(levels).astype(np.float64)
    lo, hi = ((levels - margin) / whole).max(), ((levels + margin) / whole).min()
    if lo > hi:
        return None
    middle = np.float32((lo + hi) / 2)
    near = [middle, np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))]
    exact = [float(s) for s in near if (s * whole.astype(np.float32) == levels).all()]
    return next(iter(exact), float((lo + hi) / 2))
