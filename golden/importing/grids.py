"""Grids of levels: the whole numbers that a few floats are a step times, from a zero on."""

import numpy as np

from fewbit.golden.model_file.file import ModelError

__all__ = ["grid_of"]

_MOST_EVEN = 255  # steps between zero and the largest level, of any number of levels
_FINEST = 1 << 14  # parts of a step that other levels may lie between
_HALF_ULP = 2.0**-25  # of float32, relative
_FEW = 256  # levels that lie between steps


def grid_of(levels: np.ndarray, slopes: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return zero, step and the whole numbers m (int64) of levels ``zero + step*m`` as float32 rounded them.

    Parameters
    ----------
    levels : float64 array, rising
    slopes : float64 array
        What the step may be; without one that fits it is found from the levels, which are rounded.

    Raises
    ------
    ModelError
        If there are no such numbers of a magnitude of a few bits.
    """
    gaps = np.diff(levels)
    step = gaps[gaps > 1e-6 * np.abs(levels).max()].min(initial=np.inf)
    zero = levels[np.abs(levels).argmin()]
    if not np.isfinite(step):
        step = abs(zero) or 1.0
    zero = 0.0 if abs(zero / step - np.rint(zero / step)) < 1e-4 else zero
    m = np.rint((levels - zero) / step)
    if np.abs(m).max() > _MOST_EVEN or not np.allclose(m * step + zero, levels, rtol=1e-5, atol=1e-6 * step):
        return _between_steps(levels, slopes)
    if m[-1] > m[0]:
        step = (levels[-1] - levels[0]) / (m[-1] - m[0])
    near = slopes[np.abs(slopes - step) <= 2.0**-22 * step]
    return zero, float(near[0]) if len(near) == 1 else step, m.astype(np.int64)


def _between_steps(levels: np.ndarray, slopes: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return the grid of few levels of which some lie between steps: a clip to what is no multiple of the scale.

    The grid is as fine as it must be for float32 not to tell it from the levels.
    """
    for step in slopes[slopes > 0] if len(levels) <= _FEW else ():
        parts = np.arange(1, _FINEST + 1)[:, None]
        m = np.rint(levels * (parts / step))
        fits = (np.abs(m * (step / parts) - levels) <= _HALF_ULP * np.abs(levels).max()).all(axis=1)
        if fits.any():
            at = int(fits.argmax())
            return 0.0, float(step / parts[at, 0]), m[at].astype(np.int64)
    raise ModelError("its input is not quantized to evenly spaced levels; put a quantizer in front of it")
