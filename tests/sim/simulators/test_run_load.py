"""Weights are loaded into the IP block in Verilator: every frame is of one of two networks, and a fault is seen."""

from dataclasses import replace

import numpy as np
import pytest

from fewbit.flow.project.loading import loading_of
from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.golden.rewrite.loadable import given
from fewbit.hw.folding import Folding
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.registers import register_map
from fewbit.hw.shell.stream_names import input_streams
from fewbit.hw.shell.verilog import emit_ip
from fewbit.hw.targets.named import DEFAULT
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.simulators.kinds.verilator import Verilator
from fewbit.sim.simulators.run_load import simulate_load
from tests.support.image_networks import legal_folding, random_image_network
from tests.support.networks import Builder, folded
from tests.support.retrained import retrained
from tests.support.targets import XILINX

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


def chain():
    """Signs, ternary weights, a quantizer of the input, and a layer without an activation."""
    b = Builder(U(8), 13, seed=2, samples=24).threshold(U(2), shared=True).dense(11, S(4)).threshold(B).dense(5, T)
    return b.done(), b.samples, folded(b.network, [(4, 5), (2, 4)])


def searched():
    """Searches of codes that rise and fall, two bits and more, with a sign and without; rests of PE and SIMD."""
    b = Builder(S(4), 10, seed=3, samples=24).dense(9, B).threshold(S(3)).dense(7, S(4)).threshold(U(2))
    b = b.dense(6, S(2)).threshold(S(4, True))
    return b.done(), b.samples, folded(b.network, [(4, 3), (3, 4), (6, 2)])


def lines():
    """Multiplications and shifts, products in DSPs, scores and a label; a layer that is one word."""
    b = Builder(S(4), 10, seed=3, samples=24).dense(9, S(4)).rescale(U(5)).dense(8, S(4)).score().argmax()
    return b.done(), b.samples, folded(b.network, [(9, 10), (3, 9, "dsp")])


def tables():
    """Codes in any order behind an accumulator, and sums in DSPs."""
    b = Builder(U(2), 12, seed=5, samples=24).dense(8, S(4)).threshold(U(3), irregular=True).dense(6, T).threshold(U(2))
    return b.done(), b.samples, folded(b.network, [(4, 4), (2, 8, "sums")])


def branches(seed=11):
    """An image network with forks, queues, sums and pools."""
    rng = np.random.default_rng([7, seed])
    while True:
        network, samples = random_image_network(rng)
        if any(len(node.inputs) > 1 for node in network.nodes):
            return network, samples, legal_folding(rng, network)


class LoadedBlock:
    """A network with loadable weights as an IP block, and the same one trained again."""

    def __init__(self, make, folder, target=DEFAULT, seed=1):
        network, self.samples, folding = make()
        folding = Folding({name: replace(layer, weights="loadable") for name, layer in folding.items()})
        plan = AcceleratorPlan(network, folding, target=target)
        self.plan = plan.with_depths(size_queues(plan))
        other = retrained(network, self.samples, seed)
        again = AcceleratorPlan(given(self.plan.network, other), folding, target=target)
        assert loading_of(again) == loading_of(self.plan)
        self.words = tuple(LoadLayout(p.memories).words() for p in (self.plan, again))
        edge = network.outputs[0].edge
        self.expected = tuple(run(n, self.samples).edges[edge] for n in (network, other))
        beats = [entry.beats for entry in self.plan.entries]
        self.registers = register_map(
            model="12345678" * 8, build="89abcdef" * 8, beats_in=dict(zip(input_streams(network), beats, strict=True)),
            beats_out=self.plan.beats_out, stages=[stage.name for stage in self.plan.stages],
            loading=loading_of(self.plan),
        )  # fmt: skip
        self.folder = folder / "sim"
        verilog = folder / "accelerator_ip.v"
        verilog.write_text(emit_ip(self.plan, self.registers))
        Verilator().build(verilog, self.folder, top="accelerator_ip", quick=True)

    def simulate(self, *, expected=None, words=None, **options):
        return simulate_load(
            self.folder, self.plan, self.registers.constants(), self.samples, expected or self.expected,
            words or self.words, **options,
        )  # fmt: skip


def check(block, found):
    assert (found.mismatches, found.problems, found.refused) == (0, [], 4)
    count = len(block.samples)
    assert found.frames == 6 * count and count // 2 <= found.before < 3 * count
    own, other = block.expected
    assert (own != other).any()  # else nothing is seen of a load
    assert len(found.folder.name) > 0 and found.words == len(block.words[0]) == len(block.words[1])


@pytest.mark.slow
@pytest.mark.tools
def test_a_load_and_faults(scratch):
    block = LoadedBlock(chain, scratch)
    check(block, block.simulate(seed=1))
    own, other = block.expected
    tampered = other.copy()
    tampered[3, 2] += 1
    found = block.simulate(expected=(own, tampered), seed=2)
    assert found.mismatches and any("wrong results around a load" in p for p in found.problems)
    names = list(block.plan.memories)
    before = names[: names.index("dense1.init")]
    wrong = block.words[1].copy()
    first = LoadLayout({name: block.plan.memories[name] for name in before}).count
    wrong[first] ^= 1  # what one accumulator begins with
    found = block.simulate(words=(block.words[0], wrong), seed=2)
    assert found.mismatches and found.refused == 4


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("make", "target"), [
    (searched, DEFAULT), (searched, XILINX), (lines, DEFAULT), (lines, XILINX), (tables, DEFAULT), (tables, XILINX),
    (branches, DEFAULT), (lambda: branches(12), XILINX), (lambda: branches(13), DEFAULT),
], ids=["searched", "searched xilinx", "lines", "lines xilinx", "tables", "tables xilinx", "branches",
        "branches xilinx", "branches 13"])  # fmt: skip
def test_loads_of_every_kind(make, target, scratch):
    block = LoadedBlock(make, scratch, target)
    check(block, block.simulate(seed=3))
