"""The connection on a Zynq board under PYNQ: AXI DMA for frames and results, registers on AXI4-Lite."""

import threading
import time
import zlib
from typing import Any

import numpy as np

from .build import Build, HostError
from .external_weights import ExternalWeights, ExternalWeightsError, checked_image
from .protocol import IDENTITY, MAGIC, VERSION, Identity

__all__ = ["WORD", "PynqConnection"]

WORD = 8  # bytes of a word of the DMA; every frame and every result begins at one
MOST = 1 << 22  # bytes of a transfer, about
POLL = 50e-6


class PynqConnection:
    """The connection that moves frames with the overlay's DMAs and reads the registers of its ``accelerator``.

    The first input has ``axi_dma_0``, which takes the results too; further ones have ``axi_dma_1``, …

    Parameters
    ----------
    build : host.build.Build
        The build of the board folder, which must be the one that the bitstream is of.
    overlay : pynq.Overlay, str or None
        A path loads the bitstream; None loads ``accelerator.bit`` of the build's folder.
    timeout : float
        Seconds that a transfer may take.

    Raises
    ------
    HostError
        If this is no board that runs PYNQ, or what is loaded is no overlay of this version's ``fewbit board``.
    """

    def __init__(self, build: Build, overlay: Any = None, *, timeout: float = 5.0):
        try:
            from pynq import Overlay, allocate
        except ModuleNotFoundError:
            raise HostError("this needs a board that runs PYNQ: the Python package pynq is not here") from None
        if overlay is None or isinstance(overlay, str):
            overlay = Overlay(overlay or str(build.directory / "accelerator.bit"))
        self._build, self._timeout, self._allocate = build, timeout, allocate
        try:
            self._map = build.manifest["control"]["registers"]
            dmas = [getattr(overlay, f"axi_dma_{k}") for k in range(len(build.inputs))]
            self._block = overlay.accelerator
        except (AttributeError, KeyError) as error:
            raise HostError(f"not an overlay of `fewbit board`, or not its manifest: {error} is missing") from None
        self._sends, self._receive = [dma.sendchannel for dma in dmas], dmas[0].recvchannel
        self._frames = [_in_words(given.frame_bytes) for given in build.inputs]
        self._result = _in_words(build.result_bytes)
        self._running_on = False  # whether a transfer could not be stopped
        self.identity = self._identity()
        self._weights = self._weights_outside()

    def _weights_outside(self) -> ExternalWeights | None:
        """Put the image of external weights into memory, if the build has such; it is beside the manifest."""
        expected = self._build.manifest.get("external")
        if expected is None or self.identity.model != self._build.model:  # another build is refused by who asked
            return None
        try:
            image = checked_image(self._build.directory / expected["image"], expected)
            return ExternalWeights(
                image, self._map, read=self._block.read, write=self._block.write, allocate=self._allocate
            )
        except ExternalWeightsError as error:
            raise HostError(str(error)) from None

    def register(self, name: str) -> int:
        """Return the number that the register ``name`` of the block holds."""
        return self._block.read(self._map[name]["offset"])

    def exchange(self, frames: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
        """Return the results of frames, ``uint8 (N, result_bytes)``, and what the block has counted with the last one.

        Raises
        ------
        HostError
            If a transfer is refused, or does not finish in time.
        """
        if self._running_on:
            raise HostError("the DMA has not stopped since a transfer that did not finish; load the overlay again")
        count = max(1, MOST // max(*self._frames, self._result))
        parts = [self._transfer(frames[at : at + count]) for at in range(0, len(frames), count)]
        names = ("LATENCY", "INTERVAL", "BAD_FRAMES")
        return np.concatenate(parts), {name.lower().replace("_", " "): self.register(name) for name in names}

    def load(self, words: np.ndarray) -> int:
        """Write weights to the block's memories, and return the checksum that it has of them.

        Raises
        ------
        HostError
            If frames do not leave, or the block refuses the words, in time.
        """
        data, write = self._map["LOAD_DATA"]["offset"], self._block.write
        write(self._map["LOAD_CONTROL"]["offset"], 1 << self._map["LOAD_CONTROL"]["fields"]["BEGIN"])
        self._until("WAITING", "the frames inside have not left")
        for word in words.tolist():
            write(data, word)
        checksum = self.register("LOAD_CHECKSUM")
        write(self._map["LOAD_CHECK"]["offset"], zlib.crc32(np.asarray(words, dtype="<u4").tobytes()))
        self._until(None, f"{self.register('LOAD_TAKEN')} words came with the checksum {checksum:#010x}")
        return checksum

    def _until(self, bit, reason):
        """Wait until a bit of LOAD_STATUS is high, or without one until none is."""
        fields, end = self._map["LOAD_STATUS"]["fields"], time.monotonic() + self._timeout
        while True:
            status = self.register("LOAD_STATUS")
            if status >> fields[bit] & 1 if bit else not status:
                return
            failed = bit is None and status >> fields["FAILED"] & 1
            if failed or time.monotonic() > end:
                raise HostError(f"the block does not take the weights: {reason}; it takes no frames until it does")
            time.sleep(POLL)

    def close(self) -> None:
        """Let the accelerator read no weights any more; the overlay stays loaded."""
        if self._weights is not None:
            self._weights.close()

    def _transfer(self, frames):
        count = len(frames)
        to_board = [self._allocate((count, size), dtype=np.uint8) for size in self._frames]
        from_board = self._allocate((count, self._result), dtype=np.uint8)
        try:
            for buffer, part in zip(to_board, self._build.apart(frames), strict=True):
                buffer[:, : part.shape[1]] = part
                buffer[:, part.shape[1] :] = 0
            self._run(to_board, from_board)
            return np.array(from_board[:, : self._build.result_bytes])
        finally:
            if not self._running_on:  # else it may still write there
                for buffer in (*to_board, from_board):
                    buffer.freebuffer()

    def _run(self, to_board, from_board):
        """Move all buffers, in bounded time."""
        end = time.monotonic() + self._timeout
        try:
            self._receive.transfer(from_board)
            for send, buffer in zip(self._sends, to_board, strict=True):
                send.transfer(buffer)
            while not all(channel.idle for channel in (*self._sends, self._receive)):
                if time.monotonic() > end:
                    raise self._stuck(len(from_board))
                time.sleep(POLL)
            for send in self._sends:
                send.wait()
            self._receive.wait()  # makes the processor see what the DMA wrote
        except HostError:
            raise
        except RuntimeError as error:
            raise HostError(f"PYNQ refused a transfer: {error}; load the overlay again") from None

    def _stuck(self, count: int) -> HostError:
        """Return the error of a transfer that does not end; set block and DMA back if they let themselves be."""
        status, done = self.register("STATUS"), self.register("FRAMES")
        # PYNQ waits without end for a channel to stop or start, so that is done beside.
        setting_back = threading.Thread(target=self._set_back, daemon=True)
        setting_back.start()
        setting_back.join(self._timeout)
        self._running_on = setting_back.is_alive()
        stays = ", and does not stop" if self._running_on else ""
        return HostError(
            f"the DMA did not finish {count} frames within {self._timeout:g} s (STATUS {status:#x}, FRAMES {done})"
            f"{stays}; load the overlay again"
        )

    def _set_back(self):
        fields = self._map["CONTROL"]["fields"]
        for channel in (*self._sends, self._receive):
            channel.stop()
        command = sum(1 << fields[name] for name in ("SOFT_RESET", "SOURCE_RESET", "SINK_RESET"))
        self._block.write(self._map["CONTROL"]["offset"], command)
        for channel in (*self._sends, self._receive):
            channel.start()

    def _identity(self) -> Identity:
        """Return what the block's registers say that it is.

        Raises
        ------
        HostError
            If they are not those of this version of fewbit.
        """
        build = self._build
        for name in ("MAGIC", "VERSION"):
            want, got = self._map[name]["value"][0], self.register(name)
            if got != want:
                raise HostError(f"register {name} reads {got:#x}, not {want:#x}: no block of this version of fewbit")
        offset, wanted = self._map["BUILD"]["offset"], self._map["BUILD"]["value"]
        words: list[int] = [self._block.read(offset + 4 * k) for k in range(len(wanted))]
        model = build.model if words == list(wanted) else b"".join(word.to_bytes(4, "big") for word in words)
        _, bytes_in, _, bytes_out = build.sizes
        sizes = self.register("BEATS_IN"), bytes_in, self.register("BEATS_OUT"), bytes_out
        return Identity(IDENTITY.pack(MAGIC, VERSION, 0, model, *sizes))


def _in_words(size: int) -> int:
    """Return the bytes of as many words as ``size`` bytes take."""
    return -(-size // WORD) * WORD
