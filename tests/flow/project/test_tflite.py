"""A TensorFlow Lite model through the commands: built, built again, simulated."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from fewbit import extras
from tests.support.tflite_models import TfliteBuilder, reference_tensors


def small(path):
    """A layer of int8 with a bias, and what the interpreter gives for some samples."""
    rng, model = np.random.default_rng(1), TfliteBuilder()
    x = model.tensor((1, 12), np.int8, scale=0.05, zero=3)
    w = model.tensor((6, 12), np.int8, scale=0.01, data=rng.integers(-127, 128, (6, 12)))
    bias = model.tensor((6,), np.int32, scale=np.float32(0.05) * np.float32(0.01), data=rng.integers(-900, 900, 6))
    y = model.tensor((1, 6), np.int8, scale=0.08, zero=-4)
    model.operator("FULLY_CONNECTED", [x, w, bias], [y], table="FullyConnectedOptions")
    model.inputs, model.outputs = [x], [y]
    path.write_bytes(model.content())
    samples = rng.integers(-128, 128, (9, 12)).astype(np.int8)
    np.savez(path.with_suffix(".npz"), x=samples)
    return np.array([reference_tensors(model.content(), sample[None])[y].reshape(-1) for sample in samples])


def test_it_runs_and_is_checked(fewbit, scratch, monkeypatch):
    want = small(scratch / "m.tflite")
    status, out, _ = fewbit("run", scratch / "m.tflite", "--json")
    found = json.loads(out)
    assert status == 0 and np.array_equal(found["outputs"]["t3"], want)
    assert found["labels"] == want.argmax(1).tolist()
    status, out, _ = fewbit("run", scratch / "m.tflite", "--check", "--json")
    found = json.loads(out)["executor"]
    assert status == 0 and found["reference"] == "LiteRT's reference kernels"
    assert found["labels_equal"] == found["outputs_equal"] == len(want) and found["outputs"][0]["equal"] == want.size
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "ai_edge_litert" else find_spec(name))
    status, out, err = fewbit("run", scratch / "m.tflite", "--check")
    line = "fewbit: the package ai-edge-litert (extra 'tflite') is missing: pip install 'fewbit[tflite]'\n"
    assert (status, out, err) == (2, "", line)
    status, _, err = fewbit("run", scratch / "m.tflite", "--input", "uint8/255")
    assert status == 2 and "its input is of int8, so it cannot be declared as 'uint8/255'" in err


@pytest.mark.tools
def test_it_is_simulated_and_built_again(fewbit, scratch):
    want = small(scratch / "m.tflite")
    folder = scratch / "b"
    status, out, err = fewbit("sim", scratch / "m.tflite", "-o", folder, "--json")
    found = json.loads(out)
    assert status == 0, err
    assert found["mismatches"] == 0 and found["cycles_exact"] and found["frames"] == len(want)
    assert (folder / "model.tflite").read_bytes() == (scratch / "m.tflite").read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["output"]["meaning"] == "codes"
    assert fewbit("board", "ulx3s", folder, "--files")[0] == 0  # built again, of what the board has
