# amaranth: UnusedElaboratable=no
"""The loader: what it lets pass, what it refuses, and that nothing goes on with half of an image."""

import zlib

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal

from fewbit.hw.shell.weight_loader import WeightLoader
from tests.support.stream_bench import simulate

COUNT = 7
IMAGE = np.random.default_rng(1).integers(0, 1 << 32, COUNT, dtype=np.uint32)


def checksum_of(words):
    return zlib.crc32(np.asarray(words, dtype="<u4").tobytes())


class Host:
    """Sends words, and keeps those that leave for the memories."""

    def __init__(self, ctx, dut):
        self.ctx, self.dut, self.passed = ctx, dut, []

    async def cycle(self, *, begin=0, word=None, last=0, drained=1):
        """One cycle; whether a word was taken."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.begin, begin)
        ctx.set(dut.drained, drained and ctx.get(dut.hold))
        ctx.set(dut.words.valid, word is not None)
        ctx.set(dut.words.p.data, 0 if word is None else int(word))
        ctx.set(dut.words.p.last, last)
        signals = dut.words.ready, dut.bus.start, dut.bus.valid, dut.bus.data
        _, _, ready, start, valid, data = await ctx.tick().sample(*signals)
        if start:
            self.passed = []
        self.passed += [data] * valid
        return word is not None and ready

    async def word(self, word, last=0):
        for _ in range(20):
            if await self.cycle(word=word, last=last):
                return
        raise AssertionError("no word is taken")

    async def load(self, words, check=None):
        """Send words and a checksum, by default theirs, and wait for what comes of them."""
        for word in words:
            await self.word(word)
        await self.word(checksum_of(words) if check is None else check, last=1)
        for _ in range(20):
            await self.cycle()

    def state(self):
        return tuple(self.ctx.get(s) for s in (self.dut.hold, self.dut.failed, self.dut.loaded))


def drive(work):
    dut = WeightLoader(count=COUNT, stops=3)
    reset = Signal()

    async def testbench(ctx):
        await work(Host(ctx, dut), ctx, dut, reset)

    simulate(ResetInserter(reset)(dut), testbench)


def test_a_load_by_words_alone():
    async def work(host, ctx, dut, reset):
        assert host.state() == (0, 0, 0)
        await host.load(IMAGE)
        assert host.passed == IMAGE.tolist() and host.state() == (0, 0, checksum_of(IMAGE))
        assert ctx.get(dut.taken) == COUNT and ctx.get(dut.checksum) == checksum_of(IMAGE)
        await host.load(IMAGE[::-1])
        assert host.passed == IMAGE[::-1].tolist() and host.state() == (0, 0, checksum_of(IMAGE[::-1]))

    drive(work)


def test_words_wait_until_no_frame_is_inside():
    async def work(host, ctx, dut, reset):
        await host.cycle(begin=1, drained=0)
        for _ in range(30):
            assert not await host.cycle(word=IMAGE[0], drained=0)
            assert ctx.get(dut.hold) and not ctx.get(dut.waiting)
        await host.cycle()
        for _ in range(3):
            await host.cycle()
        assert ctx.get(dut.waiting)
        await host.load([], check=0)  # nothing came, so nothing is wrong
        assert host.state() == (0, 0, 0)

    drive(work)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("how", ["checksum", "few", "many", "none", "twice"])
def test_what_is_wrong_keeps_the_accelerator_closed(how):
    async def work(host, ctx, dut, reset):
        await host.load(IMAGE)
        good = checksum_of(IMAGE)
        other = IMAGE ^ np.uint32(1)
        if how == "none":
            await host.load(other, check=5)
            await host.load([], check=0)  # the memories hold the other words: nothing of them is known to be good
        elif how == "twice":
            await host.load(other[:3], check=checksum_of(other[:3]))
            await host.load(other[3:], check=checksum_of(other[3:]))
        else:
            words = {"checksum": other, "few": other[:-1], "many": [*other, 1]}[how]
            await host.load(words, check=checksum_of(words) ^ (1 << 31 if how == "checksum" else 0))
        assert host.state() == (1, 1, good)
        await host.load(other)
        assert host.state() == (0, 0, checksum_of(other)) and host.passed == other.tolist()

    drive(work)


def test_a_second_begin_forgets_the_words_before_it():
    async def work(host, ctx, dut, reset):
        await host.cycle(begin=1)
        for word in IMAGE[:4]:
            await host.word(word)
        await host.cycle(begin=1)
        await host.load(IMAGE)
        assert host.state() == (0, 0, checksum_of(IMAGE)) and host.passed == IMAGE.tolist()

    drive(work)


@pytest.mark.parametrize("words", [0, 3])
def test_a_reset_in_the_middle(words):
    async def work(host, ctx, dut, reset):
        await host.load(IMAGE)
        await host.cycle(begin=1)
        for word in IMAGE[:words]:
            await host.word(word)
        ctx.set(reset, 1)
        await host.cycle()
        ctx.set(reset, 0)
        assert ctx.get(dut.hold) == (words > 0)  # in the very first cycle
        for _ in range(3):
            await host.cycle()
        assert host.state() == (words > 0, words > 0, checksum_of(IMAGE))
        await host.load(IMAGE)
        assert host.state() == (0, 0, checksum_of(IMAGE))

    drive(work)


def test_what_is_refused():
    with pytest.raises(ValueError, match="^Count and stops must be at least 1, not 0 and 1$"):
        WeightLoader(count=0, stops=1)
