"""Samples of a model of floats, which may be declared to stand for integers."""

import numpy as np

from fewbit.golden.network.graph import Network, NetworkInput
from fewbit.golden.numbers.declaration import InputSpec
from fewbit.golden.numbers.formats import Float32

from .images import Images, SamplesLike, images_of

__all__ = ["load_floats"]


def load_floats(
    samples: SamplesLike, shape: tuple[int, ...], spec: InputSpec | None = None, *, name: str = "x"
) -> Images:
    """Return the `Images` for a model of floats, whose ``values`` and ``floats`` both are what it takes.

    Floats that no declared integer stands for are rounded to the nearest one that does, and the note says how many.

    Parameters
    ----------
    samples : path, mapping, array or Images
        As `flow.images.images_of` takes them.
    shape : tuple of int
        Shape of a sample.
    spec : golden.numbers.declaration.InputSpec or None
        The integers that the model's input stands for, if they are declared; raw integers are those then.

    name : str
        Name of the model's input, which samples may have it under.

    Raises
    ------
    ImageError
        If they cannot be read, or do not fit the model.
    """
    given, nearest = NetworkInput(name, shape, Float32(), np.asarray, "float32"), None
    if spec:
        nearest = _Nearest(spec)
        given = NetworkInput(name, shape, spec.format, nearest, spec.text)
    found = images_of(samples, Network("", (given,)))
    floats, note = found.floats, None
    if spec is not None and nearest is not None and nearest.rounded:
        floats = spec.floats(found.values)
        note = (
            f"{found.source}: {nearest.rounded:,} of {floats.size:,} floats of 'x' are no integers of {spec.text}; "
            f"they were rounded to the nearest"
        )
    assert floats is not None  # only codes without a declaration have none
    return Images(floats, found.labels, found.source, floats, note=note)


class _Nearest:
    """A function to the declared integers nearest to floats.

    Attributes
    ----------
    rounded : int
        Floats that were no such integers.
    """

    def __init__(self, spec: InputSpec):
        self._spec, self.rounded = spec, 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        values, count = self._spec.nearest(x)
        self.rounded += count
        return values
