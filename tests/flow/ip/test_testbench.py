# amaranth: UnusedElaboratable=no
"""The plain bench beside the Verilog, in Icarus: it passes in every mode, and it fails wherever something is wrong."""

import re
import subprocess

import numpy as np
import pytest

from fewbit.flow.ip.testbench import FRAMES, bench_files, packed
from fewbit.flow.project.project import Project
from fewbit.golden.network.execute import run
from fewbit.hw.folding import Folding
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.sim.cycles.model import predict_steady
from tests.sim.simulators.test_icarus import convolutional, slow
from tests.sim.simulators.test_run import bipolar, constants, float32, label, raw_bytes_to_codes, sums
from tests.support.networks import folded
from tests.support.several_inputs import several
from tests.support.small_network import samples, small
from tests.support.targets import PORTABLE, ULTRASCALE, XILINX

BENCH, SENT, WANTED = "accelerator_tb.v", "accelerator_tb.in.hex", "accelerator_tb.out.hex"
# An edge at time 0, when nothing is known yet; frames of nothing but X before a reset, which comes amid the last one.
HIGH = ("reg aclk = 1'b0;", "reg aclk; initial aclk = 1'b1;")
STALE = (
    "      run(1'b0);\n",
    """\
      {aresetn, s_axis_tvalid, s_axis_tlast, m_axis_tready} = 4'b1101;
      repeat (100) @(posedge aclk);
      s_axis_tlast = 1'b1;
      repeat (20) @(posedge aclk);
      run(1'b0);
""",
)


def result(folder, standard="2005"):
    """The bench's exit status and its lines."""
    subprocess.run(["iverilog", f"-g{standard}", "-o", "tb.vvp", BENCH, "accelerator.v"], cwd=folder, check=True)
    done = subprocess.run(["vvp", "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout.splitlines()


def alter(folder, name, old, new):
    text = (folder / name).read_text()
    assert text.count(old) == 1, f"{old!r} is in {name} {text.count(old)} times"
    (folder / name).write_text(text.replace(old, new))


def written(make, target, folder):
    """A network's Verilog with its bench; the predicted cycles."""
    network, values, pairs = make()
    plan, values = AcceleratorPlan(network, folded(network, pairs), target=target), values[:FRAMES]
    timing = predict_steady(plan)
    vectors = packed(plan, values, run(network, values).edges[network.outputs[0].edge])
    cycles = {"latency": timing.latency, "interval": timing.interval}
    for name, text in bench_files(plan, cycles, vectors).items():
        (folder / name).write_text(text)
    (folder / "accelerator.v").write_text(emit(plan))
    return timing


@pytest.mark.sampled(4)
@pytest.mark.tools
@pytest.mark.parametrize(
    ("make", "target"),
    [(bipolar, PORTABLE), (bipolar, XILINX), (sums, XILINX), (convolutional, XILINX),
     slow(constants, XILINX), slow(convolutional, PORTABLE), slow(label, XILINX),
     slow(raw_bytes_to_codes, PORTABLE), slow(raw_bytes_to_codes, XILINX), slow(sums, ULTRASCALE),
     slow(float32, PORTABLE)],
)  # fmt: skip
def test_networks(make, target, scratch):
    timing = written(make, target, scratch)
    first = None
    for standard in ("2005", "2012"):
        status, lines = result(scratch, standard)
        assert status == 0 and re.fullmatch(r"PASS: 10 frames of \d+ beats, 10 results equal", lines[-1]), lines
        assert lines[0] == f"latency {timing.latency} cycles, predicted {timing.latency} at full rate"
        full = f"last interval {timing.interval} cycles, predicted {timing.interval} at full rate"
        assert lines[1].endswith(f"beats at full rate, {full}")
        assert first in (None, lines)
        first = lines
    alter(scratch, BENCH, *HIGH)
    alter(scratch, BENCH, *STALE)
    status, lines = result(scratch, "2012")
    assert status == 0 and lines[-1].startswith("PASS"), lines


@pytest.mark.tools
def test_several_inputs(scratch):
    several("three", scratch / "m.onnx", count=FRAMES)
    project = Project(scratch / "m.onnx", directory=scratch / "out", target=XILINX)
    project.generate()
    folder = project.directory / "verilog"
    status, lines = result(folder)
    timing = predict_steady(project.plan)
    assert status == 0 and re.fullmatch(r"PASS: 10 frames of 5 beats, 10 results equal", lines[-1]), lines
    assert lines[0] == f"latency {timing.latency} cycles, predicted {timing.latency} at full rate"
    flipped(folder, "accelerator_tb.in_third.hex")
    status, lines = result(folder)
    assert status == 1 and any("m_axis_tdata is" in line for line in lines)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A build of six inputs."""
    folder = tmp_path_factory.mktemp("testbench")
    model = small(folder / "m.onnx")
    np.savez(folder / "m.npz", x=samples() - 16)
    project = Project(model, directory=folder / "out", input_spec="int5/16",
                      folding=Folding.of(dense0=(1, 5), dense1=(2, 3)), target=XILINX)  # fmt: skip
    project.generate()
    return project


@pytest.fixture
def folder(made, scratch):
    """A copy of its files, to be altered."""
    for path in (made.directory / "verilog").iterdir():
        (scratch / path.name).write_bytes(path.read_bytes())
    return scratch


@pytest.mark.tools
def test_the_command_of_the_readme(folder):
    (line,) = re.findall(r"^iverilog .*", (folder / "README.md").read_text(), re.M)
    done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("PASS: 10 frames"), done


def flipped(folder, name):
    """One bit of the last line is another."""
    lines = (folder / name).read_text().splitlines()
    lines[-1] = f"{int(lines[-1], 16) ^ 1:0{len(lines[-1])}x}"
    (folder / name).write_text("\n".join(lines) + "\n")


@pytest.mark.tools
def test_a_wrong_vector_fails(folder):
    flipped(folder, WANTED)
    status, lines = result(folder)
    assert status == 1 and any("m_axis_tdata is" in line for line in lines)
    assert any(re.fullmatch(r"FAIL: 2 errors in \d+ of \d+ beats", line) for line in lines), lines


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [(r"assign m_axis_tuser = .*;", "assign m_axis_tuser = 1'b1;", "m_axis_tuser is 1, not 0"),
     (r"assign m_axis_tuser = .*;", "assign m_axis_tuser = 1'bx;", "m_axis_tuser is X, not 0"),
     (r"assign m_axis_tvalid = .*;", "assign m_axis_tvalid = 1'b0;", "the accelerator stands still"),
     (r"assign s_axis_tready = .*;", "assign s_axis_tready = 1'bx;", "s_axis_tready is X"),
     (r"m_axis_tlast <= .*;", "m_axis_tlast <= 1'b0;", "m_axis_tlast is 0, not 1"),
     (r"bad_frames <= .*;", "bad_frames <= 32'd3;", "the counter of damaged frames is 3, not 0")],
)  # fmt: skip
def test_a_fault_of_the_accelerator_fails(old, new, seen, folder):
    text, count = re.subn(old, new, (folder / "accelerator.v").read_text())
    assert count == 1
    (folder / "accelerator.v").write_text(text)
    status, lines = result(folder)
    assert status == 1 and any(seen in line for line in lines), lines
    assert sum(line.startswith("FAIL") for line in lines) == 1 and not any("PASS" in line for line in lines)


@pytest.mark.tools
def test_vectors_that_are_missing_fail(folder):
    (folder / SENT).unlink()
    status, lines = result(folder)
    assert status == 1 and any("vectors are missing" in line for line in lines)


def test_the_same_bytes_each_time(made, scratch):
    again = Project(made.model, directory=scratch, input_spec="int5/16", folding=made.folding, target=made.target)
    again.generate()
    for name in (BENCH, SENT, WANTED, "accelerator.v", "README.md"):
        assert (scratch / "verilog" / name).read_bytes() == (made.directory / "verilog" / name).read_bytes(), name


@pytest.mark.tools
def test_verilog_2005_without_warnings(folder):
    command = ["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-t", "null", BENCH, "accelerator.v"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
