"""Host software of a build with several inputs: images come by the inputs' names, whatever the connection."""

import sys
from types import ModuleType

import numpy as np
import pytest

from fewbit.flow.images import load_images
from fewbit.flow.project.project import Project
from fewbit.host import Accelerator, Build, HostError
from tests.host.test_accelerator import written
from tests.support.fake_pynq import Overlay, allocate
from tests.support.golden_connection import GoldenConnection
from tests.support.several_inputs import several


@pytest.fixture
def made(scratch):
    return several("image_and_features", scratch / "m.onnx", count=20)


@pytest.fixture
def project(made, scratch):
    return Project(scratch / "m.onnx", input_spec=made.spec, directory=scratch / "out")


@pytest.fixture
def expected(made, project, scratch):
    np.savez(scratch / "m.npz", **made.x)
    return project.hardware_values(project.execute(load_images(scratch / "m.npz", project.network).values))


def test_golden_behind_the_accelerator(made, project, expected):
    with Accelerator(written(project, project.directory), GoldenConnection(project)) as accelerator:
        assert np.array_equal(accelerator.infer(made.x).values, expected) and len(np.unique(expected)) > 10
        drawn = accelerator.build.random(7)
        assert {name: x.shape for name, x in drawn.items()} == {"input": (7, 2, 6, 5), "the features": (7, 4)}
        assert len(accelerator.infer(drawn).labels) == 7


def test_under_pynq(made, project, expected, monkeypatch):
    module = ModuleType("pynq")
    module.allocate, module.Overlay = allocate, None
    monkeypatch.setitem(sys.modules, "pynq", module)
    board = Overlay(GoldenConnection(project), project.manifest())
    with Accelerator.pynq(written(project, project.directory), board) as accelerator:
        assert np.array_equal(accelerator.infer(made.x).values, expected) and board.transfers == [20]
    buffers = [channel.buffer for channel in (board.axi_dma_0.sendchannel, board.axi_dma_1.sendchannel)]
    assert [buffer.shape for buffer in buffers] == [(20, 64), (20, 8)] and all(buffer.freed for buffer in buffers)


@pytest.mark.tools
@pytest.mark.slow
def test_the_verilator_model(made, project, expected):
    project.generate()
    with Accelerator.verilator(project.directory) as accelerator:
        assert np.array_equal(accelerator.infer(made.x).values, expected)
        assert np.array_equal(accelerator.infer({n: x[:3] for n, x in made.x.items()}).values, expected[:3])


def test_what_does_not_fit_is_refused(made, project):
    build = Build(written(project, project.directory))
    with pytest.raises(ValueError, match=r"for each input by its name \(input, the features\)"):
        build.encode(made.x["input"])
    with pytest.raises(ValueError, match="as many for each input, not 20, 19"):
        build.encode(made.x | {"the features": made.x["the features"][1:]})
    with pytest.raises(HostError, match=r"has 2 inputs \(input, the features\); this takes builds of one input"):
        _ = build.only
