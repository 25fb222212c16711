# amaranth: UnusedElaboratable=no
"""The C++ bench of large designs: results, cycles, stalls, damaged frames, and what it says of wrong ones."""

import pytest

from fewbit.flow.folding.folding import default_folding
from fewbit.flow.project.project import Project
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import USUAL
from fewbit.sim.cycles.model import predict
from fewbit.sim.errors import SimulationError
from fewbit.sim.proof.design import MATRIX
from fewbit.sim.simulators.streamed import simulate_built, simulate_streamed
from tests.support.small_network import SPEC, samples, small

pytestmark = pytest.mark.tools
FRAMES = 5


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A project that is built without structure, its samples, and their results."""
    folder = tmp_path_factory.mktemp("streamed")
    options = {"input_spec": SPEC, "folding": Folding.of(dense0=(2, 3), dense1=(3, 2)), "target": USUAL}
    project = Project(small(folder / "small.onnx"), directory=folder / "made", **options)
    values = samples(FRAMES)
    assert project.build_simulator(structure=False, cycles=1000)
    assert not project.build_simulator(structure=False, cycles=1000)
    return project, values, project.hardware_values(project.execute(values))


def test_it_gives_the_results_and_takes_the_cycles_of_the_structure(built):
    project, values, expected = built
    assert all(proof.reason is None for proof in project.proofs())
    told = []
    found = simulate_built(
        project.simulator_folder(structure=False), project.plan, values, expected, design=project.design(),
        progress=told.append,
    )  # fmt: skip
    assert (found.frames, found.mismatches, found.problems) == (FRAMES, 0, [])
    assert found.left == predict(project.plan, FRAMES).left
    assert (found.damage["damaged"], found.damage["frames"], found.damage["wrong"]) == (5, 10, 0)


def test_constant_weights(tmp_path):
    """Layers that are unfolded altogether are matrices, which are simulated by their behaviour too."""
    project = Project(small(tmp_path / "small.onnx"), input_spec=SPEC, directory=tmp_path / "made", target=USUAL)
    project.folding, values = default_folding(project.network), samples(FRAMES)
    project.build_simulator(structure=False, cycles=1000)
    proofs = project.proofs()
    assert [proof.kind for proof in proofs].count(MATRIX) == 2 and all(proof.reason is None for proof in proofs)
    expected = project.hardware_values(project.execute(values))
    found = simulate_built(project.simulator_folder(structure=False), project.plan, values, expected)
    assert (found.mismatches, found.problems, found.left) == (0, [], predict(project.plan, FRAMES).left)


@pytest.mark.parametrize("seed", [1, 2])
def test_stalls_change_no_result(built, seed):
    project, values, expected = built
    found = simulate_streamed(
        project.simulator_folder(structure=False), project.plan, values, expected, stall=0.4, seed=seed
    )
    assert (found.mismatches, found.problems) == (0, [])
    assert found.left[-1] > predict(project.plan, FRAMES).left[-1]


def test_wrong_results_are_told(built):
    project, values, expected = built
    other = expected.copy()
    other[3, 0] += 1
    found = simulate_streamed(project.simulator_folder(structure=False), project.plan, values, other)
    assert found.mismatches == 1 and [example["frame"] for example in found.examples] == [3]
    assert found.damage["wrong"] == 1


def test_a_simulator_of_another_design_is_told(built):
    project, values, expected = built
    with pytest.raises(SimulationError, match="is not of this Verilog"):
        simulate_streamed(project.simulator_folder(structure=False), project.plan, values, expected, design="0" * 64)
