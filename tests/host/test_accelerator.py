"""`Accelerator`: images to bytes to labels, exactly, for every kind of input; and that it refuses another build."""

import json

import numpy as np
import pytest

from fewbit.flow.images import find_images, load_images, random_images
from fewbit.flow.project.project import Project
from fewbit.golden.numbers.formats import UnsignedNarrow, parse_format
from fewbit.host import Accelerator, Build, HostError
from fewbit.host.verilator import VerilatorConnection
from tests.support.golden_connection import GoldenConnection
from tests.support.graphs import Graph
from tests.support.small_network import SPEC, samples, small
from tests.support.targets import PORTABLE

MODELS = {
    "digits": ("examples/digits/w1a1.onnx", {}),
    "label": ("examples/digits/w4a4.onnx", {"output": "label"}),
    "image": ("examples/digits-cnn/w1a1.onnx", {}),
    "channels": ("tests/models/cnn_w2a2.onnx", {}),
    "float32": ("examples/digits/float32.onnx", {}),
}


def written(project, folder):
    """A build folder with a manifest alone: host software needs no more."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(project.manifest()))
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_golden_behind_the_accelerator(name, scratch):
    path, options = MODELS[name]
    project = Project(path, directory=scratch, **options)
    project.queues = {}
    found = find_images(path)
    images = (load_images(found, project.network) if found else random_images(project.network, 30)).first(30)
    want = project.execute(images.values)
    with Accelerator(written(project, scratch), GoldenConnection(project)) as accelerator:
        got = accelerator.infer(images.values)
        assert np.array_equal(got.values, project.hardware_values(want))
        assert np.array_equal(got.labels, want.labels) and len(set(got.labels.tolist())) > 3
        assert len(got.scores) == len(images) and got.throughput > 0 and f"{len(images)} images in" in str(got)
        if project.network.input_spec == "codes":
            with pytest.raises(ValueError, match="no input declaration"):
                accelerator.infer(images.values.astype(float))
        else:
            assert np.array_equal(accelerator.infer(images.floats).values, got.values)
    assert accelerator.connection.closed


def test_what_does_not_fit_is_refused(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch)
    folder = written(project, scratch)
    with Accelerator(folder, GoldenConnection(project)) as accelerator:
        for images, reason in (
            (np.zeros((2, 5)), r"shape \(count, 6\), not float64 \(2, 5\)"), (np.zeros((0, 6)), "shape"),
            (np.full((1, 6), 32), "Value 32 is not one of uint5's"), (np.full((1, 6), 0.3), "must be integers"),
            (np.array(["a"] * 6)[None], "must be numbers"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=reason):
                accelerator.infer(images)
    other = Project(small(scratch / "m3.onnx", seed=3), input_spec=SPEC, directory=scratch / "other")
    connection = GoldenConnection(other)
    with pytest.raises(HostError, match="the hardware holds build .*, but .* is .*: load that one's bitstream"):
        Accelerator(folder, connection)
    assert connection.closed
    connection = GoldenConnection(project)
    connection.identity.beats_in += 1
    with pytest.raises(HostError, match="the hardware has beats_in"):
        Accelerator(folder, connection)


def narrow_input(path):
    """A model whose first quantizer is unsigned and narrow: 0 to 14."""
    rng, graph = np.random.default_rng(3), Graph(["N", 6])
    data = graph.quant("input", 1 / 16, 0.0, 4, 0, 1)
    hidden = graph.quant(graph.op("MatMul", data, graph.quant(rng.normal(0, 0.3, (6, 4)), 1 / 8)), 1 / 4, 0.0, 3, 0, 1)
    graph.end(graph.op("MatMul", hidden, graph.quant(rng.normal(0, 0.3, (4, 3)), 1 / 8, narrow=1)))
    return graph.save(path)


def test_an_input_holds_exactly_the_values_of_its_format(scratch):
    """Accumulators are sized for the format's values: the manifest's text must give the host those, and no more."""
    project = Project(narrow_input(scratch / "m.onnx"), directory=scratch)
    manifest, plan = project.manifest(), project.plan
    assert manifest["inputs"][0]["format"] == "uint4n" and parse_format("uint4n") == plan.entries[
        0
    ].format == UnsignedNarrow(4)
    assert parse_format(manifest["output"]["format"]) == plan.format
    for name, layer in manifest["layers"].items():
        of = plan.layers[name]
        formats = {"activations": of.x_format, "weights": of.dense.weight_format, "output": of.format}
        assert {what: parse_format(layer[what]) for what in formats} == formats
    values = np.tile(np.arange(15)[:, None], 6)
    with Accelerator(written(project, scratch), GoldenConnection(project)) as accelerator:
        want = project.execute(values)
        assert np.array_equal(accelerator.infer(values).values, project.hardware_values(want))
        assert accelerator.build.random(50).max() == 14
        for bad in (-1, 15, 16, np.uint64(2**64 - 1), np.uint8(255)):
            with pytest.raises(ValueError) as caught:
                accelerator.infer(np.full((1, 6), bad))
            assert str(caught.value) == f"Value {bad} is not one of uint4n's, which has 0 to 14"


def test_floats_that_are_no_numbers_are_refused(scratch):
    project = Project("examples/digits/float32.onnx", directory=scratch)
    build = Build(written(project, scratch))
    for bad in (np.nan, np.inf, 1e39):
        with pytest.raises(ValueError, match="Images must not hold NaN, or numbers beyond float32"):
            build.encode(np.full((1, 64), bad))


@pytest.mark.parametrize("text", [None, "{", "{}", '{"input": {}, "output": {}, "identity": "zz", "model": "m"}'])
def test_a_folder_that_is_no_build(text, scratch):
    if text is not None:
        (scratch / "manifest.json").write_text(text)
    with pytest.raises(HostError, match="no such file" if text is None else "not the manifest"):
        Build(scratch)


@pytest.mark.slow
@pytest.mark.tools
def test_the_verilator_model(scratch):
    """The generated Verilog as a program: bit-exact, batch after batch, its cycles as predicted, its end explained."""
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch, target=PORTABLE)
    project.generate()
    values = samples(40)
    want = project.execute(values)
    with Accelerator.verilator(scratch) as accelerator:
        got = accelerator.infer(values)
        assert np.array_equal(got.values, project.hardware_values(want))
        timing = project.manifest()["cycles"]
        assert got.details["cycles"] == timing["latency"] + 39 * timing["interval"] + 1
        for k in range(3):
            assert np.array_equal(accelerator.infer(values[k : k + 1]).values, got.values[k : k + 1])
        accelerator.connection._process.end()
        with pytest.raises(HostError, match="the Verilator model ended: it said nothing"):
            accelerator.infer(values)


def test_a_model_that_does_not_start_or_answer(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch)
    build = Build(written(project, scratch))
    with pytest.raises(HostError, match="cannot be started"):
        VerilatorConnection(build, scratch / "nothing")
    for name, text, reason in (
        ("mute", "exec sleep 60", "gave no result within 0.2 s"),
        ("broken", "echo 'no frames' >&2", "ended: no frames"),
    ):  # fmt: skip
        (scratch / name).write_text(f"#!/bin/sh\n{text}\n")
        (scratch / name).chmod(0o755)
        with pytest.raises(HostError, match=reason):
            VerilatorConnection(build, scratch / name, timeout=0.2)
