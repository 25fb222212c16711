"""What host software knows of a build: its manifest, and how images become bytes and bytes become scores."""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.golden.bounds.files import FileError, read_bounded
from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.formats import parse_format

from .packing import pack_beats, unpack_beats

__all__ = ["Build", "HostError"]

_MOST_BYTES = 256 << 20  # that a manifest may have


class HostError(RuntimeError):
    """The accelerator cannot be used, or did not answer; the message says what to do."""


class Build:
    """A build as host software knows it: its manifest.

    Parameters
    ----------
    directory : path
        A folder that ``fewbit build`` wrote, or a copy of it that has ``manifest.json`` at least.

    Attributes
    ----------
    directory : Path
    manifest : dict
        As `flow.project.manifest.manifest_of` gives it.
    name : str
        Name of the model's file.
    model : bytes
        First 8 bytes of the build's hash, as the hardware says them.
    beats_in, bytes_in, beats_out, bytes_out : int
        Beats of a frame and of a result, and bytes of each beat.
    shape : tuple of int
        Shape of a sample.

    Raises
    ------
    HostError
        If there is no manifest, or it is not one of this version of fewbit.
    """

    def __init__(self, directory: Path | str):
        self.directory = Path(directory)
        path = self.directory / "manifest.json"
        try:
            self.manifest: dict[str, Any] = json.loads(read_bounded(path, _MOST_BYTES, what="a manifest"))
            i, o = self.manifest["input"], self.manifest["output"]
            self.name: str = self.manifest["model"]
            self.model = bytes.fromhex(self.manifest["identity"])[:8]
            self.beats_in: int = i["beats"]
            self.bytes_in: int = i["bytes"]
            self.beats_out: int = o["beats"]
            self.bytes_out: int = o["bytes"]
            self.shape: tuple[int, ...] = tuple(i["shape"])
            self._channels: str | list[int] = i["channels"]
            self._in, self._out = parse_format(i["format"]), parse_format(o["format"])
        except FileError as error:
            raise HostError(f"{error}; make it with `fewbit build MODEL.onnx`") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HostError(f"{path}: not the manifest of this version's builds ({error!r}); build it again") from None

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame, all its beats together."""
        return self.beats_in * self.bytes_in

    @property
    def result_bytes(self) -> int:
        """Bytes of a result, all its beats together."""
        return self.beats_out * self.bytes_out

    def random(self, count: int, seed: int = 0) -> np.ndarray:
        """Return random images ``(count, *shape)``, to try the accelerator with."""
        return self._in.sample(np.random.default_rng(seed), (count, *self.shape))

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Return the frames of images ``(N, *shape)`` as bytes, ``uint8 (N, frame_bytes)``.

        Integers are raw integers as the input declaration has them; floats are what the model takes, and must be such
        integers behind the declaration.

        Raises
        ------
        ValueError
            If the images are of another shape or kind, or hold what the input's format has no code for.
        """
        images = np.asarray(images)
        if images.ndim < 1 or len(images) == 0 or images[0].size != prod(self.shape) or images.dtype.kind not in "fiub":
            raise ValueError(
                f"Images must be numbers of shape (count, {', '.join(map(str, self.shape))}), "
                f"not {images.dtype} {images.shape}"
            )  # fmt: skip
        codes = self._in.encode(self._arranged(self._integers(images).reshape(len(images), -1)))
        beats = pack_beats(codes, self._in.bits, self.manifest["input"]["lanes"])
        return beats.reshape(len(images), self.frame_bytes)

    def _integers(self, images: np.ndarray) -> np.ndarray:
        """Return the raw integers of images, or the floats of a float32 network."""
        if not self._in.integral:
            with np.errstate(over="ignore"):
                floats = images.astype(np.float32)
            if not np.isfinite(floats).all():
                raise ValueError("Images must not hold NaN, or numbers beyond float32")
            return floats
        if images.dtype.kind != "f":
            return images  # the format refuses what is none of its values
        declaration = self.manifest["input"]["declaration"]
        if declaration == "codes":
            raise ValueError(
                "Images must be the codes of the model's first quantizer, as integers: the build has no input "
                "declaration (--input) that says how floats become integers"
            )  # fmt: skip
        return parse_input(declaration).encode(images.reshape(len(images), *self.shape))

    def _arranged(self, flat: np.ndarray) -> np.ndarray:
        """Return samples with their channels innermost, as the hardware takes them."""
        if isinstance(self._channels, list):
            return flat[:, self._channels]
        if self._channels == "first":
            pixels = prod(self.manifest["input"]["size"])
            return flat.reshape(len(flat), -1, pixels).swapaxes(1, 2).reshape(len(flat), -1)
        return flat

    def decode(self, data: np.ndarray) -> np.ndarray:
        """Return the integers ``(N, length)``, floats of a float32 network, of results ``uint8 (N, result_bytes)``."""
        o = self.manifest["output"]
        beats = np.asarray(data, dtype=np.uint8).reshape(len(data), self.beats_out, self.bytes_out)
        return self._out.decode(unpack_beats(beats, o["bits"], o["lanes"], o["length"]))

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return the model's first output for the hardware's integers, ``float32 (N, classes)``.

        It is ``scale*value + offset``; where the hardware gives the class's index, or codes whose meaning is no scale,
        it is the integers themselves.
        """
        o = self.manifest["output"]
        if "scale" not in o:
            return np.asarray(values)
        floats = np.asarray(o["scale"]) * values + np.asarray(o["offset"])
        return floats.astype(np.float32)[:, o["positions"]]

    def labels(self, values: np.ndarray) -> np.ndarray:
        """Return the class of each result, ``int64 (N,)``.

        It is the hardware's own, or the one of the largest score; of a single score, whether it is positive.
        """
        scores = self.scores(values)
        if self.manifest["output"]["meaning"] == "label":
            return scores[:, 0].astype(np.int64)
        if scores.shape[1] == 1:
            return (scores[:, 0] > 0).astype(np.int64)
        return scores.argmax(axis=1)
