# amaranth: UnusedElaboratable=no
"""Words of memory to beats and back, batch by batch, with stalls at all four streams."""

from collections import deque

import numpy as np
import pytest
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from fewbit.hw.shell.dma import WORD, DmaBridge, DmaBridgeShell
from tests.support.stream_bench import STALLS, simulate

# Beats narrower than a word, wider, as wide; frames that fill their words and that do not.
SHAPES = [(5, 2, 1, 3), (3, 8, 2, 8), (2, 11, 3, 9), (1, 1, 1, 1), (7, 3, 4, 20)]


def words(data):
    """The bytes of one frame as words of memory."""
    padded = data + bytes(-len(data) % WORD)
    return [int.from_bytes(padded[k : k + WORD], "little") for k in range(0, len(padded), WORD)]


class Accelerator:
    """What stands behind the bridge here: it answers a frame with bytes that are a function of it."""

    def __init__(self, dut, size, bytes_out):
        self.dut, self.size, self.bytes_out = dut, size, bytes_out
        self.frame, self.frames, self.out = [], [], deque()

    def result(self, frame):
        total = sum((k + 1) * byte for k, byte in enumerate(frame))
        return bytes((total * (k + 3) + k) % 256 for k in range(self.size))

    def step(self, beat, last):
        self.frame += beat
        if last:
            self.frames.append(bytes(self.frame))
            answer = self.result(self.frame)
            self.out.extend(answer[k : k + self.bytes_out] for k in range(0, self.size, self.bytes_out))
            self.frame = []


def run(shape, transfers, stalls):
    """``(frames that the accelerator saw, words by transfer that came back)``."""
    beats_in, bytes_in, beats_out, bytes_out = shape
    dut = DmaBridge(inputs=[(beats_in, bytes_in)], beats_out=beats_out, bytes_out=bytes_out, frames=3)
    sent = [(word, k == len(t) - 1) for t in transfers for k, word in enumerate(t)]
    seen, back = [], []

    async def testbench(ctx):
        behind = Accelerator(dut, beats_out * bytes_out, bytes_out)
        rng, at, open_transfer = np.random.default_rng(1), 0, []
        offered = [False, False]
        back.clear()
        for _ in range(400 + 30 * (len(sent) + len(transfers) * (beats_in + beats_out))):
            offered = [at < len(sent) and (offered[0] or rng.random() >= stalls[0]),
                       bool(behind.out) and (offered[1] or rng.random() >= stalls[0])]  # fmt: skip
            word, last = sent[at] if offered[0] else (int(rng.integers(1 << 62)), 1)
            ctx.set(dut.s_dma_tdata, word)
            ctx.set(dut.s_dma_tlast, last)
            ctx.set(dut.s_dma_tvalid, offered[0])
            ctx.set(dut.s_results_tdata, int.from_bytes(behind.out[0], "little") if offered[1] else 0)
            ctx.set(dut.s_results_tvalid, offered[1])
            takes = rng.random(2) >= stalls[1]
            ctx.set(dut.m_frames_tready, int(takes[0]))
            ctx.set(dut.m_dma_tready, int(takes[1]))
            names = "s_dma_tready s_results_tready m_frames_tvalid m_frames_tdata m_frames_tlast m_dma_tvalid"
            names += " m_dma_tdata m_dma_tlast m_dma_tkeep"
            _, _, *got = await ctx.tick().sample(*(getattr(dut, name) for name in names.split()))
            taken, result_taken, valid, beat, end, back_valid, back_word, back_last, keep = got
            if offered[0] and taken:
                at, offered[0] = at + 1, False
            if offered[1] and result_taken:
                behind.out.popleft()
                offered[1] = False
            if valid and takes[0]:
                behind.step(beat.to_bytes(bytes_in, "little"), end)
            if back_valid and takes[1]:
                assert keep == (1 << WORD) - 1
                open_transfer.append(back_word)
                if back_last:
                    back.append(open_transfer)
                    open_transfer = []
        assert at == len(sent) and not behind.out and not behind.frame and not open_transfer
        seen[:] = behind.frames

    simulate(dut, testbench)
    return seen, back, Accelerator(dut, beats_out * bytes_out, bytes_out).result


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("stalls", ["full rate", "both"])
@pytest.mark.parametrize("shape", SHAPES)
def test_batches(shape, stalls):
    rng = np.random.default_rng(2)
    size = shape[0] * shape[1]
    batches = [[rng.integers(0, 256, size).astype(np.uint8).tobytes() for _ in range(n)] for n in (1, 3, 1, 5)]
    # What fills the last word of a frame is noise.
    noise = 0xA5A5A5A5A5A5A5A5 << 8 * (size % WORD or WORD) & (1 << 64) - 1
    transfers = [[w for f in batch for w in (*words(f)[:-1], words(f)[-1] | noise)] for batch in batches]
    seen, back, result = run(shape, transfers, STALLS[stalls])
    assert seen == [f for batch in batches for f in batch]
    assert back == [[w for f in batch for w in words(result(f))] for batch in batches]


def test_a_transfer_that_ends_within_a_frame_shifts_no_other():
    shape, rng = (7, 3, 4, 20), np.random.default_rng(3)
    frames = [rng.integers(1, 256, 21).astype(np.uint8).tobytes() for _ in range(3)]
    transfers = [words(frames[0]) + words(frames[1])[:1], words(frames[2])]
    seen, back, result = run(shape, transfers, STALLS["both"])
    cut = frames[1][:WORD] + bytes(21 - WORD)
    assert seen == [frames[0], cut, frames[2]]
    assert back == [[w for f in (frames[0], cut) for w in words(result(f))], words(result(frames[2]))]


def test_parameters():
    with pytest.raises(ValueError, match="Frames must be at least 1, not 0"):
        DmaBridge(inputs=[(1, 1)], beats_out=1, bytes_out=1, frames=0)


def test_the_shell_does_in_every_cycle_what_the_bridge_does():
    """On random wires; and once more the same after a reset, which is active low."""

    def bridge():
        return DmaBridge(inputs=[(3, 2)], beats_out=2, bytes_out=3, frames=3)

    members = bridge().signature.members
    ins, outs = ([n for n, m in members.items() if (m.flow is In) == way] for way in (True, False))
    rng = np.random.default_rng(3)
    given = [{n: int(rng.integers(1 << min(62, members[n].shape))) for n in ins} for _ in range(120)]
    plain, found = [], []

    def outputs(ctx, dut):
        """Every output, but what a beat that is not there has as its payload."""
        row = {name: ctx.get(getattr(dut, name)) for name in outs}
        return {name: row.get(f"{name.rpartition('_')[0]}_tvalid", 1) and value for name, value in row.items()}

    async def clocked(ctx):
        for values in given:
            for name in ins:
                ctx.set(getattr(alone, name), values[name])
            plain.append(outputs(ctx, alone))
            await ctx.tick()

    async def by_hand(ctx):
        for values in [*given, None, *given]:
            ctx.set(shell.aresetn, values is not None)
            for name in ins:
                ctx.set(getattr(shell, name), 0 if values is None else values[name])
            await ctx.delay(1e-7)
            found.append(outputs(ctx, shell))
            ctx.set(shell.aclk, 1)
            await ctx.delay(1e-7)
            ctx.set(shell.aclk, 0)

    alone, shell = bridge(), DmaBridgeShell(bridge())
    simulator = Simulator(alone)
    simulator.add_clock(1e-6)
    simulator.add_testbench(clocked)
    simulator.run()
    simulator = Simulator(shell)
    simulator.add_testbench(by_hand)
    simulator.run()
    assert found[: len(given)] == plain == found[len(given) + 1 :]
    assert all(len({row[name] for row in plain}) > 1 for name in outs if name != "m_dma_tkeep")
