"""A model with external weights from file to simulation: image, manifest, registers, results, cycles, and refusals."""

import hashlib
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fewbit.flow.boards.verilator_models import model_of
from fewbit.flow.commands.report import Reporter
from fewbit.flow.images import Images
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import simulate_ip_block, simulate_project, weight_memory_of
from fewbit.host.build import HostError
from fewbit.host.external_weights import checked_image
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.targets.named import USUAL
from fewbit.sim.simulators.weight_memory import WeightMemory
from tests.support.small_network import SPEC, samples, small

FRAMES = 6
REPORT = Reporter(True)


def outside(pe, simd):
    return LayerFolding(pe, simd, weights="external")


def made(folder, folding, **options):
    return Project(small(folder / "small.onnx"), input_spec=SPEC, directory=folder / "made", folding=folding, **options)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folding = Folding({"dense0": outside(2, 3), "dense1": outside(3, 2)}, bus=64)
    found = made(tmp_path_factory.mktemp("outside"), folding)
    found.generate()
    found.generate_ip()
    return found


def images(project):
    return Images(samples(FRAMES), None, "random")


def test_image_and_what_is_said_of_it(project):
    said = json.loads((project.directory / "manifest.json").read_text())
    image = checked_image(project.directory / said["external"]["image"], said["external"])
    assert image.payload == project.plan.weight_image and len(image.payload) == project.plan.weight_port.size
    digest = hashlib.sha256(image.payload).hexdigest()
    registers = said["control"]["registers"]
    assert registers["WEIGHTS_DIGEST"]["value"] == [int(digest[8 * k : 8 * k + 8], 16) for k in range(4)]
    assert registers["WEIGHTS_BYTES"]["value"] == [len(image.payload)] and registers["WEIGHTS_BUS"]["value"] == [64]
    for name, plan in project.plan.layers.items():
        place = said["external"]["regions"][name]
        assert image.payload[place["offset"] :][: place["bytes"]] == plan.region
        assert said["layers"][name]["weights_in"] == "memory outside, 1 x a frame"


def test_block_has_a_master(project):
    ports = {"spirit": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
    root = ET.parse(project.directory / "ip" / "component.xml").getroot()
    (bus,) = [b for b in root.iterfind(".//spirit:busInterface", ports)
              if b.findtext("spirit:name", None, ports) == "m_axi_weights"]  # fmt: skip
    assert bus.find("spirit:master/spirit:addressSpaceRef", ports) is not None
    spaces = root.findall("spirit:addressSpaces/spirit:addressSpace/spirit:name", ports)
    assert [space.text for space in spaces] == ["m_axi_weights"]
    children = [child.tag.split("}")[1] for child in root]
    assert children.index("busInterfaces") < children.index("addressSpaces") < children.index("memoryMaps")


def test_without_there_is_nothing_of_it(tmp_path):
    project = made(tmp_path, Folding.of(dense0=(2, 3), dense1=(3, 2)))
    project.generate()
    assert not (project.directory / "weights.bin").exists() and "external" not in project.manifest()
    assert "m_axi_weights" not in project.verilog.read_text() and project.weight_image is None
    assert weight_memory_of(project, None, 0.0) is None
    with pytest.raises(ValueError, match="no layer has external weights"):
        weight_memory_of(project, 10, 0.0)
    with pytest.raises(ValueError, match="no layer has external weights"):
        weight_memory_of(project, None, 0.5)


def test_another_model_has_another_image(project, tmp_path):
    other = made(tmp_path, Folding({"dense0": outside(3, 2), "dense1": outside(3, 2)}, bus=64))
    assert other.weight_image.structure != project.weight_image.structure
    assert other.identity != project.identity


@pytest.mark.parametrize("wrong", [dict(latency=0), dict(latency=5, stall=1.0), dict(latency=5, stall=-0.1)])
def test_wrong_memories(wrong):
    with pytest.raises(ValueError, match="memory (latency|stalls) must be"):
        WeightMemory(image=b"", **wrong)


def test_host_software_without_memory_refuses(project):
    with pytest.raises(HostError, match="has external weights"):
        model_of(project.directory)


@pytest.mark.tools
@pytest.mark.parametrize(
    "structure", [pytest.param(True, id="cocotb", marks=pytest.mark.slow), pytest.param(False, id="streamed")]
)
def test_simulated(structure, tmp_path):
    """Every bit is golden's and every cycle the predicted one for a memory without stalls; with them the bound holds.

    The image that the benches read is the one that the host would write.
    """
    folding = Folding({"dense0": outside(2, 3), "dense1": outside(2, 4)}, bus=64)
    project = made(tmp_path, folding, target=USUAL)
    for latency, stall in ((None, 0.0), (1, 0.0), (150, 0.0), (20, 0.3)):
        found = simulate_project(
            project, images(project), REPORT, structure=structure, memory_latency=latency, memory_stall=stall
        )
        assert (found.mismatches, found.problems, found.ok) == (0, [], True)
        assert found.cycles_exact is (None if stall else True)
        assert found.memory.within_bound and found.memory.latency == (latency or 64)
        assert (found.memory.stalled > 0) is bool(stall)
    both = simulate_project(project, images(project), REPORT, structure=structure, stall=0.4, memory_stall=0.4)
    assert both.ok and both.memory.within_bound is None and both.cycles_exact is None


@pytest.mark.slow
@pytest.mark.tools
def test_a_wrong_image_is_seen(project):
    """Were memory to hold something else, results would differ: the benches do read it."""
    from fewbit.sim.errors import SimulationError
    from fewbit.sim.simulators.run import simulate

    values = samples(FRAMES)
    expected = project.hardware_values(project.execute(values))
    project.build_simulator(cycles=1000)
    memory = WeightMemory(image=np.random.default_rng(1).bytes(project.plan.weight_port.size), latency=4)
    found = simulate(project.simulator_folder(), project.plan, values, expected, memory=memory)
    assert found.mismatches > 0
    short = WeightMemory(image=project.plan.weight_image[:64], latency=4)
    try:
        found = simulate(project.simulator_folder(), project.plan, values, expected, memory=short)
    except SimulationError:
        return
    assert any("lies outside of the image" in problem for problem in found.problems)


@pytest.mark.slow
@pytest.mark.tools
def test_ip_block(project):
    found = simulate_ip_block(project, images(project), REPORT, resets=6, memory_latency=30)
    assert (found.mismatches, found.problems, found.ok) == (0, [], True)
    with pytest.raises(ValueError, match="compares every cycle"):
        simulate_ip_block(project, images(project), REPORT, memory_stall=0.1)
