"""Drivers load weights: results are the other network's from then on, and what does not fit is refused in a line."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from fewbit.flow.project.project import Project
from fewbit.flow.project.weight_images import image_for, own_image
from fewbit.host import Accelerator, HostError
from fewbit.host.memory_image import ImageKind, MemoryImage
from fewbit.host.serial_port import SerialConnection
from tests.support.fake_pynq import Overlay, allocate
from tests.support.golden_connection import GoldenConnection
from tests.support.small_network import SPEC, samples, small


class World:
    """A build with loadable weights, a network of the same shape, and images of both."""

    def __init__(self, folder):
        self.folder = folder
        common = dict(input_spec=SPEC, directory=folder)
        self.project = Project(small(folder / "m.onnx", bias=True), weights="loadable", **common)
        self.other = Project(small(folder / "m2.onnx", seed=2, bias=True), **common)
        self.image = image_for(self.project, self.other)
        for name in "w.npz", "w.bin":
            (folder / name).write_bytes(self.image.to_file(name))
        (folder / "own.bin").write_bytes(own_image(self.project).to_bytes())
        (folder / "manifest.json").write_text(json.dumps(self.project.manifest()))

    def connection(self):
        found = GoldenConnection(self.project)
        found.others = {i.payload: p for i, p in ((own_image(self.project), self.project), (self.image, self.other))}
        # It answers in the format of the hardware, which is wide enough for both networks.
        for project in self.project, self.other:
            project.plan = self.project.plan
        return found

    def check(self, accelerator):
        """Load one network and the other, and compare results and scores."""
        values = samples(30)
        for name, project in (("w.npz", self.other), ("own.bin", self.project), ("w.bin", self.other)):
            image = accelerator.load(self.folder / name)
            assert image.details["model"] == project.model.name == accelerator.build.name
            result = project.execute(values)
            got = accelerator.infer(values)
            want = project.hardware_values(result).reshape(len(values), -1)
            assert np.array_equal(got.values, want)
            assert np.array_equal(got.scores, project.finish(project.hardware_values(result)))


@pytest.fixture
def world(scratch):
    return World(scratch)


def test_results_are_the_other_networks(world):
    with Accelerator(world.folder, world.connection()) as accelerator:
        values = samples(30)
        assert np.array_equal(accelerator.infer(values).values.reshape(30, -1),
                              world.project.hardware_values(world.project.execute(values)).reshape(30, -1))  # fmt: skip
        world.check(accelerator)


def test_the_manifest_says_what_is_loadable(world):
    said = world.project.manifest()["loadable"]
    assert said["words"] == sum(said["stages"].values()) == len(world.image.words)
    assert said["structure"] == world.image.structure.hex()
    assert "loadable" not in world.other.manifest()
    registers = world.project.registers
    assert registers["LOAD_WORDS"].value == (said["words"],)
    assert registers["LOAD_STRUCTURE"].value == tuple(int(said["structure"][8 * k : 8 * k + 8], 16) for k in range(2))


def refused(accelerator, what, reason):
    with pytest.raises(HostError, match=reason) as error:
        accelerator.load(what)
    assert "\n" not in str(error.value)


def test_what_does_not_fit_is_refused(world):
    folder, image = world.folder, world.image
    for name, found in (
        ("kind", MemoryImage(ImageKind.EXTERNAL, image.structure, image.payload)),
        ("shape", MemoryImage(ImageKind.LOADABLE, bytes(32), image.payload)),
        ("short", MemoryImage(ImageKind.LOADABLE, image.structure, image.payload[:-4])),
        ("odd", MemoryImage(ImageKind.LOADABLE, image.structure, image.payload[:-1])),
    ):
        (folder / name).write_bytes(found.to_bytes())
    (folder / "damaged").write_bytes(image.to_bytes()[:-9])
    connection = world.connection()
    with Accelerator(folder, connection) as accelerator:
        refused(accelerator, folder / "kind", "kind: is an image of external weights, not loadable$")
        refused(
            accelerator, folder / "shape", "shape: is of a network or folding of another shape .* than .*; make it with"
        )
        refused(accelerator, folder / "short", f"short: has {len(image.words) - 1} words, not {len(image.words)}$")
        refused(accelerator, folder / "odd", "bytes are no whole number of words of 32 bits$")
        refused(accelerator, folder / "damaged", "damaged: has .* bytes, not .* as it says$")
        refused(accelerator, folder / "nothing.npz", "nothing.npz: no such file$")
        connection.damage = 1
        refused(
            accelerator, folder / "w.npz", "^the weights arrived with the checksum 0x[0-9a-f]{8}, not 0x[0-9a-f]{8}$"
        )
    fixed = Project(folder / "m.onnx", input_spec=SPEC, directory=folder)
    (folder / "manifest.json").write_text(json.dumps(fixed.manifest()))
    with Accelerator(folder, GoldenConnection(fixed)) as accelerator:
        refused(
            accelerator, folder / "w.npz", "no layer of this build has loadable weights; build it with `--weights load"
        )


def test_a_serial_port_takes_none():
    with pytest.raises(HostError, match="^weights cannot be loaded over a serial port; use the IP block"):
        SerialConnection.load(None, np.zeros(3, np.uint32))


@pytest.fixture
def pynq(monkeypatch):
    module = ModuleType("pynq")
    module.allocate, module.Overlay = allocate, None
    monkeypatch.setitem(sys.modules, "pynq", module)


def test_under_pynq(world, pynq):
    board = Overlay(world.connection(), world.project.manifest())
    with Accelerator.pynq(world.folder, board) as accelerator:
        world.check(accelerator)
        data, check = (board.map[name]["offset"] for name in ("LOAD_DATA", "LOAD_CHECK"))
        sent = [value for offset, value in board.written if offset == data]
        assert sent[-len(world.image.words) :] == world.image.words.tolist()
        assert board.written[-1] == (check, world.image.checksum)


def test_a_board_that_refuses(world, pynq):
    board = Overlay(world.connection(), world.project.manifest())
    with Accelerator.pynq(world.folder, board, timeout=0.05) as accelerator:
        board.loses = 7
        count = len(world.image.words) - 1
        refused(accelerator, world.folder / "w.bin", f"^the block does not take the weights: {count} words came with "
                "the checksum 0x[0-9a-f]{8}; it takes no frames until it does$")  # fmt: skip
        board.drains = False
        refused(accelerator, world.folder / "w.bin", "does not take the weights: the frames inside have not left; ")
        board.drains, board.loses = True, None
        world.check(accelerator)


@pytest.mark.tools
@pytest.mark.slow
def test_a_verilator_model(scratch):
    """A model of the same shape is loaded in one call, by all of fewbit beside the driver."""
    model, other = small(scratch / "m.onnx"), small(scratch / "m2.onnx", seed=2)
    Project(model, input_spec=SPEC, directory=scratch / "a", weights="loadable").generate()
    values = samples(30)
    with Accelerator.verilator(scratch / "a") as accelerator:
        for path in other, model:
            project = Project(path, input_spec=SPEC)
            accelerator.load(path)
            want = project.hardware_values(project.execute(values)).reshape(30, -1)
            assert np.array_equal(accelerator.infer(values).values, want) and len(np.unique(want)) > 9
        wrong = small(scratch / "wrong.onnx", bias=True, shape=(2, 3))
        refused(
            accelerator, wrong, r"wrong.onnx: cannot be loaded into the build of model.onnx: input .*shape is \(2, 3\)"
        )
        assert np.array_equal(accelerator.infer(values).values, want)
