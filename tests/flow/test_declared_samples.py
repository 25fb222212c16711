"""Samples and declarations of the input: normalized, off the grid, and undeclared."""

import json

import numpy as np
import pytest

from fewbit.flow.float_images import load_floats
from fewbit.flow.images import ImageError, load_images
from fewbit.flow.project.project import Project
from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.numbers.declaration import parse_input
from fewbit.host.build import Build
from tests.support.graphs import Graph

IMAGENET = "uint8/255 normalize 0.485,0.456,0.406:0.229,0.224,0.225"
RNG = np.random.default_rng(1)
RAW = RNG.integers(0, 256, (6, 3, 5, 5)).astype(np.uint8)


def images_model(path):
    """A padded convolution of images whose first quantizer takes normalized floats."""
    graph, rng = Graph(["N", 3, 5, 5]), np.random.default_rng(2)
    x, weights = graph.quant("input", 0.05, bits=8), graph.const(rng.integers(-3, 4, (4, 3, 3, 3)) * 0.25)
    x = graph.quant(graph.op("Conv", x, graph.quant(weights, 0.25, bits=3), pads=[1, 1, 1, 1]), 0.5)
    weights = graph.const(rng.integers(-3, 4, (100, 3)) * 0.25)
    return graph.end(graph.op("MatMul", graph.op("Flatten", x), graph.quant(weights, 0.25, bits=3))).save(path)


def float_model(path):
    graph, rng = Graph(["N", 3, 5, 5]), np.random.default_rng(2)
    x = graph.op("Relu", graph.op("Conv", "input", rng.normal(0, 0.3, (4, 3, 3, 3)), pads=[1, 1, 1, 1]))
    return graph.end(graph.op("MatMul", graph.op("Flatten", x), rng.normal(0, 0.3, (100, 3)))).save(path)


def test_a_normalization_goes_from_the_option_to_the_manifest_and_the_driver(fewbit, scratch):
    model = images_model(scratch / "m.onnx")
    np.savez(scratch / "m.npz", x=RAW)
    status, out, err = fewbit("run", model, "--input", IMAGENET, "--check", "--json")
    found = json.loads(out)
    assert status == 0, err
    assert found["input"] == IMAGENET and found["executor"]["codes"] == found["executor"]["codes_tied"]
    assert fewbit("build", model, "--input", IMAGENET, "-o", scratch / "b")[0] == 0
    build, spec = Build(scratch / "b"), parse_input(IMAGENET)
    assert build.manifest["inputs"][0]["declaration"] == IMAGENET
    assert (build.encode(spec.floats(RAW)) == build.encode(RAW)).all()
    assert IMAGENET in (scratch / "b" / "verilog" / "README.md").read_text()
    assert import_model(scratch / "b" / "model.onnx").input_spec == IMAGENET
    with pytest.raises(ModelError, match="normalizes 2 channels, which a sample of shape"):
        import_model(model, "uint8 normalize 1,2:1")


def test_floats_off_the_grid_are_refused_by_run_and_rounded_by_quantize(fewbit, scratch):
    np.savez(scratch / "x.npz", x=RNG.random((6, 3, 5, 5)).astype(np.float32))
    model, spec = images_model(scratch / "m.onnx"), parse_input("uint8/255")
    status, out, err = fewbit("run", model, "--images", scratch / "x.npz", "--input", "uint8/255")
    assert (status, out) == (2, "") and "give the raw integers themselves, declare what" in err and err.count("\n") == 1
    found = load_floats(scratch / "x.npz", (3, 5, 5), spec)
    assert "floats of 'x' are no integers of uint8/255; they were rounded" in found.note
    assert (spec.floats(spec.encode(found.values)) == found.values).all()
    command = [
        "quantize",
        float_model(scratch / "f.onnx"),
        "--calibration",
        scratch / "x.npz",
        "-o",
        scratch / "q.onnx",
    ]
    status, _, err = fewbit(*command, "--input", IMAGENET, "--weights", 8, "--activations", 8)
    assert status == 0 and "they were rounded to the nearest" in err
    network = import_model(scratch / "q.onnx")
    assert network.input_spec == IMAGENET and Project(scratch / "q.onnx", directory=scratch / "b").plan


def test_undeclared_integers_get_a_proposal(fewbit, scratch):
    np.savez(scratch / "m.npz", x=RAW)
    model = images_model(scratch / "m.onnx")
    with pytest.raises(
        ImageError, match=r"these \(uint8\) become its floats with --input, for example --input uint8/255"
    ):
        load_images(scratch / "m.npz", import_model(model))
    np.savez(scratch / "m.npz", x=RAW // 2)
    status, _, err = fewbit("run", model, "--json")
    assert status == 0 and "are taken for the codes of the model's first quantizer" in err
