# amaranth: UnusedElaboratable=no
"""Read-only memories are compared at every address, wherever they are placed."""

import numpy as np
import pytest

from fewbit.hw.memory.placement import contents_digest
from fewbit.hw.memory.rom import Rom
from fewbit.hw.shell.verilog import convert
from fewbit.hw.targets.named import USUAL
from fewbit.sim.proof.netlist import netlist_of
from fewbit.sim.proof.reading import read_modules
from fewbit.sim.proof.tables import table_of, table_text
from fewbit.sim.proof.timed import Unproved

pytestmark = pytest.mark.tools
# Bits of a word, words, cycles: in LUTs of one output and of two, behind multiplexers, and in block RAM.
SIZES = {"few words": (5, 7, 1), "a LUT a bit": (9, 64, 2), "multiplexers": (4, 300, 2), "block RAM": (36, 2000, 2)}


@pytest.fixture(scope="module")
def memories():
    rng, found, texts = np.random.default_rng(1), {}, []
    for n, (name, (width, depth, latency)) in enumerate(SIZES.items()):
        words = rng.integers(0, 1 << width, depth).tolist()
        rom = Rom(width=width, words=words, latency=latency, target=USUAL)
        found[name] = words, latency, rom.placement.where
        texts.append(convert(rom, f"rom{n}"))
    read = read_modules("\n".join(texts), [f"rom{n}" for n in range(len(texts))])
    return {name: (*made, netlist_of(name, read[f"rom{n}"])) for n, (name, made) in enumerate(found.items())}


def test_every_address_is_read(memories):
    assert {where for _, _, where, _ in memories.values()} == {"luts", "block"}
    for words, latency, _, netlist in memories.values():
        table = table_of(netlist, latency=latency, depth=len(words), contents=contents_digest(words))
        assert table.words[: len(words)] == words and table.latency == latency


def test_other_words_and_cycles_are_refused(memories):
    for words, latency, _, netlist in memories.values():
        other = [*words[:-1], words[-1] ^ 1]
        with pytest.raises(Unproved, match="its words are not those of its plan$"):
            table_of(netlist, latency=latency, depth=len(words), contents=contents_digest(other))
        with pytest.raises(Unproved, match=f"a bit is there {latency} cycles after its operands, not {latency + 1}$"):
            table_of(netlist, latency=latency + 1, depth=len(words), contents=contents_digest(words))


def test_as_verilog(memories):
    words, latency, _, netlist = memories["few words"]
    table = table_of(netlist, latency=latency, depth=len(words), contents=contents_digest(words))
    text, content = table_text(table, "rom", netlist.ports, "words.hex")
    assert [int(word, 16) for word in content.split()][: len(words)] == words
    assert "module \\rom (" in text and text.count("always @(posedge clk)") == latency
