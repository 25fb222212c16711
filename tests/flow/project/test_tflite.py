"""A TensorFlow Lite model through the commands: built, built again, simulated."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from fewbit import extras
from tests.support.tflite_models import Chain, TfliteBuilder, reference_tensors


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


@pytest.mark.slow
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


def branches(dtype):
    """Two branches that are summed, multiplied, enlarged and averaged, with a function that has a kink."""
    chain = Chain((1, 6, 6, 3), seed=51, dtype=dtype)
    start = chain.x
    left = chain.conv(4, 3)
    chain.x = start
    right = chain.conv(4, 1, act=1)
    scale = max(chain.quantization(left)[0], chain.quantization(right)[0]) * 1.3
    words = {"potScaleInt16": False} if dtype == np.int16 else {}
    both = chain.then("ADD", chain.shape(), inputs=[left, right], scale=scale, table="AddOptions", **words)
    gate = chain.conv(4, 3)
    scale = chain.quantization(both)[0] * chain.quantization(gate)[0] * (9000 if words else 25)
    chain.then("MUL", chain.shape(), inputs=[both, gate], scale=scale, table="MulOptions")
    size = chain.model.tensor((2,), np.int32, data=(9, 12))
    chain.same("RESIZE_BILINEAR", (1, 9, 12, 4), constants=[size], table="ResizeBilinearOptions", halfPixelCenters=True)
    chain.then("LEAKY_RELU", chain.shape(), scale=chain.quantization()[0], table="LeakyReluOptions", alpha=0.3)
    axes = chain.model.tensor((1,), np.int32, data=[1])
    chain.then("MEAN", (1, 12, 4), scale=chain.quantization()[0] * 0.4, constants=[axes], table="ReducerOptions")
    chain.dense(5)
    return chain


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.int8, np.int16], ids=["int8", "int16x8"])
def test_branches_are_simulated(fewbit, scratch, dtype):
    chain = branches(dtype)
    (scratch / "m.tflite").write_bytes(chain.content())
    most = 1 << 8 * np.dtype(dtype).itemsize - 1
    np.savez(scratch / "m.npz", x=chain.rng.integers(-most, most, (2, 6, 6, 3)).astype(dtype))
    status, out, err = fewbit("run", scratch / "m.tflite", "--images", scratch / "m.npz", "--check", "--json")
    assert status == 0 and json.loads(out)["executor"]["outputs_equal"] == 2, err
    status, out, err = fewbit("sim", scratch / "m.tflite", "--images", scratch / "m.npz", "-o", scratch / "b", "--json")
    found = json.loads(out)
    assert status == 0, err
    assert found["mismatches"] == 0 and found["cycles_exact"] and found["frames"] == 2
