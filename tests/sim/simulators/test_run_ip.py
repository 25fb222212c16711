"""The IP block in Verilator: registers, interrupt, counters, soft reset and DMA traffic, and that a fault is seen."""

import copy

import numpy as np
import pytest

from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.registers import register_map
from fewbit.hw.shell.verilog import emit_ip
from fewbit.hw.targets.named import DEFAULT
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.simulators.kinds.verilator import Verilator
from fewbit.sim.simulators.run_ip import simulate_ip
from tests.support.image_networks import legal_folding, random_image_network
from tests.support.networks import Builder, float_network, folded
from tests.support.targets import XILINX

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


def chain():
    b = Builder(U(8), 13, seed=2, samples=24).threshold(U(2), shared=True).dense(11, S(3)).threshold(B).dense(5, T)
    return b.done(), b.samples, [(4, 5), (2, 4)]


def label():
    """Results of one beat."""
    b = Builder(S(4), 10, seed=3, samples=24).dense(9, S(2)).rescale(U(5)).dense(8, S(3)).score().argmax()
    return b.done(), b.samples, [(9, 5), (3, 9)]


def single_beats():
    """Frames of one beat."""
    b = Builder(B, 12, seed=5, samples=24).dense(16, B).threshold(B).dense(6, S(2))
    return b.done(), b.samples, [(16, 12), (6, 16)]


def float32():
    network = float_network(np.random.default_rng(4), (7, 5, 3))
    return network, np.random.default_rng(5).normal(size=(24, 7)).astype(np.float32), [(2, 3), (3, 2)]


def branches():
    """An image network with forks, queues and joins."""
    rng = np.random.default_rng([7, 11])
    while True:
        network, samples = random_image_network(rng)
        if any(len(node.inputs) > 1 for node in network.nodes):
            folding = legal_folding(rng, network)
            return network, samples, [(f.pe, f.simd) for f in folding.values()]


class Block:
    """A network as an IP block, built in ``folder``."""

    def __init__(self, make, folder, target=DEFAULT):
        network, self.samples, pairs = make()
        folding = folded(network, pairs)
        plan = AcceleratorPlan(network, folding, target=target)
        self.plan = plan.with_depths(size_queues(plan))
        self.registers = register_map(
            model="12345678" * 8, build="89abcdef" * 8, beats_in={"s_axis": self.plan.entries[0].beats},
            beats_out=self.plan.beats_out, stages=[stage.name for stage in self.plan.stages],
        )  # fmt: skip
        self.expected = run(network, self.samples).edges[network.outputs[0].edge]
        self.folder = folder / "sim"
        verilog = folder / "accelerator_ip.v"
        verilog.write_text(emit_ip(self.plan, self.registers))
        self.build(verilog, self.folder)

    def build(self, verilog, folder):
        Verilator().build(verilog, folder, top="accelerator_ip", quick=True)

    def simulate(self, *, expected=None, control=None, **options):
        expected = self.expected if expected is None else expected
        return simulate_ip(self.folder, self.plan, control or self.registers.constants(), self.samples, expected,
                           **options)  # fmt: skip


@pytest.mark.tools
def test_traffic_and_faults(scratch):
    block = Block(chain, scratch)
    assert block.plan.entries[0].beats > 1 and block.plan.beats_out > 1
    found = block.simulate(seed=1, resets=6)
    assert (found.mismatches, found.problems) == (0, [])
    assert found.frames > 2 * len(block.samples) and found.interrupts > 3 and found.cut > 0
    assert sum(count > 20 for count in found.stalls.values()) == 2  # what stands in front of the slowest layer

    tampered = block.expected.copy()
    tampered[3, 2] += 2
    control = copy.deepcopy(block.registers.constants())
    control["registers"]["MODEL"]["value"][2] ^= 1 << 7
    control["registers"]["FRAMES"]["offset"] += 4  # as if it were BAD_FRAMES
    found = block.simulate(expected=tampered, control=control, seed=2, resets=1)
    assert found.mismatches == 3  # at full rate, under traffic, and after the soft resets
    for problem in ("MODEL word 2", "FRAMES: 0, expected 24", "wrong results at full rate: [3]"):
        assert any(problem in p for p in found.problems), problem


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("make", "target"), [
    (chain, DEFAULT), (label, DEFAULT), (single_beats, XILINX), (float32, DEFAULT),
    (branches, DEFAULT),
], ids=["chain", "label", "single beats", "float32", "branches"])  # fmt: skip
def test_many_seeds(make, target, scratch):
    block, cut = Block(make, scratch, target), 0
    for seed in range(10, 22):
        found = block.simulate(seed=seed, stall=(0.1, 0.3, 0.6)[seed % 3], resets=6)
        assert (found.mismatches, found.problems) == (0, []), f"seed {seed}"
        cut += found.cut
    assert cut > 3 or block.plan.beats_out == 1
