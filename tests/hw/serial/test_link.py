# amaranth: UnusedElaboratable=no
"""The board's end of the serial link: every request answered in order, damage reported, nothing wrong ever said."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from fewbit.host.protocol import COUNTERS, REPORT, Counters, Identity, Kind, Parser, Problem, frame
from fewbit.hw.gearbox import Gearbox
from fewbit.hw.serial.link import Link, LinkPlan
from tests.hw.serial.test_packets import damaged
from tests.support.stream_bench import simulate

PLAN = LinkPlan(beats_in=3, bytes_in=2, beats_out=1, bytes_out=2, model=b"\1\2\3\4\5\6\7\0")


def engine(payload):
    """What the engine below makes of a frame: sum and exclusive or of its bytes."""
    return bytes([sum(payload) % 256, int(np.bitwise_xor.reduce(list(payload)))])


class Engine(wiring.Component):
    """A link with an engine that is slow and, as an accelerator, takes a frame while it holds the last result."""

    def __init__(self, delay):
        self.link, self._delay = Link(PLAN), delay
        super().__init__({name: self.link.signature.members[name] for name in ("i", "o", "broken")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = self.link
        wiring.connect(m, wiring.flipped(self.i), link.i)
        wiring.connect(m, link.o, wiring.flipped(self.o))
        m.submodules.narrow = narrow = Gearbox(bits=8, a=2, b=1, length=2)
        m.d.comb += [
            link.broken.eq(self.broken), link.results.p.eq(narrow.o.p), link.results.valid.eq(narrow.o.valid),
            narrow.o.ready.eq(link.results.ready),
        ]  # fmt: skip
        count, wait, total, parity = Signal(range(PLAN.frame + 1)), Signal(16), Signal(8), Signal(8)
        m.d.comb += link.frames.ready.eq(count != PLAN.frame)
        with m.If(link.frames.valid & link.frames.ready):
            m.d.sync += [count.eq(count + 1), total.eq(total + link.frames.p), parity.eq(parity ^ link.frames.p)]
        with m.If(count == PLAN.frame):
            m.d.sync += wait.eq(wait + 1)
            m.d.comb += [narrow.i.p[0].eq(total), narrow.i.p[1].eq(parity), narrow.i.valid.eq(wait >= self._delay)]
            with m.If(narrow.i.valid & narrow.i.ready):
                m.d.sync += [count.eq(0), wait.eq(0), total.eq(0), parity.eq(0)]
        return m


def talk(line, *, spacing=4, refuse=0.2, delay=20, broken=0):
    """The packets that come back for the bytes ``line``, one every ``spacing`` cycles."""
    dut = Engine(delay)
    back = bytearray()

    async def testbench(ctx):
        rng = np.random.default_rng(1)
        back.clear()
        quiet, at, cycle = 0, 0, 0
        while quiet < 400 + 2 * delay:
            now = cycle % spacing == 0 and at < len(line)
            ctx.set(dut.i.valid, now)
            ctx.set(dut.i.p, line[at] if now else int(rng.integers(256)))
            ctx.set(dut.broken, now and at < broken)
            ctx.set(dut.o.ready, rng.random() >= refuse)
            _, _, valid, byte, ready = await ctx.tick().sample(dut.o.valid, dut.o.p, dut.o.ready)
            at, cycle, quiet = at + now, cycle + 1, 0 if at < len(line) or valid else quiet + 1
            if valid and ready:
                back.append(byte)

    simulate(dut, testbench)
    parser = Parser()
    packets = parser.feed(bytes(back))
    assert parser.damaged == 0 and back.endswith(b"\0")
    return packets


def test_requests_are_answered_in_order():
    rng = np.random.default_rng(2)
    frames = [rng.integers(0, 256, PLAN.frame).astype(np.uint8).tobytes() for _ in range(6)]
    line = frame(Kind.IDENTIFY, 7) + b"".join(frame(Kind.INFER, 100 + k, f) for k, f in enumerate(frames))
    line += frame(Kind.INFER, 300, frames[0][:-1]) + frame(Kind.INFER, 301, frames[0] + b"\1")
    line += frame(0x44, 302, b"xyz") + frame(Kind.IDENTIFY, 303, b"1") + frame(Kind.COUNTERS, 304)
    got = talk(line, broken=5)
    assert [(p.kind, p.sequence) for p in got] == [
        (Kind.IDENTITY, 7), *((Kind.RESULT, 100 + k) for k in range(6)),
        *((Kind.ERROR, 300 + k) for k in range(4)), (Kind.COUNTS, 304),
    ]  # fmt: skip
    identity = Identity(got[0].payload)
    assert (identity.magic, identity.version, identity.window) == (b"FBIT", 1, PLAN.window)
    assert (identity.model, identity.beats_in, identity.bytes_in) == (b"\1\2\3\4\5\6\7\0", 3, 2)
    assert (identity.beats_out, identity.bytes_out) == (1, 2)
    assert [p.payload for p in got[1:7]] == [engine(f) for f in frames]
    problems = [Problem.LENGTH, Problem.LENGTH, Problem.KIND, Problem.LENGTH]
    assert [REPORT.unpack(p.payload) for p in got[7:11]] == [(p, 0) for p in problems]
    assert Counters(*COUNTERS.unpack(got[11].payload)) == Counters(packets=12, damaged=0, results=6, broken_bytes=5)


def test_damage_is_reported_and_costs_no_other_frame():
    rng = np.random.default_rng(3)
    frames = {k: rng.integers(0, 256, PLAN.frame).astype(np.uint8).tobytes() for k in range(1, 51)}
    line = b"".join(damaged(frame(Kind.INFER, k, f), 0.03) for k, f in frames.items()) + frame(Kind.COUNTERS, 999)
    parser = Parser()
    good = [p.sequence for p in parser.feed(line)]
    assert 10 < parser.damaged < 60 and len(good) > 20
    got = talk(line, spacing=5, delay=1)
    answers = [p for p in got if p.kind != Kind.ERROR]
    assert [p.sequence for p in answers] == good
    assert all(p.payload == engine(frames[p.sequence]) for p in answers[:-1])
    counts = Counters(*COUNTERS.unpack(answers[-1].payload))
    assert counts == Counters(packets=len(good), damaged=parser.damaged, results=len(good) - 1, broken_bytes=0)
    reports = [REPORT.unpack(p.payload) for p in got if p.kind == Kind.ERROR]
    totals = [total for _, total in reports]
    assert {problem for problem, _ in reports} == {Problem.DAMAGED}
    assert totals == sorted(totals) and totals[-1] == parser.damaged and len(totals) > parser.damaged / 2


def test_more_requests_than_the_window():
    """What does not fit is refused by name, or counted; the others are answered."""
    total = PLAN.window + 30
    line = b"".join(frame(Kind.INFER, k, bytes([k] * PLAN.frame)) for k in range(1, total + 1))
    got = talk(line, spacing=1, delay=90, refuse=0)
    results = [p.sequence for p in got if p.kind == Kind.RESULT]
    assert results[: PLAN.window] == list(range(1, PLAN.window + 1))
    assert all(p.payload == engine(bytes([p.sequence] * PLAN.frame)) for p in got if p.kind == Kind.RESULT)
    refused = [p.sequence for p in got if p.kind == Kind.ERROR and p.payload[0] == Problem.OVERRUN]
    counted = max(REPORT.unpack(p.payload)[1] for p in got if p.kind == Kind.ERROR)
    assert refused and counted and len(results) + len(refused) + counted == total


def test_plan():
    assert (PLAN.frame, PLAN.result, PLAN.window) == (6, 2, 32)
    assert LinkPlan(beats_in=1, bytes_in=784, beats_out=1, bytes_out=1, model=bytes(8)).window == 5
    with pytest.raises(ValueError, match="frame over the serial link must have 1 to 65535 bytes, not 65536"):
        LinkPlan(beats_in=256, bytes_in=256, beats_out=1, bytes_out=1, model=bytes(8))
    with pytest.raises(ValueError, match="told by 8 bytes, not 3"):
        LinkPlan(beats_in=1, bytes_in=1, beats_out=1, bytes_out=1, model=b"abc")
