"""Whole accelerators in Verilator: every bit, every cycle, damaged frames, and that a wrong bit is seen."""

import copy
import shutil

import numpy as np
import pytest

from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.xilinx.models import MODELS
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.kinds.verilator import WHOLE, Verilator
from fewbit.sim.simulators.run import results, simulate
from fewbit.sim.simulators.runtime import HEADER
from tests.support.networks import Builder, float_network, folded
from tests.support.targets import PORTABLE, ULTRASCALE, XILINX
from tests.support.waveforms import signals_in, waveform_of_run

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


def bipolar():
    b = Builder(B, 21, seed=1, samples=40).dense(12, B).threshold(B).dense(6, B)
    return b.done(), b.samples, [(4, 7), (3, 4)]


def raw_bytes_to_codes():
    b = Builder(U(8), 13, seed=2, samples=40).threshold(U(2), shared=True).dense(11, S(3)).threshold(U(3))
    b.dense(9, T).threshold(T, irregular=True).dense(7, S(4)).threshold(S(3, True))
    return b.done(), b.samples, [(4, 5), (5, 4), (3, 7)]


def label():
    b = Builder(S(4), 10, seed=3, samples=40).dense(9, S(2)).rescale(U(5)).dense(8, S(3)).score().argmax()
    return b.done(), b.samples, [(9, 5), (3, 9)]


def constants():
    """Every layer unfolded altogether: weights are constants."""
    b = Builder(S(4), 10, seed=3, samples=40).dense(9, S(2)).rescale(U(3)).dense(12, T).threshold(B)
    b.dense(5, B)
    return b.done(), b.samples, [(9, 10), (12, 9), (5, 12)]


def sums():
    """Accumulators in DSPs, of one-bit activations too."""
    b = Builder(U(2), 21, seed=6, samples=40).dense(12, B).threshold(U(2)).dense(9, T).threshold(B).dense(6, B)
    return b.done(), b.samples, [(4, 7, "sums"), (5, 4, "sums"), (3, 4)]


def float32():
    network = float_network(np.random.default_rng(4), (7, 5, 3))
    return network, np.random.default_rng(5).normal(size=(24, 7)).astype(np.float32), [(2, 3), (3, 2)]


class Job:
    """A network with its plan, samples and what golden says of them, built in ``folder``."""

    def __init__(self, make, folder, **options):
        self.network, self.samples, pairs = make()
        self.plan = AcceleratorPlan(self.network, folded(self.network, pairs), target=options.get("target", DEFAULT))
        self.expected = run(self.network, self.samples).edges[self.network.outputs[0].edge]
        self.folder = folder
        verilog = folder / "accelerator.v"
        verilog.write_text(emit(self.plan))
        self.log = self.build(verilog, folder / "sim", options)

    def build(self, verilog, folder, options):
        return Verilator().build(verilog, folder, waves=options.get("waves", False), quick=options.get("quick", True))

    def moved(self, folder):
        """The same with the simulator in another folder."""
        other = copy.copy(self)
        other.folder = folder
        shutil.copy2(self.folder / "accelerator.v", folder)
        return other

    def simulate(self, expected=None, **options):
        expected = self.expected if expected is None else expected
        return simulate(self.folder / "sim", self.plan, self.samples, expected, **options)


@pytest.mark.sampled(6)
@pytest.mark.tools
@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("make", "target"),
    [*((make, PORTABLE) for make in (bipolar, raw_bytes_to_codes, float32)),
     *((make, XILINX) for make in (label, constants)), (sums, ULTRASCALE),
     *(pytest.param(make, target, marks=pytest.mark.slow) for make, target in (
         (label, PORTABLE), (bipolar, XILINX), (raw_bytes_to_codes, XILINX)))],
)  # fmt: skip
def test_networks(make, target, scratch):
    job = Job(make, scratch, target=target)
    design = (scratch / "accelerator.v").read_text().removesuffix(MODELS)
    used = [kind in design for kind in ("LUT6_2", "CARRY8", "FOUR12")]
    assert used == [target.netlists, target is ULTRASCALE, make is sums]
    counts = np.unique(job.expected, return_counts=True)[1]
    assert counts.max() <= job.expected.size / 2
    seen = []
    found = job.simulate(progress=seen.append)
    assert (found.frames, found.mismatches, found.problems) == (len(job.samples), 0, [])
    assert found.left == predict(job.plan, len(job.samples)).left
    assert steady_interval(found.left) == job.plan.bound
    assert found.damage["damaged"] >= 3 and found.damage["wrong"] == 0
    assert seen == sorted(seen) and set(seen) <= set(range(1, len(job.samples) + 1))

    stalled = job.simulate(stall=0.4, seed=7)
    assert (stalled.frames, stalled.mismatches, stalled.problems) == (len(job.samples), 0, [])
    assert stalled.left[-1] > found.left[-1] and stalled.damage["wrong"] == 0
    if make is bipolar:
        assert job.simulate(stall=0.4, seed=7).left == stalled.left != job.simulate(stall=0.4, seed=8).left


@pytest.mark.slow
@pytest.mark.tools
def test_waves_and_a_wrong_bit(scratch):
    job = Job(bipolar, scratch, waves=True)
    found = job.simulate(waves=True)
    assert found.mismatches == 0 and not found.problems
    assert found.left == predict(job.plan, len(job.samples)).left
    signals = signals_in(waveform_of_run(found.folder))
    clock = signals["accelerator.aclk"].signal
    assert "accelerator.m_axis_tdata" in signals
    assert [clock.value_at(time) for time in (1_999, 6_999, 1_001_999, 1_006_999)] == [0, 1, 0, 1]  # ps

    tampered = job.expected.copy()
    tampered[3, 2] += 2
    tampered[17, 5] -= 2
    found = job.simulate(tampered, waves=True)
    assert found.mismatches == 2 and found.frames == len(job.samples)
    assert [e["frame"] for e in found.examples] == [3, 17]
    got, want = results(found.examples[0], job.plan)
    assert got == job.expected[3].tolist() and want == tampered[3].tolist()
    # The damaged frames stand among the first ones: one that is not as expected is told.
    assert any("around damaged ones were wrong" in problem for problem in found.problems)

    everything = job.simulate(np.roll(job.expected, 1, axis=0), waves=True)
    assert everything.mismatches > len(job.samples) // 2 and len(everything.examples) == 5


@pytest.mark.tools
@pytest.mark.parametrize("quick", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_runtime_is_compiled_once(quick, scratch):
    first = Job(bipolar, scratch, quick=quick)
    again = Verilator().build(scratch / "accelerator.v", scratch / "again", quick=quick).read_text()
    assert "verilator.cpp" in again and "verilated_vpi.cpp" not in again and "verilated.cpp" not in again
    found = simulate(scratch / "again", first.plan, first.samples, first.expected)
    assert (found.frames, found.mismatches, found.problems) == (len(first.samples), 0, [])


@pytest.mark.tools
def test_the_headers_are_read_once(scratch, monkeypatch):
    """A compiler that had to read them itself would name them in its list of what the simulator depends on."""
    monkeypatch.setattr("fewbit.sim.folders.shutil.rmtree", lambda *_, **__: None)
    Job(bipolar, scratch)
    (made,) = (scratch / "sim").glob(".new-*/work")
    for name in ("Vtop__ALL.d", "verilator.d"):
        assert "verilated_types.h" not in (made / name).read_text(), name
    assert (made / f"{HEADER}.gch").exists()


@pytest.mark.tools
@pytest.mark.slow
def test_a_large_file_is_compiled_in_parts(scratch):
    """Where the precompiled header is Verilator's own."""
    job = Job(constants, scratch)
    large = scratch / "large.v"
    large.write_text((scratch / "accelerator.v").read_text() + "// and more\n" * (WHOLE // 12))
    log = Verilator().build(large, scratch / "sim", quick=True).read_text()
    assert "Vtop__ALL.cpp" not in log and f"-include {HEADER}" not in log
    found = job.simulate()
    assert (found.frames, found.mismatches, found.problems) == (len(job.samples), 0, [])


@pytest.mark.tools
def test_verilog_that_does_not_compile(scratch):
    _, _, pairs = made = bipolar()
    plan = AcceleratorPlan(made[0], folded(made[0], pairs))
    broken = emit(plan).replace("module accelerator(", "module accelerator((", 1)
    (scratch / "broken.v").write_text(broken)
    with pytest.raises(SimulationError, match=r"Verilator's build failed \(.*rror.*\); log: .*build.log"):
        Verilator().build(scratch / "broken.v", scratch / "broken")


def test_a_simulator_that_is_not_there(scratch):
    job = Job.__new__(Job)
    job.network, job.samples, pairs = bipolar()
    job.plan = AcceleratorPlan(job.network, folded(job.network, pairs))
    job.expected, job.folder = run(job.network, job.samples).edges["e2"], scratch
    (scratch / "sim").mkdir()
    with pytest.raises(SimulationError, match="no such file: there is no simulator in"):
        job.simulate()
