"""The committed examples: each imports, and its slowest stage alone bounds the interval."""

import json

import numpy as np
import pytest

from fewbit.flow.images import find_images, load_images
from fewbit.flow.project.project import Project
from fewbit.hw.targets.named import USUAL
from fewbit.places import HOME
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.simulators.streamed import simulate_built
from tests.support.targets import PORTABLE, ULTRASCALE, XILINX, name_of

ROOT = HOME / "examples"
MODELS = sorted(ROOT.rglob("*.onnx"))
FRAMES = 2


# The cycle model of these takes a minute or more.
LONG = {"fashion/resnet", "fashion/w2a2"}


def _marked(path):
    name = f"{path.parent.name}/{path.stem}"
    return pytest.param(path, id=name, marks=[pytest.mark.slow] if name in LONG else [])


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("model", [_marked(path) for path in MODELS])
def test_no_bubbles_and_the_accuracy_that_is_stated(model, scratch):
    project = Project(model, directory=scratch, target=USUAL)
    predicted = predict(project.plan, 2 * (4 + project.plan.frames_inside))
    assert steady_interval(predicted.left) == project.plan.bound
    _written_down(model, predicted)
    images = load_images(find_images(model), project.network)
    right = int((project.execute(images.values).labels == images.labels).sum())
    stated = json.loads((model.parent / "accuracy.json").read_text())[model.stem]
    if len(images) == stated["images"]:
        assert right == stated["correct"]
    else:  # the first few only
        assert abs(100 * right / len(images) - stated["accuracy"]) < 5


def _written_down(model, predicted):
    """The table beside the examples, where it has columns of cycles, says what comes out."""
    lines = (model.parent / "README.md").read_text(encoding="utf-8").splitlines()
    if any(line.endswith("| latency | interval |") for line in lines):
        row = next(line for line in lines if line.startswith(f"| `{model.name}` |"))
        assert row.endswith(f"| {predicted.latency:,} | {predicted.interval:,} |")


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("structure", [True, False], ids=["structure", "behaviour"])
@pytest.mark.parametrize("target", [PORTABLE, XILINX, ULTRASCALE], ids=name_of)
@pytest.mark.parametrize("model", MODELS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_form_is_bit_exact_in_verilator(model, target, structure, scratch):
    project = Project(model, directory=scratch, target=target)
    project.generate()
    project.build_simulator(structure=structure)
    samples = load_images(find_images(model), project.network).first(FRAMES).values
    expected = project.hardware_values(project.execute(samples))
    assert len(np.unique(expected)) > 1
    found = simulate_built(project.simulator_folder(structure=structure), project.plan, samples, expected)
    assert (found.frames, found.mismatches, found.problems) == (FRAMES, 0, [])
    assert found.left == predict(project.plan, FRAMES).left
