"""One input of a build as host software knows it: how images become the bytes of its frames."""

from math import prod
from typing import Any

import numpy as np

from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.formats import parse_format

from .packing import pack_beats

__all__ = ["StreamInput"]


class StreamInput:
    """An input of a build, which has an AXI4-Stream of its own.

    Parameters
    ----------
    given : dict
        Its entry in ``inputs`` of the manifest.

    Attributes
    ----------
    name, stream : str
        Names of the model's input and of its stream.
    shape : tuple of int
        Shape of a sample.
    beats, bytes : int
        Beats of a frame, and bytes of each.
    """

    def __init__(self, given: dict[str, Any]):
        self.name: str = given["name"]
        self.stream: str = given["stream"]
        self.shape: tuple[int, ...] = tuple(given["shape"])
        self.beats: int = given["beats"]
        self.bytes: int = given["bytes"]
        self._lanes: int = given["lanes"]
        self._size: tuple[int, ...] = tuple(given["size"])
        self._channels: str | list[int] = given["channels"]
        self._declaration: str = given["declaration"]
        self._format = parse_format(given["format"])

    @property
    def length(self) -> int:
        """Values of a sample."""
        return prod(self.shape)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame, all its beats together."""
        return self.beats * self.bytes

    def random(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """Return random images ``(count, *shape)``."""
        return self._format.sample(rng, (count, *self.shape))

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the frames of images ``(N, *shape)`` as bytes, ``uint8 (N, frame_bytes)``.

        Raises
        ------
        ValueError
            If the images are of another shape or kind, or hold what the input's format has no code for.
        """
        images = np.asarray(images)
        if images.ndim < 1 or len(images) == 0 or images[0].size != self.length or images.dtype.kind not in "fiub":
            raise ValueError(
                f"Images must be numbers of shape (count, {', '.join(map(str, self.shape))}), "
                f"not {images.dtype} {images.shape}"
            )  # fmt: skip
        codes = self._format.encode(self._arranged(self._integers(images).reshape(len(images), -1)))
        return pack_beats(codes, self._format.bits, self._lanes).reshape(len(images), self.frame_bytes)

    def _integers(self, images: np.ndarray) -> np.ndarray:
        """Return the raw integers of images, or the floats of a float32 network."""
        if not self._format.integral:
            with np.errstate(over="ignore"):
                floats = images.astype(np.float32)
            if not np.isfinite(floats).all():
                raise ValueError("Images must not hold NaN, or numbers beyond float32")
            return floats
        if images.dtype.kind != "f":
            return images  # the format refuses what is none of its values
        if self._declaration == "codes":
            raise ValueError(
                "Images must be the codes of the model's first quantizer, as integers: the build has no input "
                "declaration (--input) that says how floats become integers"
            )  # fmt: skip
        return parse_input(self._declaration).encode(images.reshape(len(images), *self.shape))

    def _arranged(self, flat: np.ndarray) -> np.ndarray:
        """Return samples with their channels innermost, as the hardware takes them."""
        if isinstance(self._channels, list):
            return flat[:, self._channels]
        if self._channels == "first":
            return flat.reshape(len(flat), -1, prod(self._size)).swapaxes(1, 2).reshape(len(flat), -1)
        return flat
