"""Drawings to a network's images: cropped, centred, averaged down, and turned into its integers."""

from math import isqrt, prod
from typing import Any

import numpy as np

from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.formats import parse_format
from fewbit.host.build import Build

__all__ = ["PAD", "Canvas", "checked"]

PAD = 80  # rows and columns of a drawing as the page sends it


def checked(drawing: Any) -> np.ndarray:
    """Return the drawing of a request as ``float64 (PAD, PAD)``; nothing is made of it unless it is one.

    Raises
    ------
    ValueError
        If it is not `PAD` rows of `PAD` numbers from 0 to 1.
    """
    if (
        type(drawing) is not list
        or len(drawing) != PAD
        or not all(type(row) is list and len(row) == PAD for row in drawing)
        or not all(type(ink) in (int, float) and 0 <= ink <= 1 for row in drawing for ink in row)
    ):
        raise ValueError(f"A drawing must be {PAD} rows of {PAD} numbers from 0 to 1")
    return np.array(drawing, dtype=np.float64)


class Canvas:
    """The image that a build takes.

    Parameters
    ----------
    build : host.build.Build

    Attributes
    ----------
    size : tuple of int
        Rows and columns.

    Raises
    ------
    ValueError
        If the model takes no image that could be drawn.
    """

    def __init__(self, build: Build):
        self._shape = build.only.shape
        (given,) = build.manifest["inputs"]
        self._format = parse_format(given["format"])
        self._declaration = given["declaration"]
        self.size: tuple[int, ...] = tuple(given["size"]) or (isqrt(prod(self._shape)),) * 2
        if len(self.size) != 2 or prod(self._shape) % prod(self.size) or min(self.size) < 4:
            raise ValueError(
                f"{build.directory}: only an image can be drawn, of rows and columns, but the model takes {self._shape}"
            )
        self._first = given["channels"] == "first"

    def fitted(self, drawing: Any, margin: float | None = None) -> np.ndarray:
        """Return a drawing as ink ``(rows, columns)``: its bounding box, centred and scaled.

        Large images have a margin of a seventh, as those of MNIST do; small ones have none. The memory is linear in the
        drawing's.

        Parameters
        ----------
        drawing : rows of numbers
            Ink from 0 to 1.
        margin : float or None
            Share of the image that is left free at each side.

        Raises
        ------
        ValueError
            If the drawing is empty, or no rows of such numbers.
        """
        ink = np.asarray(drawing, dtype=np.float64)
        if ink.ndim != 2 or not ink.size or not np.isfinite(ink).all() or ink.min() < 0 or ink.max() > 1:
            raise ValueError("A drawing must be rows of numbers from 0 to 1")
        rows, columns = (np.flatnonzero((ink > 0.1).any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            raise ValueError("The drawing is empty")
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if margin is None:
            margin = 1 / 7 if min(self.size) >= 16 else 0
        side = int(np.ceil(max(ink.shape) / (1 - 2 * margin)))
        down, across = (_weights(side, few, many) for few, many in zip(self.size, ink.shape, strict=True))
        return down @ ink @ across.T

    def image(self, ink: np.ndarray) -> np.ndarray:
        """Return ink ``(rows, columns)`` as the integers (floats of a float32 network) of one sample.

        Ink 1 is the float 1 if the declaration has no negative floats, else the largest of its floats.
        """
        fmt = self._format
        if not fmt.integral:
            values = ink.astype(np.float32)
        else:
            declared = None if self._declaration == "codes" else parse_input(self._declaration)
            if declared and declared.offset == 0 and fmt.lo == 0:
                values = np.rint(ink / declared.scale)
            else:
                values = fmt.lo + np.rint(ink * (fmt.hi - fmt.lo))
            values = fmt.values[np.searchsorted(fmt.values, np.clip(values, fmt.lo, fmt.hi))]
        channels = prod(self._shape) // prod(self.size)
        return np.repeat(values[None] if self._first else values[..., None], channels, axis=0 if self._first else 2)

    def ink(self, sample: np.ndarray) -> np.ndarray:
        """Return what a sample shows to the eye, ink from 0 to 1 ``(rows, columns)``."""
        values = np.asarray(sample, dtype=np.float64).reshape(-1)
        image = values.reshape(-1, *self.size)[0] if self._first else values.reshape(*self.size, -1)[..., 0]
        low, high = image.min(), image.max()
        return (image - low) / (high - low) if high > low else np.zeros_like(image)


def _weights(side: int, few: int, many: int) -> np.ndarray:
    """Return averages of ``many`` cells in the middle of ``side`` over ``few`` equal intervals, as ``(few, many)``."""
    edges, cells = np.linspace(0, side, few + 1), (side - many) // 2 + np.arange(many)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return np.clip(overlap, 0, None) / (side / few)
