# amaranth: UnusedElaboratable=no
"""Soft reset of streams: whole frames before and after it, wherever it comes, and no broken beat."""

import numpy as np
import pytest

from fewbit.hw.shell.stream_gate import StreamGate
from tests.support.stream_bench import simulate


class World:
    """A source, a sink and a core around a gate. The core doubles what comes, gives a frame of ``beats`` beats for each
    that it got in full, and starts anew when it is reset."""

    def __init__(self, dut, beats, seed):
        self.dut, self.beats, self.rng = dut, beats, np.random.default_rng(seed)
        self.queue, self.frame, self.results = [], [], []
        self.to_send, self.got, self.took = [], [], 0
        self.offering, self.shown, self.idle, self.refuse = False, False, 0.4, 0.4

    async def cycle(self, ctx, *, request=0, source_reset=0, sink_reset=0):
        """One cycle of everything; what passed at ``i``, whether a beat was on offer at ``o``, and STATUS."""
        dut, rng = self.dut, self.rng
        self.offering = bool(self.to_send) and (self.offering or rng.random() >= self.idle)
        data, last = self.to_send[0] if self.offering else (int(rng.integers(256)), int(rng.integers(2)))
        reset = ctx.get(dut.core_reset)
        self.shown = not reset and bool(self.queue) and (self.shown or rng.random() >= 0.3)
        out, out_last = self.queue[0] if self.shown else (int(rng.integers(256)), int(rng.integers(2)))
        ready, core_ready = rng.random() >= self.refuse, not reset and rng.random() >= 0.2
        for signal, value in (
            (dut.i.valid, self.offering), (dut.i.p.data, data), (dut.i.p.last, last), (dut.o.ready, ready),
            (dut.core_o.valid, self.shown), (dut.core_o.p.data, out), (dut.core_o.p.last, out_last),
            (dut.core_o.p.user, 0), (dut.core_i.ready, core_ready), (dut.request, request),
            (dut.source_reset, source_reset), (dut.sink_reset, sink_reset),
        ):  # fmt: skip
            ctx.set(signal, value)
        signals = (dut.i.ready, dut.core_i.valid, dut.core_o.ready, dut.o.valid, dut.o.p.as_value(), dut.stopping,
                   dut.cleaning)  # fmt: skip
        _, _, taken, into, off, valid, payload, stopping, cleaning = await ctx.tick().sample(*signals)
        if self.offering and taken:
            self.to_send.pop(0)
            self.offering, self.took = False, self.took + 1
        self._core(into and core_ready, (data, last), self.shown and off, reset)
        if valid and ready:
            self.got.append((payload & 0xFF, payload >> 8 & 1, payload >> 9))
        return valid and not ready, payload, bool(stopping or cleaning)

    def _core(self, entered, beat, left, reset):
        if left:
            self.queue.pop(0)
            self.shown = False
        if entered:
            self.frame.append(beat[0])
            if beat[1]:
                self.queue += [((2 * v) & 0xFF, k == self.beats - 1) for k, v in enumerate(self.frame)]
                self.frame = []
        if reset:
            self.queue, self.frame, self.shown = [], [], False


def frames(rng, beats, count):
    return [rng.integers(1, 128, beats).tolist() for _ in range(count)]


def beats_of(sent):
    return [(v, k == len(frame) - 1) for frame in sent for k, v in enumerate(frame)]


async def settle(world, ctx, steps, **request):
    """Cycles with the rules of AXI4-Stream checked at ``o``; whether the gate was busy in the last one."""
    held, busy = None, False
    for k in range(steps):
        refused, payload, busy = await world.cycle(ctx, **(request if k == 0 else {}))
        assert held is None or refused or world.got[-1:] == [(held & 0xFF, held >> 8 & 1, held >> 9)]
        assert held is None or not refused or payload == held, "an offered beat did not stay"
        held = payload if refused else None
    return busy


@pytest.mark.sampled(2)
@pytest.mark.parametrize("sizes", [(3, 1), (1, 4), (2, 2, 5)])
def test_soft_reset_of_several_inputs(sizes):
    """Afterwards the first frames that enter have the same number at all inputs, wherever each of them stood."""
    dut = StreamGate(bits_in=[8] * len(sizes), bits_out=8, beats_out=1, frames=5)
    rng, seen = np.random.default_rng(len(sizes)), {"apart": 0, "dropped": 0}

    async def testbench(ctx):
        sent, entered, offers = [0] * len(sizes), [0] * len(sizes), [False] * len(sizes)

        async def cycle(request=False):
            """Do a cycle; return whether the gate is busy, and the frames whose first beats entered, by input."""
            for k, (i, core_i) in enumerate(dut.inputs):
                ahead = -(-entered[k] // sizes[k]) - min(e // n for e, n in zip(entered, sizes, strict=True))
                offers[k] = offers[k] or bool(rng.random() < 0.7)
                ctx.set(i.valid, offers[k])
                ctx.set(i.p.data, sent[k] // sizes[k] % 256)
                ctx.set(i.p.last, sent[k] % sizes[k] == sizes[k] - 1)
                ctx.set(core_i.ready, bool(rng.random() < (0.9, 0.3, 0.6)[k]) and ahead < 4)
            ctx.set(dut.request, request)
            first = {}
            for k, (i, core_i) in enumerate(dut.inputs):
                if ctx.get(core_i.valid) and ctx.get(core_i.ready):
                    if entered[k] % sizes[k] == 0:
                        first[k] = ctx.get(core_i.p.data)
                    entered[k] += 1
                elif ctx.get(i.valid) and ctx.get(i.ready):
                    seen["dropped"] += 1
                if ctx.get(i.valid) and ctx.get(i.ready):
                    sent[k], offers[k] = sent[k] + 1, False
            busy = ctx.get(dut.stopping) or ctx.get(dut.cleaning)
            await ctx.tick()
            return busy, first

        for _ in range(12):
            for _ in range(int(rng.integers(5, 40))):
                await cycle()
            await cycle(request=True)
            seen["apart"] += len({s // n for s, n in zip(sent, sizes, strict=True)}) > 1
            for _ in range(300):
                busy, _ = await cycle()
                if not busy:
                    break
            else:
                raise AssertionError("soft reset does not end")
            assert len({divmod(s, n) for s, n in zip(sent, sizes, strict=True)}) == 1
            entered[:] = [0] * len(sizes)
            numbers = {}
            for _ in range(60):
                for k, number in (await cycle())[1].items():
                    numbers.setdefault(k, number)
            assert len(numbers) == len(sizes) and len(set(numbers.values())) == 1

    simulate(dut, testbench)
    assert min(seen.values()) > 5


@pytest.mark.sampled(3)
@pytest.mark.parametrize("beats", [1, 2, 5])
@pytest.mark.parametrize("seed", range(12))
def test_soft_reset(seed, beats):
    """Wherever it comes: whole frames before and after, at most one that is cut off, none that is broken."""
    dut = StreamGate(bits_in=[8], bits_out=8, beats_out=beats)

    async def testbench(ctx):
        world = World(dut, beats, seed)
        early, late = frames(world.rng, beats, 7), frames(world.rng, beats, 5)
        world.to_send = beats_of(early)
        await settle(world, ctx, 2 + int(world.rng.integers(40)))
        assert not await settle(world, ctx, 1, request=1)  # STATUS follows a cycle later
        for _ in range(60):
            took, sent = world.took, len(world.got)  # while it was under way
            if not await settle(world, ctx, 1):
                break
        else:
            raise AssertionError("soft reset does not end")
        assert took % beats == 0 and sent % beats == 0
        started, before = took // beats, sent // beats
        world.to_send += beats_of(late)
        await settle(world, ctx, 250)
        got = [world.got[k : k + beats] for k in range(0, len(world.got), beats)]
        assert all([b[1] for b in f] == [0] * (beats - 1) + [1] for f in got), "TLAST is in the wrong place"
        marked = [f[-1][2] for f in got]
        assert sum(marked) <= 1 and not any(b[2] for f in got for b in f[:-1])
        before -= sum(marked)
        assert not any(marked) or marked.index(1) == before
        want = [[(2 * v) & 0xFF for v in f] for f in early[:before] + early[started:] + late]
        assert [[b[0] for b in f] for f in got if not f[-1][2]] == want
        if any(marked):
            cut = [b[0] for b in got[before]]
            full = [(2 * v) & 0xFF for v in early[before]]
            assert sum(cut) > 0 and all(c in (0, w) for c, w in zip(cut, full, strict=True)) and cut[-1] == 0
        assert not world.to_send and not world.queue

    simulate(dut, testbench)


def test_reset_with_a_source_and_a_sink_that_were_reset_too():
    dut = StreamGate(bits_in=[8], bits_out=8, beats_out=4)

    async def testbench(ctx):
        world = World(dut, 4, 3)
        sent = frames(world.rng, 4, 4)
        world.idle = world.refuse = 0
        world.to_send = beats_of(sent[:1]) + beats_of(sent[1:2])[:2]
        while len(world.got) < 2 or world.to_send:  # in the middle of both
            await settle(world, ctx, 1)
        world.refuse = 1
        await settle(world, ctx, 4)
        assert await settle(world, ctx, 12, request=1)  # waits for the sink
        await world.cycle(ctx, request=1, sink_reset=1)
        await world.cycle(ctx)  # for a cycle more, the sink that was reset is offered the beat
        assert await settle(world, ctx, 12)  # and for the rest of the frame
        assert not await settle(world, ctx, 4, request=1, source_reset=1)
        world.refuse, world.got = 0, []
        world.to_send = beats_of(sent[2:])
        await settle(world, ctx, 60)
        assert [b[0] for b in world.got] == [2 * v & 0xFF for f in sent[2:] for v in f]
        assert [b[1:] for b in world.got] == [(0, 0), (0, 0), (0, 0), (1, 0)] * 2

    simulate(dut, testbench)


def test_parameters():
    with pytest.raises(ValueError, match="Beats out must be at least 1, not 0"):
        StreamGate(bits_in=8, bits_out=8, beats_out=0)
