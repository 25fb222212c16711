"""``--retrain`` of ``search`` and ``quantize``: trained on some samples, measured on others, and built as it is."""

import json
import sys

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from fewbit.places import HOME
from tests.support.small_float_models import convolutional, dense

DIGITS = HOME / "examples" / "digits"


def halves(folder):
    """``(calibration, images)``: options with the first and the other half of ``samples.npz``."""
    with np.load(folder / "samples.npz") as file:
        x, label = file["x"], file["label"]
    half = len(x) // 2
    np.savez(folder / "train.npz", x=x[:half], label=label[:half])
    np.savez(folder / "others.npz", x=x[half:], label=label[half:])
    return ("--calibration", folder / "train.npz"), ("--images", folder / "others.npz")


@pytest.mark.slow
def test_a_search_that_retrains(fewbit, scratch):
    model = dense(scratch / "m.onnx", count=240)
    calibration, _ = halves(scratch)
    with np.load(scratch / "others.npz") as file:
        x, label = file["x"], file["label"]
    half = len(x) // 2
    kept = {"chosen by": (x[:half], label[:half]), "held out": (x[half:], label[half:])}
    for name, (some, right) in kept.items():
        np.savez(scratch / f"{name}.npz", x=some, label=right)
    images = "--images", scratch / "chosen by.npz", "--test", scratch / "held out.npz"
    command = ("search", model, *calibration, *images, "--formats", "w4a4,w1a1", "--cycles", 1000, "-o", scratch / "o",
               "--retrain", "--steps", 150, "--json")  # fmt: skip
    status, out, err = fewbit(*command)
    assert status == 0, err
    found = json.loads(out)
    assert found["retrained"] == {"steps": 150, "samples": 120, "from": str(scratch / "train.npz")}
    trained, plain = (
        {tuple(c["formats"].values()): c for c in found["candidates"] if (c["by"] == "retrained") == which}
        for which in (True, False)
    )
    one = ("w1a–", "w1a1", "w1a1")
    assert one in trained and trained.keys() <= plain.keys()
    assert trained[one]["accuracy"] > plain[one]["accuracy"] and trained[one] in found["pareto"]
    for point in found["pareto"]:
        network = import_model(point["file"])
        right = {
            name: (run(network, some.astype(np.int64)).labels == known).mean() for name, (some, known) in kept.items()
        }
        assert right == {"chosen by": point["accuracy"], "held out": point["test"]["accuracy"]}


@pytest.mark.slow
@pytest.mark.parametrize("make", [dense, convolutional])
def test_quantizing_and_retraining(fewbit, scratch, make):
    """More samples keep their labels, the file is the same twice, and it runs as qonnx's executor runs it."""
    model = make(scratch / "m.onnx", count=120)
    calibration, images = halves(scratch)
    common = ("quantize", model, *calibration, *images, "--weights", 2, "--activations", 2)
    plain = json.loads(fewbit(*common, "-o", scratch / "plain.onnx", "--json")[1])
    status, out, err = fewbit(*common, "-o", scratch / "a.onnx", "--retrain", "--steps", 100, "--json")
    assert status == 0, err
    found = json.loads(out)
    assert plain["retrained"] is None and found["retrained"]["steps"] == 100
    assert found["accuracy"]["quantized"] >= plain["accuracy"]["quantized"]
    status, out, _ = fewbit(*common, "-o", scratch / "b.onnx", "--retrain", "--steps", 100)
    assert status == 0 and "retrained: 100 steps on 60 samples of " in out
    assert (scratch / "a.onnx").read_bytes() == (scratch / "b.onnx").read_bytes()
    status, out, err = fewbit("run", scratch / "a.onnx", *images, "--check", "--json")
    assert status == 0 and json.loads(out)["accuracy"] == found["accuracy"]["quantized"], err


def test_mistakes_are_one_line(fewbit, scratch, monkeypatch):
    model = dense(scratch / "m.onnx")
    calibration, images = halves(scratch)
    with np.load(scratch / "train.npz") as file:
        np.savez(scratch / "blind.npz", x=file["x"])
        np.savez(scratch / "wrong.npz", x=file["x"], label=file["label"] + 1)
    wrong = {
        ("--calibration", scratch / "blind.npz", *images): "blind.npz: has no array 'label', and retraining needs the",
        ("--calibration", scratch / "wrong.npz", *images): "'label' must be whole numbers from 0 to 2, the classes",
        images: "others.npz: retraining needs samples of its own; give those to train on with --calibration",
    }
    for command in ("search", "quantize"):
        for arguments, message in wrong.items():
            status, out, err = fewbit(command, model, *arguments, "--retrain")
            assert (status, out) == (2, "") and message in err and err.count("\n") == 1, err
    for name in [name for name in sys.modules if name.startswith("fewbit.train")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jax", None)
    status, out, err = fewbit("quantize", model, *calibration, *images, "--retrain")
    assert (status, out) == (2, "") and "package jax (extra 'train') is missing" in err


@pytest.mark.slow
def test_retraining_brings_the_digits_back(fewbit, scratch):
    """One bit, 300 steps on the training images: far better than without."""
    from fewbit.train.data import DIGITS as dataset

    train, _ = dataset.load()
    np.savez(scratch / "train.npz", x=train.raw, label=train.label)
    common = ("quantize", DIGITS / "float32.onnx", "--calibration", scratch / "train.npz", "--images",
              DIGITS / "test.npz", "--weights", 1, "--activations", 1, "-o", scratch / "q.onnx", "--json")  # fmt: skip
    plain, trained = (
        json.loads(fewbit(*common, *more)[1])["accuracy"]["quantized"] for more in ((), ("--retrain", "--steps", 300))
    )
    assert trained > plain + 0.3
