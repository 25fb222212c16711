# amaranth: UnusedElaboratable=no
"""The whole bench in Icarus Verilog, by the rules of Verilog-2005 and of SystemVerilog: bits, cycles, damage."""

import pytest

from fewbit.flow.commands.cli import main
from fewbit.flow.commands.report import Reporter
from fewbit.flow.images import find_images, load_images
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import simulate_project
from fewbit.flow.project.simulation_results import Latency
from fewbit.golden.network.spatial import View
from fewbit.sim.cycles.model import predict
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.kinds.icarus import Icarus
from tests.sim.simulators import test_run as test_verilator
from tests.sim.simulators import test_run_ip as test_ip
from tests.sim.simulators.test_run import B, U, bipolar, constants, float32, label, raw_bytes_to_codes, sums
from tests.support.image_networks import ImageBuilder
from tests.support.targets import PORTABLE, ULTRASCALE, XILINX
from tests.support.waveforms import signals_in, waveform_of_run


def convolutional():
    """Two convolutions and a layer of scores, with windows, a pool and padding."""
    b = ImageBuilder(U(2), (7, 6), 3, seed=4, samples=8)
    edge = b.conv("input", 4, B, U(2), kernel=(3, 3), pads=(1, 1, 1, 1))
    edge = b.conv(edge, 6, B, B, kernel=(2, 2), stride=(2, 2))
    edge = b.dense(b.then(View, edge), 5, B)
    return b.done(edge), b.samples, [(2, 9), (3, 8), (5, 6)]


class Job(test_verilator.Job):
    def build(self, verilog, folder, options):
        return Icarus().build(verilog, folder, standard=options["standard"], waves=options.get("waves", False))


def slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.sampled(3)
@pytest.mark.tools
@pytest.mark.parametrize(
    ("make", "target", "standard"),
    [(bipolar, XILINX, "2005"), (sums, XILINX, "2009"), (convolutional, XILINX, "2012"),
     slow(bipolar, XILINX, "2012"), slow(convolutional, PORTABLE, "2005"),
     slow(convolutional, XILINX, "2005"), slow(convolutional, PORTABLE, "2012"),
     *(slow(make, target, standard) for standard in ("2005", "2012")
       for make in (raw_bytes_to_codes, label, constants) for target in (PORTABLE, XILINX)),
     *(slow(float32, PORTABLE, s) for s in ("2005", "2012")),
     *(slow(sums, ULTRASCALE, s) for s in ("2005", "2012"))],
)  # fmt: skip
def test_networks(make, target, standard, scratch):
    job = Job(make, scratch, target=target, standard=standard)
    found = job.simulate()
    assert (found.frames, found.mismatches, found.problems) == (len(job.samples), 0, [])
    assert found.left == predict(job.plan, len(job.samples)).left
    assert found.damage["damaged"] >= 3 and found.damage["wrong"] == 0
    stalled = job.simulate(stall=0.4, seed=7)
    assert (stalled.frames, stalled.mismatches, stalled.problems) == (len(job.samples), 0, [])
    assert stalled.left[-1] > found.left[-1] and stalled.damage["wrong"] == 0


class Block(test_ip.Block):
    def build(self, verilog, folder):
        Icarus().build(verilog, folder, top="accelerator_ip", standard=self.standard)


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize("standard", ["2005", slow("2012")])
def test_the_ip_block(standard, scratch, monkeypatch):
    monkeypatch.setattr(Block, "standard", standard, raising=False)
    found = Block(test_ip.chain, scratch).simulate(seed=3, resets=2)
    assert (found.mismatches, found.problems) == (0, []) and found.interrupts > 3


@pytest.mark.tools
def test_waves_and_a_wrong_bit(scratch):
    job = Job(bipolar, scratch, waves=True, standard="2012")
    tampered = job.expected.copy()
    tampered[3, 2] += 2
    found = job.simulate(tampered, waves=True)
    assert found.mismatches == 1 and [e["frame"] for e in found.examples] == [3]
    signals = signals_in(waveform_of_run(found.folder))
    clock = signals["accelerator.aclk"].signal
    assert "accelerator.m_axis_tdata" in signals
    assert [clock.value_at(time) for time in (1_999, 6_999, 1_001_999, 1_006_999)] == [0, 1, 0, 1]  # ps


def digits(folder, target):
    """What `fewbit sim --simulator icarus --frames 6` finds of the digits' w1a1."""
    project = Project("examples/digits/w1a1.onnx", directory=folder, target=target)
    images = load_images(find_images(project.model), project.network).first(6)
    return simulate_project(project, images, Reporter(as_json=True), simulator="icarus")


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize("target", [XILINX, slow(PORTABLE)])
def test_the_digits(target, scratch):
    found = digits(scratch, target)
    assert (found.frames, found.mismatches, found.problems, found.ok) == (6, 0, [], True)
    assert found.cycles_exact and found.damaged.damaged == 6
    if target is XILINX:
        assert found.latency == Latency(simulated=149, predicted=149)


@pytest.mark.tools
def test_verilog_that_does_not_compile(scratch):
    (scratch / "broken.v").write_text("module accelerator((a);\nendmodule\n")
    with pytest.raises(SimulationError, match=r"Icarus's build failed \(design.v:1: .*error.*\); log: .*build.log"):
        Icarus().build(scratch / "broken.v", scratch / "sim")


@pytest.mark.parametrize("there", [[], ["iverilog"]])
def test_no_icarus_names_the_package(there, scratch, monkeypatch, capsys):
    for name in there:
        (scratch / name).write_text("#!/bin/sh\n")
        (scratch / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(scratch))
    monkeypatch.setattr("sys.argv", ["fewbit", "sim", "examples/digits/w1a1.onnx", "--simulator", "icarus",
                                     "-o", str(scratch / "out")])  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main()
    (line,) = capsys.readouterr().err.splitlines()
    missing = "vvp" if there else "iverilog"
    assert line == f"fewbit: Icarus Verilog ({missing}) is missing: install the Debian package iverilog"
    assert ended.value.code == 2 and not (scratch / "out").exists()


def test_an_unknown_standard_is_refused(scratch):
    with pytest.raises(ValueError, match="Standard must be one of 2005, 2009, 2012, not '1995'"):
        Icarus().build(scratch / "a.v", scratch, standard="1995")
