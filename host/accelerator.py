"""One class for an accelerator, wherever it is."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .build import Build, HostError, Images
from .memory_image import MemoryImage
from .protocol import SIZES, Identity

__all__ = ["MODELS", "Accelerator", "Connection", "Results"]

MODELS = (".onnx", ".tflite")
"""What names of model files end with."""


class Connection(Protocol):
    """A way to an accelerator: over PYNQ's DMA, a serial port, or to a Verilator model."""

    @property
    def identity(self) -> Identity:
        """What the hardware says of itself."""

    def exchange(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Return the results of frames and what was counted meanwhile, by name.

        Frames are ``uint8 (N, frame_bytes)``, and results ``uint8 (N, result_bytes)``.
        """

    def load(self, words: np.ndarray) -> int:
        """Let the hardware load weights, words of uint32; return the checksum that it has of them.

        Frames that were exchanged before are done, and those behind see all of the words.
        """

    def close(self) -> None:
        """End the connection."""


@dataclass(frozen=True)
class Results:
    """Results of a batch of ``N`` images.

    Attributes
    ----------
    values : int64 array (N, length)
        The hardware's integers (floats of a float32 network).
    scores : float32 array (N, classes)
        The model's output.
    labels : int64 array (N,)
        The class of each image.
    seconds : float
        Time from the first byte to the last, packing included.
    details : dict of str to int
        What the connection counted: cycles of the simulated clock, packets lost and sent again, …
    """

    values: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    seconds: float
    details: dict[str, int]

    @property
    def throughput(self) -> float:
        """Images a second."""
        return len(self.values) / self.seconds

    def __str__(self):
        text = f"{len(self.values)} images in {self.seconds:.3g} s: {self.throughput:,.0f} a second"
        return "; ".join([text, *(f"{name} {value:,}" for name, value in self.details.items())])


class Accelerator:
    """An accelerator that a connection leads to. Use it as a context manager, or call `close`.

    Parameters
    ----------
    build : Build or path
    connection : Connection

    Raises
    ------
    HostError
        If the hardware is of another build.
    """

    def __init__(self, build: Build | Path | str, connection: Connection):
        self.build = build if isinstance(build, Build) else Build(build)
        self.connection = connection
        try:
            self._check(connection.identity)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def serial(
        cls, directory: Path | str, port: Any, *, baud: int = 1_000_000, timeout: float = 1.0, attempts: int = 50
    ) -> "Accelerator":
        """Return the accelerator on a board behind a serial port.

        Parameters
        ----------
        directory : path
            The folder of the build.
        port : str or object
            A name such as ``/dev/ttyUSB0``, or a port of pyserial's that is open.
        baud : int
        timeout : float
            Seconds without an answer after which what is on its way counts as lost.
        attempts : int
            How often a frame is sent before the line counts as useless.

        Raises
        ------
        HostError
            If there is no such build, or no board of it answers.
        """
        from .serial_port import SerialConnection

        build = Build(directory)
        return cls(build, SerialConnection(port, build, baud=baud, timeout=timeout, attempts=attempts))

    @classmethod
    def pynq(cls, directory: Path | str, overlay: Any = None, *, timeout: float = 5.0) -> "Accelerator":
        """Return the accelerator on a Zynq board under PYNQ, of the board folder ``directory``.

        ``overlay`` is a `pynq.Overlay` or a bitstream's path; without it ``accelerator.bit`` of the folder is loaded. A
        transfer may take ``timeout`` seconds.

        Raises
        ------
        HostError
            If there is no such build, or what is loaded is another one.
        """
        from .pynq_dma import PynqConnection

        build = Build(directory)
        return cls(build, PynqConnection(build, overlay, timeout=timeout))

    @classmethod
    def verilator(cls, directory: Path | str, *, timeout: float = 60.0) -> "Accelerator":
        """Return the simulated accelerator of a build: its Verilog, compiled by Verilator (once).

        A result may take ``timeout`` seconds.

        Raises
        ------
        HostError
            If there is no such build, or it cannot be compiled.
        """
        from .verilator import VerilatorConnection

        build = Build(directory)
        return cls(build, VerilatorConnection(build, timeout=timeout))

    def infer(self, images: Images) -> Results:
        """Return the `Results` of images ``(N, *shape)``: raw integers, or floats as the model takes them.

        A model of several inputs takes a dict of such arrays, by the inputs' names.

        Raises
        ------
        ValueError
            If the images do not fit the model.
        HostError
            If the accelerator fails.
        """
        begun = time.monotonic()
        frames = self.build.encode(images)
        data, details = self.connection.exchange(frames)
        values = self.build.decode(data)
        seconds = max(time.monotonic() - begun, 1e-9)
        return Results(values, self.build.scores(values), self.build.labels(values), seconds, details)

    def load(self, weights: Path | str) -> MemoryImage:
        """Load other weights: those of an image that ``fewbit weights`` wrote, or of a model of the same shape.

        Results are from then on those of that network. Of a model an image is made first, which takes all of fewbit.
        The build must have loadable weights.

        Raises
        ------
        HostError
            If there are no loadable weights, they are of another shape, or did not arrive as they are; the accelerator
            takes no frames then until weights are loaded.
        """
        _ = self.build.loadable  # a build without is refused before an image is made
        if Path(weights).suffix in MODELS:
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / "weights.bin"
                _make_image(Path(weights), self.build.directory, made)
                image = self.build.image_of(made)
        else:
            image = self.build.image_of(weights)
        checksum = self.connection.load(image.words)
        if checksum != image.checksum:
            raise HostError(f"the weights arrived with the checksum {checksum:#010x}, not {image.checksum:#010x}")
        self.build.take(image)
        return image

    def close(self) -> None:
        """End the connection."""
        self.connection.close()

    def __enter__(self) -> "Accelerator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self, identity: Identity) -> None:
        """Refuse hardware that is of another build than the folder's."""
        build = self.build
        if identity.model != build.model:
            raise HostError(
                f"the hardware holds build {identity.model.hex()}, but {build.directory} is {build.model.hex()} "
                f"({build.name}): load that one's bitstream, or name the folder of what is loaded"
            )
        for name, size in zip(SIZES, build.sizes, strict=True):
            if getattr(identity, name) != size:
                raise HostError(f"the hardware has {name} {getattr(identity, name)}, the manifest {size}")


def _make_image(model: Path, build: Path, file: Path) -> None:
    """Write the image of a model's weights for a build, by ``fewbit weights``."""
    from .processes import run

    command: list[str | Path] = [sys.executable, "-m", "fewbit", "weights", model, "--build", build, "-o", file]
    done = run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise HostError(lines[-1].removeprefix("fewbit: "))
