"""Every network of the survey: what JAX computes is what the exported file computes; states follow their rules."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

from fewbit.golden.model_file.domains import EXCHANGE  # noqa: E402
from fewbit.train import data, export, fit, model, survey  # noqa: E402
from fewbit.train.dorefa import DoReFaWeights  # noqa: E402
from fewbit.train.layers import ByLayer, Conv, DenseLayer, Pool, Residual, product_names, quantizer_of  # noqa: E402
from fewbit.train.quantize import Binary, Float, Uniform  # noqa: E402
from fewbit.train.recipe import Recipe  # noqa: E402
from fewbit.train.scaled import Lsq, Pact, Symmetric, TernaryLearned, Ttq, Xnor  # noqa: E402
from fewbit.train.stochastic import Draws, GradientBits, HardwareDraws, StochasticBipolar  # noqa: E402
from fewbit.train.tables import Clusters, Lq  # noqa: E402

SMALL = data.Dataset((16,), "uint5/16", None, None)


def network(weight, act, **more):
    return Recipe("small", **{"weight": weight, "act": act, "layers": (DenseLayer(8),)} | more)


def noise(n=64, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 17, (1, n, 16), dtype=np.uint8), rng.integers(0, 10, n)


def exported(recipe, params, x, path):
    export.write(recipe, SMALL, params, path)
    return export.execute(path, x)


def untrained(recipe, raw, start=None):
    make = jax.jit(lambda start: model.init(recipe, SMALL.shape, jax.random.key(3), start))
    return jax.tree.map(np.asarray, model.calibrate(recipe, make(start), SMALL.to_input(raw)))


# Every operator once; `test_all_rows` has the rest.
KINDS = {
    "tables": network(ByLayer(Clusters(2), last=Ttq()), Lq(2)),
    "stochastic": network(StochasticBipolar(), StochasticBipolar(), layers=(DenseLayer(8), DenseLayer(6))),
}
OPERATORS = {"tables": ["LevelQuant", "BasisQuant", "TernaryQuant"], "stochastic": ["StochasticQuant"] * 2}


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_exported_file_computes_the_same(kind, tmp_path):
    recipe, raw = KINDS[kind], noise(200)[0][0]
    params, x = untrained(recipe, raw), SMALL.to_input(raw)
    logits = exported(recipe, params, x, tmp_path / "model.onnx")
    assert (logits == np.asarray(model.forward(recipe, params, x, HardwareDraws()))).all()
    assert (logits.argmax(1) == fit.predict(recipe, SMALL, params, raw)).all() and len(np.unique(logits)) > 5
    proto = onnx.load(tmp_path / "model.onnx")
    ours = [node for node in proto.graph.node if node.domain == EXCHANGE]
    assert [node.op_type for node in ours] == OPERATORS[kind]
    assert EXCHANGE in {entry.domain for entry in proto.opset_import}
    seeds = [a.i for node in ours for a in node.attribute if a.name == "seed"]
    assert seeds == ([1, 2] if kind == "stochastic" else [])


@pytest.mark.slow
@pytest.mark.parametrize("name", survey.ROWS)
def test_all_rows(name, tmp_path):
    """Trained for some steps with two seeds at once, the loss falls, and the files compute what JAX computes."""
    row = survey.ROWS[name]
    row = replace(row, recipe=replace(row.recipe, steps=150))
    train, held_out = data.load(validation=True)
    images = data.augment(train.raw, copies=2, seed=1)
    start = None
    if row.start:
        first = replace(survey.ROWS[row.start].recipe, steps=150)
        start = fit.train_seeds(first, data.DIGITS, images, train.label, (1, 2))[0]
    params, losses = fit.train_seeds(row.recipe, data.DIGITS, images, train.label, (1, 2), start=start)
    assert losses.shape == (2, 150) and (losses[:, -20:].mean(1) < losses[:, :10].mean(1)).all()
    assert (params[0]["weight"][0] != params[0]["weight"][1]).any()
    x = data.DIGITS.to_input(held_out.raw)
    for place in range(2):
        export.write(row.recipe, data.DIGITS, fit.of_seed(params, place), tmp_path / "model.onnx")
        logits = export.execute(tmp_path / "model.onnx", x)
        known = fit.of_seed(params, place)
        assert (logits.argmax(1) == fit.predict(row.recipe, data.DIGITS, known, held_out.raw)).all()
        if name != "float32":
            assert (logits == np.asarray(model.forward(row.recipe, known, x, HardwareDraws()))).all()
    accuracies = fit.accuracies(row.recipe, data.DIGITS, params, held_out.raw, held_out.label)
    assert accuracies[1] == 100 * (logits.argmax(1) == held_out.label).mean() and min(accuracies) > 30


@pytest.mark.slow
def test_convolutions_of_every_operand(tmp_path):
    """Operands a channel, and tables a channel, lie where ONNX has the channels."""
    raw = np.random.default_rng(2).integers(0, 17, (40, 64), dtype=np.uint8)
    images = replace(data.DIGITS, shape=(8, 8, 1))
    for weight in (Xnor(), Lq(2, per_channel=True)):
        recipe = Recipe("cnn", weight=weight, act=Uniform(2, scale=1.0), layers=(Conv(4), Conv(None), Pool()))
        make = jax.jit(lambda recipe=recipe: model.init(recipe, images.shape, jax.random.key(1)))
        params = jax.tree.map(np.asarray, model.calibrate(recipe, make(), images.to_input(raw)))
        export.write(recipe, images, params, tmp_path / "cnn.onnx")
        x = images.to_input(raw)
        logits = export.execute(tmp_path / "cnn.onnx", images.to_onnx(x))
        assert (logits == np.asarray(model.forward(recipe, params, x))).all()


@pytest.mark.slow
def test_a_step_of_training_follows_the_rules():
    """Bases by least squares, centroids and scales by gradients, anchors and clustered weights not at all."""
    images, label = noise()
    weight, layers = ByLayer(Clusters(1), fc1=Lq(1, per_channel=True), last=Ttq()), (DenseLayer(8), DenseLayer(6))
    recipe = network(weight, ByLayer(Binary(), first=Lq(1)), layers=layers, steps=3, batch=16)
    recipe = replace(recipe, gradient=GradientBits(6))
    before = jax.jit(lambda: model.init(recipe, SMALL.shape, jax.random.split(jax.random.key(1))[0]))()
    after, losses = fit.train(recipe, SMALL, images, label)
    assert np.isfinite(losses).all()
    pairs = zip(before, after, strict=True)
    moved = [jax.tree.map(lambda a, b: bool(np.any(a != b)), a, {k: b[k] for k in a}) for a, b in pairs]
    assert moved[0]["weight_state"] == {"basis": True} and moved[0]["act_state"] == {"basis": True}
    assert moved[0]["weight"] and moved[2]["weight"] and not moved[1]["weight"]
    assert moved[1]["weight_state"] == {"centroids": True, "anchors": False}
    assert moved[2]["weight_state"] == {"exponents": True}


def test_pull_is_the_mean_square_to_the_levels():
    raw, label = noise(8)
    recipe = network(Binary(), Binary())
    params, x = model.init(recipe, SMALL.shape, jax.random.key(1)), SMALL.to_input(raw[0])
    alone, pulled = (fit.loss(r, params, x, label)[0] for r in (recipe, replace(recipe, pull=0.5)))
    away = sum(np.mean((np.asarray(p["weight"]) - np.where(p["weight"] >= 0, 1, -1)) ** 2) for p in params)
    assert pulled - alone == pytest.approx(0.5 * away, rel=1e-4)


@pytest.mark.slow
def test_begins_with_a_float_network():
    images, label = noise()
    float32 = network(Float(), Float(), steps=2, batch=16)
    start, _ = fit.train_seeds(float32, SMALL, images, label, (1, 2))
    recipe = network(Lsq(4, signed=True), Lsq(4), steps=1, rate=1e-9, batch=16)
    params, _ = fit.train_seeds(recipe, SMALL, images, label, (1, 2), start=start)
    for a, b in zip(start, params, strict=True):
        assert np.allclose(a["weight"], b["weight"], atol=1e-6)
    assert np.allclose(start[0]["gamma"], params[0]["gamma"], atol=1e-6)


def test_start_has_the_same_layers_and_fits_limits():
    start = model.init(network(Float(), Float()), SMALL.shape, jax.random.key(1))
    taken = model.init(network(Binary(), Binary()), SMALL.shape, jax.random.key(2), start)[0]["weight"]
    assert np.abs(taken).max() <= 1 and 0.4 < np.abs(taken).mean() <= 0.5
    assert (np.sign(taken) == np.sign(start[0]["weight"])).all()
    other = Recipe("other", layers=(DenseLayer(4),))
    with pytest.raises(ValueError, match=r"fc1: the network to start from has weights \(16, 8\)"):
        model.init(other, SMALL.shape, jax.random.key(1), start)


@pytest.mark.slow
def test_several_seeds_are_the_single_ones():
    images, label = noise()
    recipe = network(Lsq(2, signed=True), Pact(2), steps=2, batch=16)
    several, losses = fit.train_seeds(recipe, SMALL, images, label, (1, 2))
    for place, seed in enumerate((1, 2)):
        alone, loss = fit.train(replace(recipe, seed=seed), SMALL, images, label)
        assert np.allclose(loss, losses[place], rtol=1e-4)
        for a, b in zip(alone, fit.of_seed(several, place), strict=True):
            assert np.allclose(a["weight"], b["weight"], atol=1e-4)


def test_weights_are_random_in_training_only():
    x, quantizer = jnp.linspace(-1, 1, 101), StochasticBipolar()
    step = Draws(jax.random.key(1), 0.5)
    assert (quantizer.weights(x, {}, None) == jnp.where(x >= 0, 1, -1)).all()
    assert (quantizer.weights(x, {}, step) != quantizer.weights(x, {}, step)).any()
    with pytest.raises(ValueError, match="Stochastic activations need draws"):
        quantizer.activations(x, {}, None)
    first, second = (HardwareDraws(0).uniform((4, 3), quantizer), HardwareDraws(2).uniform((2, 3), quantizer))
    assert (first[2:] == second).all() and first.min() >= 0 and first.max() < 1


def test_layers_have_names():
    layers = (Conv(4), Pool(), Residual((Conv(4), Conv(4)), Conv(4)), DenseLayer(3))
    names = product_names(layers)
    assert names == ("conv1", "conv2", "conv3", "conv4", "fc5", "fc6")
    choice = ByLayer("b", first="a", conv3="c", last="d")
    assert [quantizer_of(choice, name, names) for name in names] == ["a", "b", "c", "b", "b", "d"]
    assert choice == ByLayer("b", last="d", conv3="c", first="a") and hash(choice) == hash(ByLayer("b", last="d",
        conv3="c", first="a"))  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(ByLayer(Float(), fc9=Binary()), Float()), "Layers of Recipe's weight must be of .*, not fc9"),
        (lambda: network(Pact(2), Float()), r"weights cannot be quantized by Pact\(bits=2.*, which is for activations"),
        (lambda: network(Float(), ByLayer(Float(), first=Ttq())), "activations cannot be quantized by Ttq.*, which is"),
        (lambda: network(Float(), Lq(2, per_channel=True)), "activations cannot be quantized by Lq.* for weights"),
        (lambda: Symmetric(4), "Levels must be an odd number from 3 to 255, not 4"),
        (lambda: DoReFaWeights(1), "Bits must be 2 to 4, not 1"),
        (lambda: Lsq(9), "Bits must be 1 to 8, not 9"),
        (lambda: survey.train_row(survey.ROWS["clusters-w2a4"], None, None), "clusters-w2a4 begins with float32"),
        (lambda: next(survey.train_rows(["w9"])), "Rows must be of float32, .*, not w9"),
    ],
)
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_learned_threshold_begins_with_twn():
    x = jnp.asarray(np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32))
    from fewbit.golden import methods

    quantizer = TernaryLearned(precision=None)
    assert np.allclose(quantizer(x, quantizer.init(x, 1.0)), methods.twn(x), atol=1e-5)
