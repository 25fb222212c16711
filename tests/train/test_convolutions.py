"""Convolutional networks: what training computes is what the exported file and the golden model compute."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from fewbit.golden.importing.importer import import_model  # noqa: E402
from fewbit.golden.network.execute import run  # noqa: E402
from fewbit.train import export, fashion_data, fit, model  # noqa: E402
from fewbit.train.catalogue import EXAMPLES  # noqa: E402
from fewbit.train.data import Dataset  # noqa: E402

LONG = {*(("fashion", name) for name in EXAMPLES["fashion"].recipes), ("digits-cnn", "w1a1")}  # to compile
NETWORKS = [
    pytest.param(example, name, marks=[pytest.mark.slow] * ((example, name) in LONG))
    for example in ("digits-cnn", "fashion")
    for name in EXAMPLES[example].recipes
]


def noise(shape, top, seed=1):
    """Images and labels that mean nothing."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, top + 1, (1, 64, np.prod(shape)), dtype=np.uint8), rng.integers(0, 10, 64)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(("example", "name"), NETWORKS)
def test_trained_exported_imported(example, name, tmp_path):
    dataset = EXAMPLES[example].dataset
    recipe = replace(EXAMPLES[example].recipes[name], steps=2, batch=16)
    images, label = noise(dataset.shape, 255 if example == "fashion" else 16)
    told = []
    params, losses = fit.train(recipe, dataset, images, label, lambda *at: told.append(at))
    assert losses.shape == (2,) and np.isfinite(losses).all() and told[-1][0] == 2
    path = tmp_path / "model.onnx"
    export.write(recipe, dataset, params, path)
    logits = export.execute(path, dataset.to_onnx(dataset.to_input(images[0])))
    assert logits.shape == (64, 10) and len(np.unique(logits)) > 10
    computed = np.asarray(model.forward(recipe, params, dataset.to_input(images[0])))
    assert (logits == computed).all(axis=1).mean() > 0.9  # batch norm rounds in another order, now and then over a tie
    network = import_model(path)
    raw = dataset.to_onnx(images[0].reshape(-1, *dataset.shape))
    assert (run(network, raw).outputs["logits"] == logits).all()


def test_depthwise_is_a_grouped_convolution():
    from fewbit.train.layers import Conv

    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 7, 6, 3)).astype(np.float32), rng.normal(size=(3, 3, 3)).astype(np.float32)
    y = model.convolve(x, w, Conv(None, stride=2, pad=1))
    want = jax.lax.conv_general_dilated(
        x, w[:, :, None], (2, 2), [(1, 1)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=3
    )
    assert np.allclose(y, want, atol=1e-5)


def test_missing_and_damaged_data(monkeypatch, tmp_path):
    monkeypatch.setenv(fashion_data.FOLDER, str(tmp_path))
    with pytest.raises(fashion_data.DataError, match="there is no train-images-idx3-ubyte.gz"):
        fashion_data.load()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\3" + b"\0\0\0\1" * 3)
    with pytest.raises(fashion_data.DataError, match="is damaged"):
        fashion_data.load()


def test_versions_of_clothes():
    raw = np.random.default_rng(3).integers(0, 256, (5, 784), dtype=np.uint8)
    versions = fashion_data.augment(raw, copies=4, seed=1).reshape(4, 5, 28, 28)
    images = raw.reshape(5, 28, 28)
    assert (versions[0] == images).all() and (versions[1] == images[:, :, ::-1]).all()
    for k, image in enumerate(images):
        shifted = [np.pad(image, 2)[i : i + 28, j : j + 28] for i in range(5) for j in range(5)]
        assert any((versions[2, k] == s).all() for s in shifted)


def test_what_does_not_fit_is_refused():
    recipe = EXAMPLES["digits-cnn"].recipes["w1a1"]
    small = Dataset((3, 3, 1), "uint5/16", None, None)
    with pytest.raises(ValueError, match="conv2: a kernel of 3 does not fit an image of 1x1"):
        model.init(recipe, small.shape, jax.random.key(1))
