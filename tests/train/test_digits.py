"""Training lowers the loss, is repeatable, and the exported file computes what the JAX model computes."""

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

jax = pytest.importorskip("jax")

from fewbit.train import data, export, fit, model  # noqa: E402
from fewbit.train.digits import EXAMPLE, RECIPES  # noqa: E402
from fewbit.train.recipe import Recipe  # noqa: E402


def short(name):
    return replace(RECIPES[name], steps=120, batch=64, copies=2)


@pytest.fixture(scope="module")
def images():
    train, held_out = data.load(validation=True)
    return data.augment(train.raw, copies=2, seed=1), train.label, held_out


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("w4a4", "w8a8"))) for name in RECIPES]
)
def test_short_training_and_export(name, images, tmp_path):
    versions, label, held_out = images
    recipe = short(name)
    params, losses = fit.train(recipe, data.DIGITS, versions, label)
    assert losses.shape == (120,)
    assert losses[-20:].mean() < 0.8 * losses[:10].mean()

    path = tmp_path / "model.onnx"
    export.write(recipe, data.DIGITS, params, path)
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=name == "float32")
    assert [(entry.key, entry.value) for entry in proto.metadata_props] == [("fewbit.input", "uint5/16")]
    assert [dim.dim_param or dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim] == ["batch", 64]

    x = data.DIGITS.to_input(held_out.raw)
    logits = export.execute(path, x)
    assert logits.shape == (360, 10)
    assert (logits.argmax(1) == fit.predict(recipe, data.DIGITS, params, held_out.raw)).all()
    accuracy = (logits.argmax(1) == held_out.label).mean()
    assert 0.5 < accuracy < 1
    if name != "float32":
        # Integers times powers of two: exact in any order of addition.
        assert (logits == np.asarray(model.forward(recipe, params, x))).all()


def test_same_seed_same_bytes(images):
    versions, label, _ = images
    recipe = short("ternary")

    def written(recipe):
        return export.build(recipe, data.DIGITS, fit.train(recipe, data.DIGITS, versions, label)[0]).SerializeToString(
            deterministic=True
        )

    assert written(recipe) == written(recipe)
    assert written(recipe) != written(replace(recipe, seed=2))


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("float32", "MatMul BatchNormalization Relu MatMul BatchNormalization Relu MatMul"),
        (
            "w1a1",
            "BipolarQuant MatMul BatchNormalization BipolarQuant BipolarQuant MatMul BatchNormalization BipolarQuant"
            " BipolarQuant MatMul",
        ),
        (
            "w4a4",
            "Quant Quant MatMul BatchNormalization Relu Quant Quant MatMul BatchNormalization Relu Quant Quant MatMul",
        ),
    ],
)
def test_exported_nodes(name, nodes):
    proto = onnx.load(EXAMPLE.folder / f"{name}.onnx")
    assert [node.op_type for node in proto.graph.node] == nodes.split()


def untrained(recipe, x):
    return model.calibrate(recipe, model.init(recipe, (64,), jax.random.key(1)), x)


def test_bipolar_input_is_that_of_twice_x_less_one(images, tmp_path):
    recipe = replace(short("w1a1"), input=RECIPES["w1a1"].weight)
    seen = np.asarray(model.quantize_input(recipe, np.arange(17) / np.float32(16)))
    assert seen.tolist() == [-1] * 8 + [1] * 9
    x = data.DIGITS.to_input(images[2].raw)
    params = untrained(recipe, x)
    export.write(recipe, data.DIGITS, params, tmp_path / "model.onnx")
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    assert [node.op_type for node in nodes][:3] == ["Mul", "Sub", "BipolarQuant"]
    assert (export.execute(tmp_path / "model.onnx", x) == np.asarray(model.forward(recipe, params, x))).all()


def test_calibration_measures_population_statistics(images):
    recipe = short("w1a2")
    x = data.DIGITS.to_input(images[0]).reshape(-1, 64)
    params = untrained(recipe, x)
    # The first layer's accumulators, by NumPy.
    codes = np.rint(np.clip(x * 4, 0, 3)) / 4
    accumulated = codes.astype(np.float64) @ np.where(params[0]["weight"] >= 0, 1.0, -1.0)
    assert np.allclose(params[0]["mean"], accumulated.mean(0), rtol=1e-4, atol=1e-4)
    assert np.allclose(params[0]["var"], accumulated.var(0), rtol=1e-4, atol=1e-4)
    assert "mean" not in params[-1]


def test_main_writes_only_what_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setitem(RECIPES, "w1a2", short("w1a2"))
    (tmp_path / "accuracy.json").write_text(json.dumps({"w8a8": {"correct": 1}}))
    lines = []
    results = EXAMPLE.main(tmp_path, ["w1a2"], lines.append)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accuracy.json", "test.npz", "w1a2.onnx"]
    assert json.loads((tmp_path / "accuracy.json").read_text()) == results
    assert list(results) == ["w1a2", "w8a8"]
    assert results["w1a2"]["equal"] == results["w1a2"]["images"] == 360
    assert len(lines) == 1


def test_unknown_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Networks must be of float32, w1a1, .*, not w3a3"):
        EXAMPLE.main(tmp_path / "none", ["w1a1", "w3a3"])
    assert not (tmp_path / "none").exists()


def test_recipe_is_checked():
    with pytest.raises(ValueError, match="Recipe's steps must be at least 1, not 0"):
        Recipe("x", steps=0)


def test_committed_test_split():
    _, test = data.load()
    with np.load(EXAMPLE.folder / "test.npz") as saved:
        assert sorted(saved) == ["label", "x"]
        assert saved["x"].dtype == np.float32
        assert (saved["x"] == data.DIGITS.to_input(test.raw)).all()
        assert (saved["label"] == test.label).all()


@pytest.mark.parametrize("name", RECIPES)
def test_committed_accuracy(name):
    """What ``accuracy.json`` says is what the committed file computes."""
    _, test = data.load()
    results = json.loads((EXAMPLE.folder / "accuracy.json").read_text())
    logits = export.execute(EXAMPLE.folder / f"{name}.onnx", data.DIGITS.to_input(test.raw))
    correct = int((logits.argmax(1) == test.label).sum())
    assert results[name]["correct"] == correct
    assert results[name]["accuracy"] == round(100 * correct / 360, 2)
    assert results[name]["equal"] == 360
    assert correct / 360 >= (0.92 if name == "w1a1" else 0.95)
    if name in ("w4a4", "w8a8"):
        assert results["float32"]["correct"] - correct <= 3.6
