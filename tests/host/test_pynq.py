"""The connection under PYNQ, with a stand-in for its library that keeps its rules."""

import sys
from types import ModuleType

import numpy as np
import pytest

from fewbit.flow.project.project import Project
from fewbit.host import Accelerator, HostError
from fewbit.host import pynq_dma as pynqdma
from tests.host.test_accelerator import written
from tests.support.fake_pynq import Overlay, allocate
from tests.support.golden_connection import GoldenConnection
from tests.support.serial_ports import within
from tests.support.small_network import SPEC, samples, small


@pytest.fixture
def project(scratch):
    made = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch)
    written(made, scratch)
    return made


@pytest.fixture
def pynq(monkeypatch):
    module = ModuleType("pynq")
    module.allocate, module.Overlay = allocate, None
    monkeypatch.setitem(sys.modules, "pynq", module)
    return module


def overlay(project, **options):
    return Overlay(GoldenConnection(project), project.manifest(), **options)


def test_results_are_goldens(project, pynq, monkeypatch):
    board, values = overlay(project, LATENCY=23, INTERVAL=1), samples(50)
    want = project.hardware_values(project.execute(values))
    with Accelerator.pynq(project.directory, board) as accelerator:
        got = accelerator.infer(values)
        assert np.array_equal(got.values, want) and board.transfers == [50]
        assert got.details == {"latency": 23, "interval": 1, "bad frames": 0}
        monkeypatch.setattr(pynqdma, "MOST", 20 * 8)  # large batches go in several transfers
        assert np.array_equal(accelerator.infer(values).values, want) and board.transfers[1:] == [20, 20, 10]
        assert accelerator.connection.register("FRAMES") == 100


def test_the_bitstream_is_loaded(project, pynq):
    loaded = []
    pynq.Overlay = lambda path: loaded.append(path) or overlay(project)
    for given in None, "mine.bit":
        Accelerator.pynq(project.directory, given).close()
    assert loaded == [str(project.directory / "accelerator.bit"), "mine.bit"]


def test_another_block_is_refused(project, pynq, scratch):
    for registers, reason in (
        ({"MAGIC": 5}, "register MAGIC reads 0x5"), ({"VERSION": 0x20000}, "register VERSION reads 0x20000"),
        ({"BUILD": 0x01020304}, "the hardware holds build 01020304"), ({"BEATS_IN": 9}, "has beats_in 9"),
    ):  # fmt: skip
        with pytest.raises(HostError, match=reason):
            Accelerator.pynq(project.directory, overlay(project, **registers))
    with pytest.raises(HostError, match="not an overlay of `fewbit board`"):
        Accelerator.pynq(project.directory, object())


def test_a_transfer_that_does_not_end(project, pynq):
    board = overlay(project, slow=None)
    with Accelerator.pynq(project.directory, board, timeout=0.05) as accelerator:
        with pytest.raises(HostError, match=r"the DMA did not finish 4 frames within 0.05 s \(STATUS 0x0, FRAMES 0\)"):
            accelerator.infer(samples(4))
        control = board.map["CONTROL"]["offset"]
        assert board.written == [(control, 0b1101)]  # soft reset, and both sides of it were reset
        board.slow = 1
        assert len(accelerator.infer(samples(4)).values) == 4


def test_a_dma_that_does_not_even_stop(project, pynq):
    """PYNQ waits without end for it; we do not, and leave it the memory that it may write to."""
    board, buffers = overlay(project, slow=None), []
    pynq.allocate = lambda *a, **k: buffers.append(allocate(*a, **k)) or buffers[-1]
    channel = board.axi_dma_0.sendchannel
    channel.stops = False
    with Accelerator.pynq(project.directory, board, timeout=0.05) as accelerator:
        for reason in "the DMA did not finish 4 frames .*, and does not stop", "the DMA has not stopped since":
            with pytest.raises(HostError, match=reason):
                within(20, lambda: accelerator.infer(samples(4)))
        assert len(buffers) == 2 and not any(buffer.freed for buffer in buffers)
    channel.stops = True


def test_a_channel_that_is_halted(project, pynq):
    board = overlay(project)
    with Accelerator.pynq(project.directory, board) as accelerator:
        board.axi_dma_0.sendchannel.running = False  # as it is after an error on its bus
        with pytest.raises(HostError, match="PYNQ refused a transfer: DMA channel not started; load the overlay again"):
            accelerator.infer(samples(4))


def test_without_pynq(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(HostError, match="needs a board that runs PYNQ"):
        Accelerator.pynq(project.directory)
