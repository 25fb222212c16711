# amaranth: UnusedElaboratable=no
"""Read-only memories: every word, in operators and in LUTs, where they go and what they take."""

import numpy as np
import pytest
from amaranth.back import verilog

from fewbit.flow.eda.synth import synthesize
from fewbit.hw.memory.placement import placement, transposed
from fewbit.hw.memory.rom import Rom
from fewbit.hw.targets.named import all_targets
from tests.support.stream_bench import simulate
from tests.support.targets import EXPRESSIONS, PORTABLE, XILINX, name_of

SHAPES = [(1, 2), (7, 5), (32, 8), (100, 3), (4, 1), (3, 32), (5, 33), (4, 64), (3, 65), (3, 130), (2, 193), (2, 256),
          (1, 300), (1, 900)]  # fmt: skip


def random_words(width, depth):
    rng = np.random.default_rng([width, depth])
    words = [int.from_bytes(rng.bytes(13), "little") % 2**width for _ in range(depth)]
    words[:2] = [0, 2**width - 1][:depth]
    return words


@pytest.mark.sampled(2)
@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("target", [PORTABLE, EXPRESSIONS], ids=name_of)
@pytest.mark.parametrize(("width", "depth"), SHAPES)
def test_every_word(width, depth, target, latency):
    words = random_words(width, depth)
    dut = Rom(width=width, words=words, latency=latency, target=target)
    assert depth == 1 or dut.placement.where == "luts"

    async def testbench(ctx):
        for address in np.random.default_rng(1).permutation(depth):
            ctx.set(dut.address, int(address))
            for _ in range(latency):
                await ctx.tick()
            assert ctx.get(dut.data) == words[address]

    simulate(dut, testbench)


@pytest.mark.sampled(9)
@pytest.mark.parametrize("latency", [1, 2])
@pytest.mark.parametrize("target", [PORTABLE, EXPRESSIONS], ids=name_of)
@pytest.mark.parametrize(
    ("width", "depth", "where"), [(7, 5, "block"), (2, 900, "luts"), (3, 65, "luts"), (36, 600, "luts")]
)
def test_a_wish_changes_no_word(width, depth, where, target, latency):
    words = random_words(width, depth)
    dut = Rom(width=width, words=words, latency=latency, target=target, where=where)
    assert dut.placement.where == where

    async def testbench(ctx):
        for address in np.random.default_rng(1).permutation(depth)[:100]:
            ctx.set(dut.address, int(address))
            for _ in range(latency):
                await ctx.tick()
            assert ctx.get(dut.data) == words[address]

    simulate(dut, testbench)
    style = {"block": "block", "luts": "distributed"}[where]
    shown = verilog.convert(Rom(width=width, words=words, target=PORTABLE, where=where), emit_src=False)
    assert f'rom_style = "{style}"' in shown


@pytest.mark.parametrize("target", [*all_targets(), EXPRESSIONS], ids=name_of)
def test_equal_words_take_nothing(target):
    dut = Rom(width=6, words=[37] * 9, target=target)
    assert dut.placement.where == "constant"
    if target == XILINX:  # no simulation of primitives here
        assert "LUT6_2" not in verilog.convert(dut, emit_src=False)
        return

    async def testbench(ctx):
        for address in range(9):
            ctx.set(dut.address, address)
            assert ctx.get(dut.data) == 37
            await ctx.tick()

    simulate(dut, testbench)


def test_equal_bits_are_stored_once():
    once = [int(v) for v in np.random.default_rng(2).integers(0, 2, 60)]
    words = [0b111 if bit else 0b010 for bit in once]
    assert placement(3, words).luts == placement(1, once).luts == 1


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (13, 5), (8, 16), (100, 3), (3, 1000), (4, 0), (0, 4)])
def test_columns_are_the_bits_of_all_words(width, depth):
    words = [int.from_bytes(np.random.default_rng([width, n]).bytes(13), "little") % 2**width for n in range(depth)]
    columns = transposed(words, width)
    assert columns == [sum((word >> k & 1) << n for n, word in enumerate(words)) for k in range(width)]
    assert transposed(columns, depth) == words


def test_equal_roms_are_one_module():
    words = random_words(7, 5)
    made = Rom(width=7, words=words)
    assert made.definition == Rom(width=7, words=words).definition and made.definition.stem == "rom_7x5"
    others = [Rom(width=8, words=words), Rom(width=7, words=words[::-1]), Rom(width=7, words=words, latency=2),
              Rom(width=7, words=words, target=XILINX)]  # fmt: skip
    assert made.definition not in [rom.definition for rom in others]
    assert Rom(width=7, words=[3, 3]).definition is None


@pytest.mark.parametrize(
    ("width", "depth", "where", "luts", "bram18"),
    [(64, 32, "luts", 32, 0), (64, 64, "luts", 64, 0), (64, 128, "luts", 128, 0), (36, 512, "block", 0, 1),
     (64, 256, "luts", 256, 0), (64, 512, "block", 0, 2), (18, 1024, "block", 0, 1)],
)  # fmt: skip
def test_where_it_goes(width, depth, where, luts, bram18):
    rng = np.random.default_rng(3)
    words = [int.from_bytes(rng.bytes(8), "little") % 2**width for _ in range(depth)]
    found = placement(width, words)
    assert (found.where, found.luts, found.bram18) == (where, luts, bram18)


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize(
    ("width", "depth"),
    [
        (6, 128),
        (36, 512),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((12, 32), (9, 64), (5, 200), (3, 400))),
    ],
)
def test_synthesis_takes_as_much(width, depth, scratch):
    rng = np.random.default_rng(4)
    words = [int.from_bytes(rng.bytes(8), "little") % 2**width for _ in range(depth)]
    rom = Rom(width=width, words=words, target=XILINX)
    (scratch / "rom.v").write_text(verilog.convert(rom, name="rom", emit_src=False))
    found = synthesize(scratch / "rom.v", "rom", directory=scratch)
    assert (found.lut, found.bram18 + 2 * found.bram36) == (rom.placement.luts, rom.placement.bram18)


@pytest.mark.parametrize("width, words", [(3, [1, 8]), (3, [-1]), (1, [0, 1, 2])])
def test_words_must_fit(width, words):
    with pytest.raises(ValueError, match=f"Words must fit {width} bits"):
        Rom(width=width, words=words)


def test_must_have_words():
    with pytest.raises(ValueError, match="must not be empty"):
        Rom(width=3, words=[])
    with pytest.raises(ValueError, match="Latency must be 1 or 2, not 3"):
        Rom(width=3, words=[1], latency=3)
