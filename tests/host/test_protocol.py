"""The serial protocol in Python: published examples, and what damage does."""

import zlib

import numpy as np
import pytest

from fewbit.host.protocol import HEADER, OVERHEAD, Kind, Packet, Parser, cobs_decode, cobs_encode, frame

UP = bytes(range(1, 256))
# The examples of the encyclopedia's article on COBS, which many implementations test against.
EXAMPLES = [
    (b"\0", b"\1\1"), (b"\0\0", b"\1\1\1"), (b"\0\x11\0", b"\1\2\x11\1"), (b"\x11\x22\0\x33", b"\3\x11\x22\2\x33"),
    (b"\x11\x22\x33\x44", b"\5\x11\x22\x33\x44"), (b"\x11\0\0\0", b"\2\x11\1\1\1"), (UP[:254], b"\xff" + UP[:254]),
    (b"\0" + UP[:254], b"\1\xff" + UP[:254]), (UP, b"\xff" + UP[:254] + b"\2\xff"),
    (UP[1:] + b"\0", b"\xff" + UP[1:] + b"\1\1"), (UP[2:] + b"\0\1", b"\xfe" + UP[2:] + b"\2\1"),
]  # fmt: skip


@pytest.mark.parametrize("data, encoded", EXAMPLES)
def test_cobs_of_the_published_examples(data, encoded):
    assert cobs_encode(data) == encoded and cobs_decode(encoded) == data


def test_cobs_of_random_bytes_has_no_zero_and_returns():
    rng = np.random.default_rng(1)
    for length in [*range(1, 20), 253, 254, 255, 256, 507, 508, 509, 1000]:
        for zeros in 0, 0.01, 0.5:
            data = (rng.integers(1, 256, length) * (rng.random(length) >= zeros)).astype(np.uint8).tobytes()
            encoded = cobs_encode(data)
            assert 0 not in encoded and len(encoded) <= length + 1 + length // 254
            assert cobs_decode(encoded) == data
    assert cobs_decode(b"\5\1\1") is None


def test_a_packet_byte_by_byte():
    check = zlib.crc32(b"\x01\x34\x12\0\0").to_bytes(4, "little")
    line = frame(Kind.IDENTIFY, 0x1234)
    assert line == b"\0" + cobs_encode(b"\x01\x34\x12\0\0" + check) + b"\0"
    assert zlib.crc32(b"123456789") == 0xCBF43926  # the check value of CRC-32/ISO-HDLC in the catalogue of CRCs
    parser = Parser()
    assert [parser.feed(bytes([b])) for b in line] == [[]] * (len(line) - 1) + [[Packet(Kind.IDENTIFY, 0x1234)]]


def test_any_damage_costs_its_packet_and_no_other():
    """One damaged byte in the middle of three packets, at every place and of every kind."""
    rng = np.random.default_rng(2)
    sent = [frame(Kind.INFER, k, bytes(rng.integers(0, 4, 20).astype(np.uint8))) for k in (1, 2, 3)]
    accepted = 0
    for at in range(len(sent[1])):
        flipped = bytes([sent[1][at] ^ int(rng.integers(1, 256))])
        for middle in (flipped, b"", sent[1][at : at + 1] + bytes([int(rng.integers(256))])):
            damaged = sent[1][:at] + middle + sent[1][at + 1 :]
            parser = Parser()
            got = parser.feed(sent[0] + damaged + sent[2])
            assert [p.sequence for p in got if p.sequence != 2] == [1, 3]
            whole = [p for p in got if p.sequence == 2]
            assert whole or parser.damaged or damaged.count(0) != 2
            assert all(frame(p.kind, p.sequence, p.payload) == sent[1] for p in whole)
            accepted += len(whole)
    assert accepted <= 8  # where only a delimiter suffered


def test_pieces_that_are_no_packets_are_counted():
    parser = Parser()
    good = frame(Kind.COUNTERS, 9, b"")
    short = b"\0" + cobs_encode(b"\1\0\0") + b"\0"
    long = b"\0" + cobs_encode(HEADER.pack(1, 1, 5) + bytes(OVERHEAD)) + b"\0"
    assert parser.feed(b"noise\0\0\0" + good + short + long + good) == [Packet(Kind.COUNTERS, 9)] * 2
    assert parser.damaged == 3
