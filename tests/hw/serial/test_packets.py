# amaranth: UnusedElaboratable=no
"""Checksums and the store of packets in hardware, against their definition in Python."""

import numpy as np
import pytest

from fewbit.host.protocol import HEADER, Parser, cobs_encode, frame
from fewbit.hw.serial.packets import PacketReceiver, PacketSender, PacketStore
from tests.support.stream_bench import simulate

RNG = np.random.default_rng(5)


def draw(length, zeros):
    return bytes((RNG.integers(1, 256, length) * (RNG.random(length) >= zeros)).astype(np.uint8))


def damaged(line, rate):
    """The line with bytes flipped, dropped and inserted, each with a third of ``rate``."""
    out = bytearray()
    for byte in line:
        kind = RNG.random()
        if kind < rate / 3:
            byte ^= int(RNG.integers(1, 256))
        elif kind < 2 * rate / 3:
            continue
        elif kind < rate:
            out.append(int(RNG.integers(256)))
        out.append(byte)
    return bytes(out)


def test_receiver_keeps_what_the_parser_keeps():
    """Thousands of bytes, many damaged, with gaps and without: the same packets and as many errors as in Python."""
    packets = [frame(int(RNG.integers(256)), k, draw(int(RNG.integers(0, 40)), 0.3)) for k in range(80)]
    packets += [frame(3, 1000 + n, draw(n, 0.001)) for n in (0, 245, 246, 254, 300)]
    line = b"".join(packets)
    line = damaged(line[: len(line) * 3 // 4], 0.01) + line[len(line) * 3 // 4 :]
    line += b"\0" + cobs_encode(HEADER.pack(1, 2, 3)) + b"\0\1\0\1\1\0\xff\0" + b"\7" * 60 + b"\0" + packets[0]
    parser = Parser()
    want = [(p.kind, p.sequence, p.payload) for p in parser.feed(line)]
    assert parser.damaged > 10 and len(want) > 50
    dut = PacketReceiver()

    async def testbench(ctx):
        rng, got, bad, payload = np.random.default_rng(6), [], 0, bytearray()
        for byte in [*line, None, None, None]:
            for idle in [True] * (rng.integers(3) * int(rng.integers(2))) + [False]:
                ctx.set(dut.i.valid, not idle and byte is not None)
                ctx.set(dut.i.p, 0 if byte is None else int(rng.integers(256)) if idle else byte)
                header = dut.header.kind, dut.header.sequence, dut.header.length
                sampled = dut.valid, dut.data, dut.good, dut.damaged
                _, _, kind, sequence, length, valid, data, good, broken = await ctx.tick().sample(*header, *sampled)
                if valid:
                    payload.append(data)
                if good:
                    got.append((kind, sequence, bytes(payload[:length])))
                if good or broken:
                    payload.clear()
                bad += broken
        assert got == want and bad == parser.damaged

    simulate(dut, testbench)


def test_sender():
    packets = [(int(RNG.integers(256)), k, draw(n, 0.2)) for k, n in enumerate([0, 1, 5, 0, 33, 0])]
    dut = PacketSender()
    want = [list(frame(*p)) for p in packets]

    async def testbench(ctx):
        rng, got = np.random.default_rng(7), []
        for kind, sequence, payload in packets:
            ctx.set(dut.header.p, {"kind": kind, "sequence": sequence, "length": len(payload)})
            ctx.set(dut.header.valid, 1)
            body, at, done = [], 0, False
            for _ in range(400):
                offered, ready = at < len(payload) and rng.random() < 0.6, rng.random() < 0.6
                ctx.set(dut.payload.valid, offered)
                ctx.set(dut.payload.p, payload[at] if offered else 0xEE)
                ctx.set(dut.o.ready, ready)
                signals = dut.payload.ready, dut.o.valid, dut.o.p.data, dut.o.p.last, dut.header.ready
                _, _, taken, valid, byte, last, done = await ctx.tick().sample(*signals)
                at += offered and taken
                if valid and ready:
                    body.append((byte, last))
                if done:
                    break
            assert done and [last for _, last in body] == [0] * (len(body) - 1) + [1]
            got.append(list(b"\0" + cobs_encode(bytes(byte for byte, _ in body)) + b"\0"))
            ctx.set(dut.header.valid, 0)
            await ctx.tick()
        assert got == want

    simulate(dut, testbench)


def test_store_forgets_what_was_not_good():
    length, slots = 5, 3
    dut = PacketStore(length=length, slots=slots)
    got, want = [], []

    async def testbench(ctx):
        rng = np.random.default_rng(8)
        got.clear(), want.clear()

        async def tick(ready):
            ctx.set(dut.o.ready, ready)
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.p)
            if valid and ready:
                got.append(byte)

        full = 0
        for number in range(60):
            packet = rng.integers(0, 256, length).tolist()
            count = length if number % 3 else int(rng.integers(0, 9))
            room = ctx.get(dut.room)
            full += not room
            for k in range(count):
                ctx.set(dut.write, 1)
                ctx.set(dut.data, packet[k % length])
                await tick(rng.random() < 0.15)
                ctx.set(dut.write, 0)
            keep = count == length and room
            want.extend(packet if keep else [])
            ctx.set(dut.keep if keep else dut.forget, 1)
            await tick(0)
            ctx.set(dut.keep if keep else dut.forget, 0)
        for _ in range(80):
            await tick(1)
        assert full > 3 and got == want

    simulate(dut, testbench)


@pytest.mark.parametrize("options", [{"length": 0, "slots": 2}, {"length": 2, "slots": 0}])
def test_store_refuses_nothing(options):
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        PacketStore(**options)
