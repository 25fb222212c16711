"""The connection to a build's Verilator model, a program that takes frames on its standard input."""

import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from .build import Build, HostError
from .processes import Process, run
from .protocol import IDENTITY, Identity

__all__ = ["LOAD", "VerilatorConnection"]

LOAD = (1 << 32) - 1
"""The number of frames of a request that has weights in their place."""


class VerilatorConnection:
    """The connection to the program that Verilator made of ``build``, which is compiled first if need be.

    Compiling takes all of fewbit and a C++ compiler.

    Parameters
    ----------
    build : host.build.Build
    program : path or None
        A model that is compiled already; else ``fewbit model`` compiles the build's.
    timeout : float
        Seconds for a result, at least; a batch gets as much again for every 100 frames.

    Attributes
    ----------
    identity : host.protocol.Identity

    Raises
    ------
    HostError
        If the model cannot be compiled or started, or says nothing in time.
    """

    def __init__(self, build: Build, program: Path | str | None = None, *, timeout: float = 60.0):
        self._build, self._timeout = build, timeout
        program = program or _compiled(build.directory)
        try:
            self._process = Process([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except OSError as error:
            raise HostError(f"{program}: cannot be started ({error.strerror})") from None
        try:
            self.identity = Identity(self._bounded(lambda: self._read(IDENTITY.size), timeout))
        except BaseException:
            self.close()
            raise

    def exchange(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Return the results of frames, ``uint8 (N, result_bytes)``, and the cycles that they took.

        Raises
        ------
        HostError
            If the model ends, gives no result in time, or marks a frame as damaged.
        """
        count, size = len(frames), self._build.result_bytes
        request = struct.pack("<I", count) + np.ascontiguousarray(frames, dtype=np.uint8).tobytes()
        answer = self._bounded(lambda: self._ask(request, count * (size + 1) + 8), self._timeout * (1 + count / 100))
        rows = np.frombuffer(answer[:-8], dtype=np.uint8).reshape(count, size + 1)
        if rows[:, -1].any():
            raise HostError(f"the model marked {np.count_nonzero(rows[:, -1])} frames as damaged")
        return rows[:, :-1], {"cycles": struct.unpack("<Q", answer[-8:])[0]}

    def load(self, words: np.ndarray) -> int:
        """Let the model load weights, and return the checksum that it has of them.

        Raises
        ------
        HostError
            If the model ends, or gives no answer in time.
        """
        data = np.asarray(words, dtype="<u4").tobytes()
        request = struct.pack("<II", LOAD, len(words)) + data + struct.pack("<I", zlib.crc32(data))
        answer = self._bounded(lambda: self._ask(request, 4), self._timeout * (1 + len(words) / 1_000_000))
        return int(struct.unpack("<I", answer)[0])

    def close(self) -> None:
        """End the program."""
        with suppress(OSError):  # what a model that has ended did not take any more
            self._process.stdin.close()
        self._process.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._process.end()
        self._process.stderr.close()

    def _ask(self, request, size):
        # The program reads all of a request before it answers, so neither side waits for the other.
        self._process.stdin.write(request)
        self._process.stdin.flush()
        return self._read(size)

    def _read(self, size):
        data = self._process.stdout.read(size)
        if len(data) != size:
            raise BrokenPipeError
        return data

    def _bounded(self, action: Callable[[], bytes], seconds: float) -> bytes:
        """Return the action's result; kill the program if it takes longer than ``seconds``."""
        expired = threading.Event()

        def expire():
            expired.set()
            self._process.end()

        late = threading.Timer(seconds, expire)
        late.start()
        try:
            return action()
        except (BrokenPipeError, ValueError, OSError):
            if expired.is_set():
                raise HostError(f"the Verilator model gave no result within {seconds:g} s") from None
            self._process.wait(timeout=10)
            said = self._process.stderr.read().decode(errors="replace").strip() or "it said nothing"
            raise HostError(f"the Verilator model ended: {said}") from None
        finally:
            late.cancel()


def _compiled(directory: Path) -> str:
    """Return the path of the program that is the build in ``directory``, compiled by ``fewbit model`` if need be."""
    command: list[str | Path] = [sys.executable, "-m", "fewbit", "model", directory]
    done = run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise HostError(lines[-1].removeprefix("fewbit: "))
    return done.stdout.strip()
