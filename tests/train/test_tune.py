"""Retraining: what is trained in JAX is what the exported QONNX computes, and it gets better."""

import numpy as np
import onnx
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Bipolar
from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.emit import QuantizationPlan, plain_model, qonnx_model
from fewbit.ptq.measure import accuracy, scores_of
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.ptq.reader import read_model
from fewbit.ptq.runtime import Session
from fewbit.train.tune import TunedNetwork, tune
from tests.support.executor import Executor
from tests.support.float_models import random_float_case
from tests.support.graphs import Graph

FORMATS = [(4, 4), (1, 3), (2, 3)]


def branches(path):
    """Two layers side by side by a Concat, a sum with a skipped tensor, a batch norm, an average, a last layer whose
    bias evens the classes out."""
    x = np.random.default_rng(0).normal(0, 1, (60, 2, 6, 6)).astype(np.float32)
    plain = _branches(path, np.zeros(3))
    return _branches(path, -scores_of(plain, QuantizationPlan(), x).mean(axis=0)), x


def _branches(path, bias):
    rng = np.random.default_rng(1)
    g = Graph(["N", 2, 6, 6])
    a, b = (g.op("Relu", g.op("Conv", "input", rng.normal(0, s, (3, 2, 1, 1)))) for s in (1, 5))
    joined = g.op("MaxPool", g.op("Concat", a, b, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    branch = g.op("Conv", joined, rng.normal(0, 1, (6, 3, 1, 1)), rng.normal(0, 1, 6), group=2)
    branch = g.op("BatchNormalization", branch, *rng.uniform(0.5, 2, (4, 6)))
    mean = g.op("Flatten", g.op("GlobalAveragePool", g.op("Relu", g.op("Add", branch, joined))))
    return read_model(g.end(g.op("Gemm", mean, rng.normal(0, 1, (6, 3)), bias)).save(path))


def planned(model, x, weights, activations, **options):
    bits = {layer.name: Bits(weights, activations) for layer in model.layers}
    return quantize(model, calibrate(model, x, declared=False), bits, Options(**options))


def labels_of_float(model, x):
    return scores_of(model, QuantizationPlan(), x).argmax(axis=1)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    "weights, activations", [FORMATS[2], *(pytest.param(*f, marks=pytest.mark.slow) for f in FORMATS[:2])]
)
def test_what_is_exported_computes_what_was_trained(scratch, weights, activations):
    """Before a step and after some: JAX, qonnx's executor and the golden model."""
    model, x = branches(scratch / "m.onnx")
    plan, labels, path = planned(model, x, weights, activations), labels_of_float(model, x), scratch / "q.onnx"
    before = TunedNetwork(model, plan, x)
    after, _ = tune(model, plan, x, labels, steps=5)
    for trained in (before.exported(before.start()), after):
        network = TunedNetwork(model, trained, x)
        found = np.asarray(network.logits(network.start(), x))
        path.write_bytes(qonnx_model(model, trained, {}).SerializeToString())
        proto = onnx.load(str(path))
        proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(x)
        (wanted,) = Executor(proto, x).outputs
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
        golden = import_model(path)
        assert np.array_equal(found.argmax(1), wanted.argmax(1))
        assert np.array_equal(run(golden, golden.encode(x)).labels, found.argmax(1))
        assert (found.std(axis=0) > 0).any()
    assert all((after.biases[name] != plan.biases[name]).any() for name in plan.biases)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(70, 76))
def test_random_models_compute_what_was_exported(scratch, seed):
    case = random_float_case(seed, batch=(0, 5)[seed % 2])
    model = read_model(case.graph.save(scratch / "m.onnx"))
    network = TunedNetwork(model, planned(model, case.x, *FORMATS[seed % 3]), case.x)
    end, params = network.graph.end, network.start()
    trained = network.exported(params)
    wanted = Session(plain_model(model, trained, [end]), model.file).run(case.x)[end].reshape(len(case.x), -1)
    if end != model.scores and end in trained.activations:
        wanted = trained.activations[end](wanted)
    found = np.asarray(network.logits(params, case.x))[:, -wanted.shape[1] :]
    assert np.abs(found - wanted).max() <= 1e-4 * max(1, np.abs(wanted).max())


def test_scales_are_shared_as_in_the_plan_and_have_few_bits(scratch):
    model, x = branches(scratch / "m.onnx")
    plan = planned(model, x, 3, 2)
    trained, _ = tune(model, plan, x, labels_of_float(model, x), steps=3)
    for old, new in ((plan.weights, trained.weights), (plan.activations, trained.activations)):
        assert old.keys() == new.keys()
        for name, quantizer in new.items():
            assert quantizer.format == old[name].format and np.shape(quantizer.scale) == np.shape(old[name].scale)
            mantissas = np.frexp(np.asarray(quantizer.scale, np.float64))[0] * 32
            assert (mantissas == np.rint(mantissas)).all() and (quantizer.scale > 0).all()
    assert trained.activations["t1"] is trained.activations["t3"]  # side by side in a Concat
    for name, latent in trained.latent.items():  # exactly what its quantizer makes of it
        assert np.array_equal(trained.weights[name](latent), latent)


def clusters(path, classes):
    """A dense network, its last layer by least squares, and samples around a centre a class."""
    rng = np.random.default_rng(3)
    labels = np.arange(240) % max(2, classes)
    x = (rng.normal(0, 1.5, (max(2, classes), 8))[labels] + rng.normal(0, 1, (240, 8))).astype(np.float32)
    first = rng.normal(0, 1, (8, 16)).astype(np.float32)
    wanted = 2.0 * np.eye(classes)[labels] - 1 if classes > 1 else 2.0 * labels[:, None] - 1
    last = np.linalg.lstsq(np.maximum(x @ first, 0), wanted, rcond=None)[0]
    g = Graph(["N", 8])
    hidden = g.op("Relu", g.op("MatMul", "input", first))
    return read_model(g.end(g.op("MatMul", hidden, last.astype(np.float32))).save(path)), x, labels


_SLOW = pytest.mark.slow


@pytest.mark.long
@pytest.mark.parametrize(
    "weights, activations, classes", [(1, 2, 4), pytest.param(2, 2, 4, marks=_SLOW), pytest.param(1, 2, 1, marks=_SLOW)]
)
def test_training_raises_accuracy_and_is_repeatable(scratch, weights, activations, classes):
    """A single score, too, whose sign is the label."""
    model, x, labels = clusters(scratch / "m.onnx", classes)
    plan = planned(model, x, weights, activations)
    assert {isinstance(q.format, Bipolar) for q in plan.weights.values()} == {weights == 1}
    (trained, losses), (again, _) = (tune(model, plan, x, labels, steps=300) for _ in range(2))
    before, after = (accuracy(scores_of(model, p, x), labels) for p in (plan, trained))
    assert losses[-20:].mean() < 0.9 * losses[:5].mean() and after > before
    made = [qonnx_model(model, p, {}).SerializeToString(deterministic=True) for p in (trained, again)]
    assert made[0] == made[1]
