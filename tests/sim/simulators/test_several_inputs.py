"""Models of several inputs in Verilator: each has its own stream with its own stalls, and every cycle is predicted."""

import numpy as np
import pytest

from fewbit.flow.commands.report import Reporter
from fewbit.flow.images import load_images
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import simulate_ip_block, simulate_project
from fewbit.flow.project.simulation_with_load import simulate_loading
from tests.support.several_inputs import MODELS, several
from tests.support.targets import PORTABLE

QUIET = Reporter(True)


@pytest.fixture
def built(request, scratch):
    made = several(request.param, scratch / "m.onnx", count=12)
    np.savez(scratch / "m.npz", **made.x)
    project = Project(scratch / "m.onnx", input_spec=made.spec, directory=scratch / "out", target=PORTABLE)
    return project, load_images(scratch / "m.npz", project.network)


def slow(names, *but):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name not in but)) for name in names]


@pytest.mark.slow
@pytest.mark.tools
@pytest.mark.parametrize("built", slow(MODELS, "image_and_features"), indirect=True)
def test_accelerators(built):
    full, stalled = (simulate_project(*built, QUIET, stall=stall, seed=2) for stall in (0, 0.4))
    assert full.ok and full.cycles_exact and full.mismatches == 0 and full.problems == []
    assert stalled.ok and stalled.frames == 12 and stalled.damaged.damaged > 1 and not stalled.damaged.wrong


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("built", MODELS, indirect=True)
def test_ip_blocks(built):
    found = simulate_ip_block(*built, QUIET, seed=3, resets=8)
    assert found.ok and found.mismatches == 0 and found.problems == []


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("name", ["image_and_features", "codes_and_raw", "three"])
def test_weights_are_loaded_between_frames_of_all_inputs(name, scratch):
    made = several(name, scratch / "m.onnx", count=12)
    several(name, scratch / "other.onnx", count=12, seed=2)
    np.savez(scratch / "m.npz", **made.x)
    project = Project(
        scratch / "m.onnx", input_spec=made.spec, directory=scratch / "out", target=PORTABLE, weights="loadable"
    )  # fmt: skip
    found = simulate_loading(project, scratch / "other.onnx", load_images(scratch / "m.npz", project.network), QUIET)
    assert found.ok and found.mismatches == 0 and found.problems == [] and found.refused == 4
