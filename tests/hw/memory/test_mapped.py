"""What synthesis makes of memories: by hand, against Yosys over many shapes, and of whole designs."""

import itertools
import json
import random

import pytest

from fewbit.flow.eda.synth import synthesize
from fewbit.flow.eda.toolrun import run_tool
from fewbit.flow.folding.external import outside
from fewbit.flow.folding.folding import default_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.golden.importing.importer import import_model
from fewbit.hw.cost import Cost
from fewbit.hw.folding import WEIGHTS
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.memory.mapped import Buffer, Fifo, RomTable, memory_cost, table_of
from fewbit.hw.memory.placement import BRAM18_LUTS, Placement, blocks_of, placement_of
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.hw.targets.named import USUAL
from tests.support.networks import Builder, folded

# By hand


@pytest.mark.parametrize(("memory", "family", "cost"), [
    (Fifo(8, 16), "xc7", Cost(8, lutram=8)),  # two RAM32M of six bits, four LUTs each
    (Fifo(8, 16), "xcup", Cost(8, lutram=8)),  # a RAM32M16 of fourteen bits, eight LUTs
    (Buffer(36, 512), "xc7", Cost(bram18=1)), (Buffer(37, 512), "xc7", Cost(bram18=2)),
    (Buffer(9, 1024), "xc7", Cost(bram18=1)),
    (Buffer(73, 1500), "xc7", Cost(bram18=7)),  # 9 bytes by 3 times 512 words, four to a block
    (Buffer(72, 4096, "ultra"), "xcup", Cost(uram=1)), (Buffer(73, 4096, "ultra"), "xcup", Cost(uram=2)),
    (Buffer(8, 32768, "ultra"), "xcup", Cost(uram=1)),  # eight bytes of a word
    (RomTable(73, 3000, Placement("block")), "xc7", Cost(bram18=13)),  # 73 bits by 3 times 1024 words, 18 to a block
    (RomTable(5, 64, Placement("luts", 5)), "xc7", Cost(5)), (RomTable(0, 64, Placement("constant")), "xc7", Cost()),
    (RomTable(40, 512, Placement("luts", 400), netlists=False), "xc7", Cost(bram18=2)),  # up to synthesis
    (RomTable(4, 64, Placement("luts", 4), netlists=False), "xc7", Cost(4)),
])  # fmt: skip
def test_by_hand(memory, family, cost):
    assert memory.cost(family) == cost


def test_ultra_ram_is_taken_unasked_only_where_there_is_some():
    large, small = Buffer(72, 4096), Buffer(72, 600)
    assert large.cost("xcup") == Cost(bram18=16) and large.cost("xcup", ultra=True) == Cost(uram=1)
    assert small.cost("xcup") == small.cost("xcup", ultra=True) == Cost(bram18=4)
    assert memory_cost([large, small], "xcup", ultra=True) == Cost(bram18=4, uram=1)


def test_a_wish_decides_where_a_table_is():
    usual, luts, block = (placement_of(8, 1024, where) for where in (None, "luts", "block"))
    assert luts.luts > 0 == luts.bram18 and block.bram18 == blocks_of(8, 1024) > 0 == block.luts
    assert usual == (luts if luts.luts <= BRAM18_LUTS * block.bram18 else block)
    assert table_of(8, [1, 1, 1], USUAL).columns == 0 and table_of(8, [1, 2, 1], USUAL).columns == 2


# Against Yosys

WIDTHS, DEPTHS = (1, 4, 7, 9, 13, 18, 24, 37, 72, 100), (20, 33, 100, 129, 300, 513, 1025, 2050)
_READ = "always @(posedge clk) begin if (we) mem[wa] <= d; if (re) q <= mem[ra]; end"


def shapes(style):
    """The shapes of a style that are synthesized."""
    if style == "ultra":
        return list(itertools.product((8, 36, 73, 100, 144), (600, 4097, 9000)))
    return [(w, d) for w, d in itertools.product(WIDTHS, DEPTHS) if w * d <= 60_000 and not (w == 1 and d <= 128)]


def verilog_of(style, folder):
    """Verilog of a memory of every shape, each a module, and a top module that has them all."""
    rng, lines, used = random.Random(1), [], []
    for number, (w, d) in enumerate(shapes(style)):
        name, address = f"m_{w}_{d}", (d - 1).bit_length()
        attribute = {"ram": "", "ultra": '(* ram_style = "ultra" *)', "rom": '(* rom_style = "block" *)'}[style]
        body = _READ
        if style == "rom":
            (folder / f"{name}.mem").write_text("\n".join(f"{rng.getrandbits(w):x}" for _ in range(d)))
            body = f'initial $readmemh("{name}.mem", mem); always @(posedge clk) q <= mem[ra];'
        lines.append(
            f"module {name}(input clk, we, re, input [{w - 1}:0] d, input [{address - 1}:0] ra, wa, "
            f"output reg [{w - 1}:0] q); {attribute} reg [{w - 1}:0] mem [0:{d - 1}]; {body} endmodule"
        )
        used.append(f"wire [{w - 1}:0] q{number}; {name} i{number}(clk, we, re, d, ra, wa, q{number}); "
                    f"assign o[{number}] = ^q{number};")  # fmt: skip
    head = f"module top(input clk, we, re, input [199:0] d, input [19:0] ra, wa, output [{len(used) - 1}:0] o);"
    return "\n".join([*lines, head, *used, "endmodule"])


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("style", "family"), [("ram", "xc7"), ("ram", "xcup"), ("rom", "xc7"), ("ultra", "xcup")])
def test_yosys_makes_the_same_of_every_shape(style, family, scratch):
    (scratch / "design.v").write_text(verilog_of(style, scratch))
    job = {"work": str(scratch.resolve()), "family": family, "ultra": style == "ultra"}
    run_tool("tests.support.memory_shapes", job, scratch / "log", tool="Yosys", task="map memories", timeout=600,
             progress=None)  # fmt: skip
    found = json.loads((scratch / "cells.json").read_text())
    luts = {"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8}
    wrong = {}
    for w, d in shapes(style):
        cells = found[f"m_{w}_{d}"]
        blocks = sum(n * (1 if "18" in kind else 2) for kind, n in cells.items() if kind.startswith("RAMB"))
        memory = sum(luts.get(kind, 0) * n for kind, n in cells.items())
        memory_of = (
            RomTable(w, d, Placement("block")) if style == "rom" else Buffer(w, d, "ultra" * (style == "ultra") or None)
        )
        want = memory_of.cost(family)
        if (want.lutram, want.bram18, want.uram) != (memory, blocks, cells.get("URAM288", 0)):
            wrong[w, d] = cells
    assert wrong == {}


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", ["digits/w8a8", "digits-cnn/w2a2"])
def test_memories_of_a_design_are_those_that_synthesis_finds(name, weights, scratch):
    network = import_model(f"examples/{name}.onnx")
    folding = default_folding(network)
    folding = outside(layers_of(network), folding) if weights == "external" else folding.with_weights(weights)
    plan = AcceleratorPlan(network, folding, depths={}, target=USUAL)
    (scratch / "a.v").write_text(emit(plan))
    found = synthesize(scratch / "a.v", "accelerator", directory=scratch)
    wanted = sum((memory_cost(memories, "xc7") for memories in plan.mapped().values()), Cost())
    assert (found.bram18 + 2 * found.bram36, found.uram) == (wanted.bram18, wanted.uram)
    assert wanted.lutram <= found.lutram <= wanted.lutram + 0.1 * found.lut  # shift registers beside them


def test_memories_of_loadable_and_external_weights():
    """Slices of loadable memories; rings, and tiles in front of an array and behind; nothing of these is read-only."""
    network = import_model("examples/digits-cnn/w2a2.onnx")
    layers, folding = layers_of(network), default_folding(network)
    loadable = AcceleratorPlan(network, folding.with_weights("loadable"), depths={}, target=USUAL)
    for plan in loadable.loadable:
        slices = LoadLayout(plan.memories).depths
        kept = [memory for memory in plan.mapped() if isinstance(memory, Buffer) and memory.ram is not None]
        assert sorted(memory.depth for memory in kept) == sorted(depth for depth in slices if depth > 1)
    external = AcceleratorPlan(network, outside(layers, folding), depths={}, target=USUAL)
    mapped, port = external.mapped(), external.weight_port
    assert port is not None and len(mapped["weights"]) == sum(channel.beats for channel in port.channels)
    for channel in port.channels:
        ring = [memory for memory in mapped["weights"] if memory.depth == channel.depth]
        bits = channel.words * channel.width
        assert bits <= sum(memory.width for memory in ring) <= channel.beats * channel.bus
        tiles = external.layers[channel.name].tiles
        assert (f"tile_{channel.name}" in mapped) == (tiles.front is not None)
        assert not any(isinstance(memory, Buffer) for memory in mapped.get(channel.name, []))


def test_columns_of_weights_are_counted_without_their_words():
    from fewbit.golden.numbers.formats import Signed, Ternary, Unsigned
    from fewbit.hw.memory.placement import columns_of

    for w, pe, simd in (Signed(4), 3, 5), (Ternary(), 8, 24), (Signed(3), 1, 1):
        network = Builder(Unsigned(2), 24, seed=7).dense(10, w).threshold(Unsigned(2)).done()
        (layer,) = AcceleratorPlan(network, folded(network, [(pe, simd, "plain")]), target=USUAL).layers.values()
        table = next(memory for memory in layer.mapped() if isinstance(memory, RomTable))
        assert table.columns == len(columns_of(layer.weights.width, layer.weights.words)[0])
        assert table.placement == layer.weights.placement
