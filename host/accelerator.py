"""One class for an accelerator, wherever it is."""

import time
from dataclasses import dataclass

import numpy as np

from .build import Build, HostError

__all__ = ["Accelerator", "Results"]


@dataclass(frozen=True)
class Results:
    """What came back for a batch of images.

    Attributes
    ----------
    values : int64 array (N, length)
        The hardware's integers (floats of a float32 network).
    scores : float32 array (N, classes)
        The model's output.
    labels : int64 array (N,)
    seconds : float
        From the first byte to the last, packing included.
    details : dict
        What the connection counted: cycles of the simulated clock, packets lost and sent again, …
    """

    values: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    seconds: float
    details: dict

    @property
    def throughput(self):
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
    connection
        Has ``identity`` (`host.protocol.Identity`), ``exchange(frames)``, which gives ``(results, details)`` for the
        bytes ``uint8 (N, frame_bytes)``, and ``close()``.

    Raises
    ------
    HostError
        If the hardware is of another build.
    """

    def __init__(self, build, connection):
        self.build = build if isinstance(build, Build) else Build(build)
        self.connection = connection
        try:
            self._check(connection.identity)
        except BaseException:
            connection.close()
            raise

    @classmethod
    def serial(cls, directory, port, *, baud=1_000_000, timeout=1.0, attempts=50):
        """On a board behind a serial port, as ``/dev/ttyUSB0`` or a port of pyserial's that is open.

        ``timeout`` is in seconds; ``attempts`` is how often a frame is sent before the line counts as useless.
        """
        from .serial_port import SerialConnection

        build = Build(directory)
        return cls(build, SerialConnection(port, build, baud=baud, timeout=timeout, attempts=attempts))

    @classmethod
    def pynq(cls, directory, overlay=None, *, timeout=5.0):
        """On a Zynq board under PYNQ; ``overlay`` is an `Overlay`, a bitstream's path, or ``accelerator.bit``."""
        from .pynq_dma import PynqConnection

        build = Build(directory)
        return cls(build, PynqConnection(build, overlay, timeout=timeout))

    @classmethod
    def verilator(cls, directory, *, timeout=60.0):
        """The Verilog of the build itself, compiled by Verilator (once)."""
        from .verilator import VerilatorConnection

        build = Build(directory)
        return cls(build, VerilatorConnection(build, timeout=timeout))

    def infer(self, images):
        """`Results` for images ``(N, *shape)``: raw integers, or floats as the model takes them."""
        begun = time.monotonic()
        frames = self.build.encode(images)
        data, details = self.connection.exchange(frames)
        values = self.build.decode(data)
        seconds = max(time.monotonic() - begun, 1e-9)
        return Results(values, self.build.scores(values), self.build.labels(values), seconds, details)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check(self, identity):
        build = self.build
        if identity.model != build.model:
            raise HostError(
                f"the hardware holds build {identity.model.hex()}, but {build.directory} is {build.model.hex()} "
                f"({build.name}): load that one's bitstream, or name the folder of what is loaded"
            )
        for name in ("beats_in", "bytes_in", "beats_out", "bytes_out"):
            if getattr(identity, name) != getattr(build, name):
                raise HostError(
                    f"the hardware has {name} {getattr(identity, name)}, the manifest {getattr(build, name)}"
                )
