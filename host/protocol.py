"""The packets of the serial link: kinds, layout, checksum, framing. `docs/uart.md` describes them.

Hardware (`hw.serial.packets`, `hw.serial.link`) and host software take every number from here. Standard library only.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "COUNTERS", "HEADER", "IDENTITY", "LONGEST", "MAGIC", "OVERHEAD", "REPORT", "SIZES", "VERSION", "Counters",
    "Identity", "Kind", "Packet", "Parser", "Problem", "cobs_decode", "cobs_encode", "frame", "line_bytes",
]  # fmt: skip

MAGIC, VERSION = b"FBIT", 1

HEADER = struct.Struct("<BHH")  # kind, sequence number, bytes of payload
CHECK = struct.Struct("<I")  # CRC-32 (IEEE 802.3) of header and payload
OVERHEAD = HEADER.size + CHECK.size
LONGEST = (1 << 16) - 1  # bytes of a payload, whose length has 16 bits
IDENTITY = struct.Struct("<4sHH8sIIII")
SIZES = ("beats_in", "bytes_in", "beats_out", "bytes_out")  # the last four of it
COUNTERS = struct.Struct("<IIII")
REPORT = struct.Struct("<BI")  # payload of an error: Problem, damaged packets so far


class Kind(IntEnum):
    """What a packet asks for; an answer has the kind of its request with the highest bit set."""

    IDENTIFY = 0x01
    COUNTERS = 0x02
    INFER = 0x03
    IDENTITY = 0x81
    COUNTS = 0x82
    RESULT = 0x83
    ERROR = 0xFF


class Problem(IntEnum):
    """The reason of an error that the hardware sends."""

    DAMAGED = 1  # what came between two delimiters was no packet; the sequence number is 0
    KIND = 2  # no request has this kind
    LENGTH = 3  # a request of this kind has another payload
    OVERRUN = 4  # more requests came than the window allows; this one was dropped


class Identity:
    """The sizes and the build that the hardware says it is of.

    Attributes
    ----------
    magic : bytes
        `MAGIC`.
    version : int
        `VERSION`.
    window : int
        Requests that the hardware holds at most, so that a host may have so many unanswered.
    model : bytes
        First 8 bytes of the build's hash.
    beats_in, bytes_in, beats_out, bytes_out : int
        Beats of a frame, at the first input, and of a result, and bytes of each beat.
    """

    magic: bytes
    version: int
    window: int
    model: bytes
    beats_in: int
    bytes_in: int
    beats_out: int
    bytes_out: int

    FIELDS = ("magic", "version", "window", "model", *SIZES)

    def __init__(self, payload: bytes):
        for name, value in zip(self.FIELDS, IDENTITY.unpack(payload), strict=True):
            setattr(self, name, value)


@dataclass(frozen=True)
class Counters:
    """Numbers that the board has counted since reset.

    Attributes
    ----------
    packets, damaged : int
        Packets that were good, and pieces that were none.
    results : int
        Frames that were answered.
    broken_bytes : int
        Bytes whose stop bit was missing.
    """

    packets: int
    damaged: int
    results: int
    broken_bytes: int


@dataclass(frozen=True)
class Packet:
    """A packet as it came or goes: its `Kind`, its sequence number of 16 bits, and its payload."""

    kind: int
    sequence: int
    payload: bytes = b""


def cobs_encode(data: bytes) -> bytes:
    """Return the same bytes without a zero: consistent overhead byte stuffing (Cheshire and Baker, 1999).

    A block is a code c, then c - 1 bytes that are not zero; a zero follows, unless c is 255 or the data ends.
    """
    out = bytearray()
    start = 0
    while True:
        end = data.find(0, start, start + 254)
        if end >= 0:
            out += bytes([end - start + 1]) + data[start:end]
            start = end + 1
            continue
        block = data[start : start + 254]
        out += bytes([len(block) + 1]) + block
        start += len(block)
        if len(block) < 254 or start == len(data):
            return bytes(out)


def cobs_decode(data: bytes) -> bytes | None:
    """Return the bytes that `cobs_encode` made ``data`` of; None if a block is longer than what is there."""
    out, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        if code == 0 or at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code != 255 and at < len(data):
            out.append(0)
    return bytes(out)


def frame(kind: int, sequence: int, payload: bytes = b"") -> bytes:
    """Return a packet as the bytes on the line, with a delimiter at either end."""
    body = HEADER.pack(kind, sequence, len(payload)) + payload
    return b"\0" + cobs_encode(body + CHECK.pack(zlib.crc32(body))) + b"\0"


def line_bytes(payload: int) -> int:
    """Return the most bytes that a packet with ``payload`` bytes takes on the line, delimiters included."""
    body = OVERHEAD + payload
    return 1 + (body + 1 + body // 254) + 1


class Parser:
    """A reader of packets among the bytes of the line, whatever else is among them.

    The time is linear in the bytes that are fed, however they are cut. No more is kept than the longest packet takes;
    a longer piece is skipped up to its delimiter.

    Attributes
    ----------
    damaged : int
        Pieces between delimiters, empty ones aside, that were no packet.
    """

    LONGEST_PIECE = line_bytes(LONGEST) - 2

    def __init__(self) -> None:
        self.damaged, self._piece, self._too_long = 0, bytearray(), False

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that ``data``, the next bytes of the line, completes."""
        packets = []
        *ended, rest = bytes(data).split(b"\0")
        for part in ended:
            self._keep(part)
            if self._piece or self._too_long:
                packets.append(None if self._too_long else self._packet(bytes(self._piece)))
            self._piece, self._too_long = bytearray(), False
        self._keep(rest)
        self.damaged += packets.count(None)
        return [packet for packet in packets if packet is not None]

    def _keep(self, part):
        """Add to the piece that has not ended yet, unless it is too long for a packet by now."""
        self._too_long = self._too_long or len(self._piece) + len(part) > self.LONGEST_PIECE
        if self._too_long:
            self._piece.clear()
        else:
            self._piece += part

    @staticmethod
    def _packet(piece: bytes) -> Packet | None:
        """Return the packet that a piece between delimiters is, or None if it is damaged."""
        data = cobs_decode(piece)
        if data is None or len(data) < OVERHEAD:
            return None
        body, (check,) = data[: -CHECK.size], CHECK.unpack(data[-CHECK.size :])
        kind, sequence, length = HEADER.unpack_from(body)
        if len(body) - HEADER.size != length or zlib.crc32(body) != check:
            return None
        return Packet(kind, sequence, body[HEADER.size :])
