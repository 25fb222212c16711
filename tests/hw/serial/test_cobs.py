# amaranth: UnusedElaboratable=no
"""Byte stuffing in hardware, against its definition in Python."""

import numpy as np
import pytest

from fewbit.host.protocol import cobs_decode, cobs_encode
from fewbit.hw.serial.cobs import CobsDecoder, CobsEncoder
from tests.support.stream_bench import STALLS, simulate, stream

RNG = np.random.default_rng(5)


def draw(length, zeros):
    return bytes((RNG.integers(1, 256, length) * (RNG.random(length) >= zeros)).astype(np.uint8))


@pytest.mark.parametrize("stalls", [STALLS[name] for name in ("full rate", "both")], ids=["full rate", "both"])
def test_encoder(stalls):
    packets = [draw(n, z) for n in (1, 2, 9, 30) for z in (0, 0.5, 1)]
    packets = (
        packets
        if all(stalls)
        else [*packets, draw(253, 0), draw(254, 0), draw(254, 0) + b"\0", draw(254, 0) + b"\0\1", draw(508, 0)]
    )
    beats = [byte | (k == len(p) - 1) << 8 for p in packets for k, byte in enumerate(p)]
    line = b"".join(b"\0" + cobs_encode(p) + b"\0" for p in packets)
    assert stream(CobsEncoder(), beats, len(line), stalls=stalls).payloads == list(line)


def decoded(line, idle):
    """What comes out of the decoder: for each piece that ends, its bytes and whether its last block is complete."""
    dut, pieces = CobsDecoder(), []

    async def testbench(ctx):
        rng, data, at = np.random.default_rng(len(line)), bytearray(), 0
        pieces.clear()
        for _ in range(8 * len(line) + 20):
            offered = at < len(line) and rng.random() >= idle
            ctx.set(dut.i.valid, offered)
            ctx.set(dut.i.p, line[at] if offered else int(rng.integers(256)))
            at += offered
            await ctx.tick()
            # One cycle behind the byte; at the end of a piece a byte is not there as well.
            assert not (ctx.get(dut.valid) and ctx.get(dut.end))
            if ctx.get(dut.valid):
                assert offered
                data.append(ctx.get(dut.data))
            if ctx.get(dut.end):
                assert offered
                pieces.append((bytes(data), bool(ctx.get(dut.whole))))
                data.clear()
        assert at == len(line) and not data

    simulate(dut, testbench)
    return pieces


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("idle", [0, 0.5])
def test_decoder(idle):
    packets = [draw(n, z) for n in (1, 2, 9, 30) for z in (0, 0.5, 1)]
    packets += [draw(253, 0), draw(254, 0), draw(254, 0) + b"\0", draw(254, 0) + b"\0\1", draw(508, 0)]
    line = b"\0\0" + b"\0".join(cobs_encode(p) for p in packets) + b"\0\0\0"
    assert decoded(line, idle) == [(p, True) for p in packets]


@pytest.mark.parametrize("idle", [0, 0.5])
def test_decoder_of_damaged_pieces(idle):
    """What is whole is what Python takes; the last block of the others lacks bytes."""
    rng = np.random.default_rng(8)
    pieces = [cobs_encode(draw(int(rng.integers(3, 20)), 0.3)) for _ in range(60)]
    pieces = [piece[: len(piece) - rng.integers(3)] for piece in pieces]
    found = decoded(b"".join(piece + b"\0" for piece in pieces), idle)
    want = [cobs_decode(piece) for piece in pieces]
    assert 10 < sum(data is None for data in want) < 50
    assert [whole for _, whole in found] == [data is not None for data in want]
    assert [data for data, whole in found if whole] == [data for data in want if data is not None]
