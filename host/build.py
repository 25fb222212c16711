"""What host software knows of a build: its manifest, and how images become bytes and bytes become scores."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.numbers.formats import parse_format

from .memory_image import ImageKind, MemoryImage, MemoryImageError
from .packing import unpack_beats
from .stream_input import StreamInput

__all__ = ["Build", "HostError", "Images"]

Images = np.ndarray | Mapping[str, np.ndarray]  # of the one input, or of each by its name

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
    inputs : tuple of StreamInput
        Inputs of the model, each with its stream.
    beats_out, bytes_out : int
        Beats of a result, and bytes of each.
    prefix : str
        What the names of all modules of its Verilog begin with; empty for none.

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
            o = self.manifest["output"]
            self.name: str = self.manifest["model"]
            self.model = bytes.fromhex(self.manifest["identity"])[:8]
            self.inputs = tuple(map(StreamInput, self.manifest["inputs"]))
            self.beats_out: int = o["beats"]
            self.bytes_out: int = o["bytes"]
            self.prefix: str = self.manifest.get("destination", {}).get("prefix", "")
            self._out = parse_format(o["format"])
        except FileError as error:
            raise HostError(f"{error}; make it with `fewbit build MODEL.onnx`") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise HostError(f"{path}: not the manifest of this version's builds ({error!r}); build it again") from None

    @property
    def only(self) -> StreamInput:
        """The one input; raise `HostError` if there are several."""
        if len(self.inputs) > 1:
            names = ", ".join(given.name for given in self.inputs)
            raise HostError(f"{self.name} has {len(self.inputs)} inputs ({names}); this takes builds of one input")
        return self.inputs[0]

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """What hardware says of its streams, `host.protocol.SIZES`: beats of a frame and bytes of a beat at the first
        input, and the same of a result.
        """
        return self.inputs[0].beats, self.inputs[0].bytes, self.beats_out, self.bytes_out

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame, all its beats at all inputs together."""
        return sum(given.frame_bytes for given in self.inputs)

    @property
    def result_bytes(self) -> int:
        """Bytes of a result, all its beats together."""
        return self.beats_out * self.bytes_out

    def image_of(self, path: Path | str) -> MemoryImage:
        """Return the image of loadable weights in a file, which must be one for this build.

        Raises
        ------
        HostError
            If it is none, or the build has no loadable weights.
        """
        said = self.loadable
        try:
            image = MemoryImage.read(path)
            image.expect(ImageKind.LOADABLE, bytes.fromhex(said["structure"]), str(path), str(self.directory))
            if len(image.words) != said["words"]:
                raise MemoryImageError(f"{path}: has {len(image.words)} words, not {said['words']}")
        except MemoryImageError as error:
            raise HostError(str(error)) from None
        return image

    @property
    def loadable(self) -> dict[str, Any]:
        """What the manifest says of loadable weights; raise `HostError` if there are none."""
        if "loadable" not in self.manifest:
            raise HostError(f"{self.directory}: no layer of this build has loadable weights; build it with "
                            "`--weights loadable`")  # fmt: skip
        return self.manifest["loadable"]

    def take(self, image: MemoryImage) -> None:
        """Read results from now on as those of the network whose weights an image has."""
        self.manifest = self.manifest | {"output": image.details["output"]}
        self.name = image.details["model"]

    def random(self, count: int, seed: int = 0) -> Images:
        """Return random images, to try the accelerator with: ``(count, *shape)``, or such by name of several inputs."""
        rng = np.random.default_rng(seed)
        images = {given.name: given.random(rng, count) for given in self.inputs}
        return images if len(images) > 1 else next(iter(images.values()))

    def encode(self, images: Images) -> np.ndarray:
        """Return the frames of images as bytes, ``uint8 (N, frame_bytes)``: those of all inputs, one behind the other.

        Parameters
        ----------
        images : array ``(N, *shape)``, or dict of such by the input's name
            Integers are raw integers as the input declaration has them; floats are what the model takes, and must be
            such integers behind the declaration.

        Raises
        ------
        ValueError
            If the images are of another shape or kind, or hold what the input's format has no code for.
        """
        if not isinstance(images, Mapping):
            images = {given.name: images for given in self.inputs[:1]}
        names = [given.name for given in self.inputs]
        if sorted(images) != sorted(names):
            raise ValueError(f"Images must be given for each input by its name ({', '.join(names)})")
        frames = [given.encode(images[given.name]) for given in self.inputs]
        if len({len(frame) for frame in frames}) > 1:
            raise ValueError(f"Images must be as many for each input, not {', '.join(str(len(f)) for f in frames)}")
        return np.concatenate(frames, axis=1)

    def apart(self, frames: np.ndarray) -> list[np.ndarray]:
        """Return the bytes of each input, ``uint8 (N, frame_bytes)`` of that input, of the frames of all."""
        return np.split(frames, np.cumsum([given.frame_bytes for given in self.inputs])[:-1], axis=1)

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
