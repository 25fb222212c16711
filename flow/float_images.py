"""Samples for a model of floats, which no network has been made of yet."""

from pathlib import Path

import numpy as np

from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.formats import Float32

from .images import Images, load_images

__all__ = ["load_floats"]


def load_floats(path: Path | str, shape: tuple[int, ...], spec: InputSpec | None = None) -> Images:
    """Return the `Images` for a model of floats, whose ``values`` and ``floats`` both are what it takes.

    Floats that no declared integer stands for are rounded to the nearest one that does, and the note says how many.

    Parameters
    ----------
    path : path
        As `load_images` takes it.
    shape : tuple of int
        Shape of a sample.
    spec : golden.numbers.declaration.InputSpec or None
        The integers that the model's input stands for, if they are declared; a file of raw integers then holds those.

    Raises
    ------
    ImageError
        If the file cannot be read, or its samples do not fit the model.
    """
    path, given = Path(path), _FloatInput(shape, spec)
    found = load_images(path, given)
    floats, note = found.floats, None
    if spec is not None and given.rounded:
        floats = spec.floats(found.values)
        note = (
            f"{path}: {given.rounded:,} of {floats.size:,} floats of 'x' are no integers of {spec.text}; they were "
            f"rounded to the nearest"
        )
    assert floats is not None  # only codes without a declaration have none
    return Images(floats, found.labels, found.source, floats, note)


class _FloatInput:
    """The `SampleInput` of a model that is no `golden.network.graph.Network` yet.

    Attributes
    ----------
    rounded : int
        Floats that `encode` has rounded.
    """

    def __init__(self, shape: tuple[int, ...], spec: InputSpec | None):
        self.input_shape, self._spec = shape, spec
        self.input_format = spec.format if spec else Float32()
        self.input_spec = spec.text if spec else "float32"
        self.rounded = 0

    def encode(self, x: np.ndarray) -> np.ndarray:
        """Return the integers nearest to floats, or the floats where nothing is declared."""
        if self._spec is None:
            return x
        values, count = self._spec.nearest(x)
        self.rounded += count
        return values
