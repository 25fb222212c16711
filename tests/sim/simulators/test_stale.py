"""Two runs of one simulator at once, and simulators that are not of the Verilog that they pass for."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from fewbit.sim.cycles.model import predict
from fewbit.sim.design import NAME, digest_of, marked
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.kinds.verilator import Verilator
from tests.sim.simulators.test_run import B, Job
from tests.support.networks import Builder

FUTURE = 2_000_000_000


def network(seed):
    def make():
        b = Builder(B, 9, seed=seed, samples=24).dense(6, B).threshold(B).dense(4, B)
        return b.done(), b.samples, [(3, 3), (2, 3)]

    return make


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Two networks of the same shape and other weights, in one folder each."""
    made = [Job(network(seed), tmp_path_factory.mktemp(f"seed{seed}")) for seed in (1, 2)]
    assert (made[0].expected != made[1].expected).any()
    return made


@pytest.mark.slow
@pytest.mark.tools
def test_two_runs_at_once_do_not_see_each_other(jobs):
    job = jobs[0]
    with ThreadPoolExecutor(2) as pool:
        stalled, free = (pool.submit(job.simulate, stall=stall) for stall in (0.9, 0.0))
        stalled, free = stalled.result(120), free.result(120)
    assert free.left == predict(job.plan, len(job.samples)).left
    assert stalled.left[-1] > 3 * free.left[-1]
    for found in stalled, free:
        assert (found.frames, found.mismatches, found.problems) == (len(job.samples), 0, [])
    assert stalled.folder != free.folder


@pytest.mark.tools
def test_files_of_the_future_do_not_stand_for_new_verilog(jobs, tmp_path):
    """What make goes by is dates: had it found objects younger than the new Verilog, it would have kept them."""
    old, new = jobs
    folder = tmp_path / "sim"
    shutil.copytree(old.folder / "sim", folder)
    for path in folder.rglob("*"):
        os.utime(path, (FUTURE, FUTURE))
    Verilator().build(new.folder / "accelerator.v", folder, quick=True)
    new = new.moved(tmp_path)
    found = new.simulate(design=digest_of((new.folder / "accelerator.v").read_bytes()))
    assert (found.frames, found.mismatches, found.problems) == (len(new.samples), 0, [])


@pytest.mark.tools
def test_a_simulator_of_other_verilog_is_refused(jobs, tmp_path):
    """Whatever its folder says of it: the program itself is asked."""
    old, new = jobs
    folder = tmp_path / "sim"
    shutil.copytree(new.folder / "sim", folder)
    shutil.copy2(old.folder / "sim" / "accelerator", folder / "accelerator")
    with pytest.raises(SimulationError, match=r"the simulator in .*sim is not of this Verilog .*: delete that folder"):
        new.moved(tmp_path).simulate()


def test_the_mark_changes_one_line_of_one_module():
    verilog = b"module other(a);\nendmodule\n(* top *)\nmodule accelerator(b);\n  input b;\nendmodule\n"
    text = marked(verilog, "accelerator")
    before, after = (t.decode().splitlines() for t in (verilog, text))
    assert after[:-1] == before[:-1]
    assert after[-1] == f"wire [255:0] {NAME} = 256'h{digest_of(verilog)}; endmodule"
    with pytest.raises(ValueError, match="no module nothing"):
        marked(verilog, "nothing")
