"""Calibration in batches: what it keeps of a batch, and that the size of a batch changes nothing."""

import numpy as np
import pytest

from fewbit.ptq import calibrate as calibration
from fewbit.ptq import sessions
from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.emit import QuantizationPlan, qonnx_model
from fewbit.ptq.measure import scores_of
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.ptq.reader import read_model
from fewbit.ptq.runtime import Session
from fewbit.ptq.sessions import session_of
from tests.support.graphs import Graph

SAMPLES = 20


@pytest.fixture
def branches(scratch):
    """Convolutions, a sum with a skipped tensor, an average, a last layer; and samples."""
    rng = np.random.default_rng(1)
    g = Graph(["N", 3, 8, 8])
    a = g.op("Relu", g.op("Conv", "input", rng.normal(0, 0.3, (5, 3, 3, 3)), pads=[1] * 4))
    b = g.op("Conv", a, rng.normal(0, 0.3, (5, 5, 3, 3)), pads=[1] * 4)
    mean = g.op("Flatten", g.op("GlobalAveragePool", g.op("Relu", g.op("Add", a, b))))
    model = read_model(g.end(g.op("MatMul", mean, rng.normal(0, 1, (5, 4)))).save(scratch / "m.onnx"))
    return model, rng.normal(0, 1, (SAMPLES, 3, 8, 8)).astype(np.float32)


def in_batches_of(monkeypatch, model, size):
    monkeypatch.setattr(sessions, "_MOST_BYTES", size * model.sample_bytes)


@pytest.mark.parametrize("most", [1 << 20, 1 << 10])
@pytest.mark.parametrize("method", ["mse", "percentile", "kl", "minmax"])
def test_batches_of_any_size_give_the_same_file(branches, monkeypatch, most, method):
    """With all values of a site, and with some of them: batches of 1, of 3, and all samples."""
    model, x = branches
    monkeypatch.setattr(calibration, "_MOST", most)
    made = {}
    for size in (1, 3, SAMPLES):
        in_batches_of(monkeypatch, model, size)
        found = calibrate(model, x, declared=False)
        bits = {layer.name: Bits(4, 4) for layer in model.layers}
        plan = quantize(model, found, bits, Options(activations=method))
        made[size] = found, qonnx_model(model, plan, {}).SerializeToString(deterministic=True)
    (whole, content), *others = made.pop(SAMPLES), *made.values()
    for found, same in others:
        assert all(np.array_equal(found.values[t], whole.values[t]) for t in whole.values)
        assert all(np.array_equal(found.means[name], whole.means[name]) for name in whole.means)
        assert np.array_equal(found.scores, whole.scores)
        assert same == content


def test_what_is_picked_of_many_values(branches, monkeypatch):
    """Every k-th value of a chunk of samples, and behind them the extremes of the chunk."""
    model, x = branches
    monkeypatch.setattr(calibration, "_MOST", 500)
    monkeypatch.setattr(calibration, "_CHUNK", 8)
    in_batches_of(monkeypatch, model, 3)
    want = []
    for at in range(0, SAMPLES, 8):
        flat = x[at : at + 8].reshape(-1)
        step = -(-flat.size // (500 * len(x[at : at + 8]) // SAMPLES))
        want += [*flat[::step], flat.min(), flat.max()]
    assert calibrate(model, x, declared=False).values["input"].tolist() == want


def test_means_are_those_of_all_values(branches):
    model, x = branches
    found = calibrate(model, x, declared=False)
    for layer in model.layers:
        y = session_of(model, QuantizationPlan(), [layer.y]).run(x)[layer.y].astype(np.float64)
        want = y.mean(axis=tuple(k for k in range(y.ndim) if k != 1))
        assert found.means[layer.name] == pytest.approx(want, rel=1e-6)


def test_one_batch_is_held_at_a_time(branches, monkeypatch):
    """However many samples there are, no more of them are run at once than memory is meant for, and the outputs of a
    batch are dropped before the next one."""
    model, x = branches
    in_batches_of(monkeypatch, model, 3)
    sizes, given = [], []

    def counted(self, part, size, run=Session._batch):
        sizes.append(len(part["input"]))
        assert not any(given)
        return run(self, part, size)

    def noted(self, values, run=Session.batches):
        for which, outputs in run(self, values):
            given.append(outputs)
            yield which, outputs

    monkeypatch.setattr(Session, "_batch", counted)
    monkeypatch.setattr(Session, "batches", noted)
    plan = quantize(model, calibrate(model, x, declared=False), {model.layers[0].name: Bits(4, 4)}, Options())
    assert plan.biases and sizes == [3] * 6 + [2] + [3] * 6 + [2]
    assert scores_of(model, plan, x).shape == (SAMPLES, 4)


def test_a_model_that_takes_one_sample_at_a_time(scratch):
    """Its Reshape knows the batch of its export: a larger batch is tried, and samples go one by one then."""
    rng = np.random.default_rng(2)
    g = Graph(["N", 4])
    hidden = g.op("MatMul", "input", rng.normal(0, 1, (4, 6)))
    y = g.op("MatMul", g.op("Reshape", hidden, g.const([1, 6], np.int64)), rng.normal(0, 1, (6, 2)))
    model = read_model(g.end(y).save(scratch / "m.onnx"))
    x = rng.normal(0, 1, (5, 4)).astype(np.float32)
    session = session_of(model, QuantizationPlan(), [model.scores])
    assert [which for which, _ in session.batches({"input": x})] == [slice(k, k + 1) for k in range(5)]
    assert scores_of(model, QuantizationPlan(), x).shape == (5, 2)
