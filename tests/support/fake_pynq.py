"""What PYNQ gives on a board, as far as we use it: overlays, contiguous buffers, DMA channels with their rules."""

import time
import zlib
from types import SimpleNamespace

import numpy as np

WORD = 8


class Buffer(np.ndarray):
    """A contiguous buffer: what the DMA wrote is seen once it was invalidated, which the channel's ``wait`` does."""

    freed = False

    def freebuffer(self):
        self.freed = True


def allocate(shape, dtype="u4"):
    buffer = np.zeros(shape, dtype=dtype).view(Buffer)
    buffer[...] = 0xEE
    return buffer


class Channel:
    """One direction of a DMA. As in PYNQ, a transfer needs a channel that runs and has none; ``idle`` is false
    meanwhile.

    As there, ``stop`` waits until the channel has stopped, which it does not if ``stops`` is false.
    """

    def __init__(self, engine):
        self._engine, self.running, self.buffer, self.done, self.stops = engine, True, None, True, True

    @property
    def idle(self):
        self._engine.step()
        return self.done

    def transfer(self, buffer):
        if not self.running:
            raise RuntimeError("DMA channel not started")
        if not self.done:
            raise RuntimeError("DMA channel not idle")
        if not isinstance(buffer, Buffer) or not buffer.flags.c_contiguous:
            raise RuntimeError("Buffer must be of allocate")
        self.buffer, self.done = buffer, False

    def wait(self):
        if not self.running:
            raise RuntimeError("DMA channel not started")
        while not self.idle:
            pass
        self._engine.invalidate(self)

    def stop(self):
        while not self.stops:
            time.sleep(0.01)
        self.running, self.done = False, True

    def start(self):
        self.running = True


class Overlay:
    """The board design with a connection's results behind its DMA.

    ``slow`` is how often the channels are looked at before a transfer is done; None: it never is.
    """

    def __init__(self, connection, manifest, *, slow=3, **registers):
        self._connection, self.slow = connection, slow
        self.map = manifest["control"]["registers"]
        self._frames = [(i["beats"], i["bytes"]) for i in manifest["inputs"]]
        self.axi_dma_0 = SimpleNamespace(sendchannel=Channel(self), recvchannel=Channel(self))
        self._sends = [self.axi_dma_0.sendchannel]
        for k in range(1, len(self._frames)):
            setattr(self, f"axi_dma_{k}", SimpleNamespace(sendchannel=Channel(self)))
            self._sends.append(getattr(self, f"axi_dma_{k}").sendchannel)
        self.accelerator = SimpleNamespace(read=self._read, write=self._write)
        self.words = {}
        for entry in self.map.values():
            for k, value in enumerate(entry.get("value", [0] * entry["words"])):
                self.words[entry["offset"] + 4 * k] = value
        self.words |= {self.map[name]["offset"]: value for name, value in registers.items()}
        self.transfers, self.written, self._looked, self._found = [], [], 0, None

    def _read(self, offset=0):
        return self.words[offset]

    def _write(self, offset, value):
        self.written.append((offset, value))
        if "LOAD_DATA" in self.map:
            self._load(offset, value)

    def _load(self, offset, value):
        """Do what the block does with words of weights; with ``loses`` a word of them is lost."""
        at = {name: self.map[name]["offset"] for name in self.map if name.startswith("LOAD")}
        status = {name: 1 << bit for name, bit in self.map["LOAD_STATUS"]["fields"].items()}
        if offset == at["LOAD_CONTROL"]:
            self.seen, self.image = 0, []
            self.words[at["LOAD_STATUS"]] = status["CLOSED"] | status["WAITING"] * self.drains
        elif offset == at["LOAD_DATA"]:
            self.image += [value] * (self.seen != self.loses)
            self.seen += 1
        elif offset == at["LOAD_CHECK"]:
            good = zlib.crc32(np.array(self.image, dtype="<u4").tobytes()) == value
            self.words[at["LOAD_STATUS"]] = 0 if good else status["CLOSED"] | status["FAILED"]
            if good:
                self._connection.load(np.array(self.image, dtype="<u4"))
        else:
            return
        self.words[at["LOAD_TAKEN"]] = len(self.image)
        self.words[at["LOAD_CHECKSUM"]] = zlib.crc32(np.array(self.image, dtype="<u4").tobytes())

    drains, loses = True, None

    def step(self):
        sends, receive = self._sends, self.axi_dma_0.recvchannel
        if any(send.done for send in sends) or receive.done or self.slow is None:
            return
        self._looked += 1
        if self._looked % (self.slow + 1):
            return
        i = self._connection.identity
        result = i.beats_out * i.bytes_out
        assert receive.buffer.shape[1] == -(-result // WORD) * WORD
        rows = [np.asarray(send.buffer) for send in sends]
        for row, (beats, size) in zip(rows, self._frames, strict=True):
            assert row.shape[1] == -(-beats * size // WORD) * WORD
        parts = [row[:, : beats * size] for row, (beats, size) in zip(rows, self._frames, strict=True)]
        found = self._connection.exchange(np.concatenate(parts, axis=1))[0]
        self._found = np.zeros(receive.buffer.shape, dtype=np.uint8)
        self._found[:, :result] = found
        self.transfers.append(len(found))
        self.words[self.map["FRAMES"]["offset"]] += len(found)
        for channel in (*sends, receive):
            channel.done = True

    def invalidate(self, channel):
        if channel is self.axi_dma_0.recvchannel and self._found is not None:
            channel.buffer[...] = self._found
            self._found = None
