"""Bias correction: what is kept between layers changes no bias, and is as much as memory is meant for."""

import numpy as np
import pytest

from fewbit.ptq import correction
from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.correction import mean_outputs
from fewbit.ptq.emit import QuantizationPlan, plain_model
from fewbit.ptq.graph import FloatLayer
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.ptq.reader import read_model
from tests.support.float_models import random_float_case
from tests.support.graphs import Graph


def residual(scratch, blocks):
    """Blocks of two convolutions each beside which their input is added, an average and a layer."""
    rng = np.random.default_rng(1)
    g = Graph(["N", 3, 6, 6])

    def conv(x, channels):
        return g.op("Conv", x, rng.normal(0, 0.3, (4, channels, 3, 3)), rng.normal(0, 1, 4), pads=[1] * 4)

    x = g.op("Relu", conv("input", 3))
    for _ in range(blocks):
        x = g.op("Relu", g.op("Add", conv(g.op("Relu", conv(x, 4)), 4), x))
    mean = g.op("Flatten", g.op("GlobalAveragePool", g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])))
    model = read_model(g.end(g.op("MatMul", mean, rng.normal(0, 1, (4, 3)))).save(scratch / "m.onnx"))
    return model, rng.normal(0, 1, (10, 3, 6, 6)).astype(np.float32)


def biases_of(model, x, bits, progress=None):
    calibration = calibrate(model, x, declared=False)
    return quantize(model, calibration, bits, Options(), progress).biases


@pytest.mark.parametrize("most", [0, 10 * 4 * 4 * 36, 1 << 29])
def test_what_is_kept_changes_no_bias(scratch, monkeypatch, most):
    """With nothing kept but the input, with one tensor of a block at most, and with all that a front has."""
    model, x = residual(scratch, 3)
    bits = {layer.name: Bits(4, 4) for layer in model.layers}
    plan = quantize(model, calibrate(model, x, declared=False), bits, Options(correct=False))
    monkeypatch.setattr(correction, "_MOST_BYTES", most)
    found = biases_of(model, x, bits)
    calibration = calibrate(model, x, declared=False)
    for layer in model.layers:
        shift = mean_outputs(model, plan, layer, x) - calibration.means[layer.name]
        bias = np.zeros(layer.neurons) if layer.bias is None else layer.bias
        plan.biases[layer.name] = (bias - shift).astype(np.float32)
        assert np.array_equal(found[layer.name], plan.biases[layer.name]) and np.abs(shift).max() > 1e-3


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("every", [1, 2])
def test_random_models_have_the_biases_of_whole_runs(scratch, monkeypatch, seed, every):
    """All layers quantized, and every other one, whose neighbours' tensors stay float."""
    case = random_float_case(seed)
    model = read_model(case.graph.save(scratch / "m.onnx"))
    bits = {layer.name: Bits(3, 3) for layer in model.layers[::every]}
    found = biases_of(model, case.x, bits)
    monkeypatch.setattr(correction, "_MOST_BYTES", 0)
    whole = biases_of(model, case.x, bits)
    assert list(found) == list(whole) == list(bits)
    assert all(np.array_equal(found[name], whole[name]) for name in whole)


def test_a_layer_is_run_a_few_times_however_deep_the_model(scratch, monkeypatch):
    """And what is kept are the two tensors of a block at most."""
    counts, kept = [], []

    def counted(model, plan, outputs, front, make=correction.session_of):
        ran = plain_model(model, plan, outputs, front=front).graph.node
        counts.append(sum(node.op_type in ("Conv", "MatMul") for node in ran))
        kept.append(len(front.tensors))
        return make(model, plan, outputs, front)

    monkeypatch.setattr(correction, "session_of", counted)
    for blocks in (2, 6):
        model, x = residual(scratch, blocks)
        counts.clear()
        told = []
        biases_of(model, x, {layer.name: Bits(4, 4) for layer in model.layers}, told.append)
        assert told == list(range(1, len(model.layers) + 1))
        assert sum(counts) <= 3 * len(model.layers) and max(kept) <= 2


def test_fronts(scratch):
    model, _ = residual(scratch, 1)
    names = {p: model.front_at(p).tensors for p in range(len(model.steps))}
    places = [k for k, step in enumerate(model.steps) if isinstance(step, FloatLayer)]
    first, second, third, last = (model.layers[k] for k in range(4))
    assert names[places[0]] == ("input",) and names[places[1]] == (second.x,)
    assert set(names[places[2]]) == {third.x, second.x} and names[places[3]] == (last.x,)
    assert model.bytes_of(second.x) == 4 * 4 * 36 and model.shape_of("input") == (3, 6, 6)
    proto = plain_model(model, QuantizationPlan(), [third.y], front=model.front_at(places[2]))
    assert [node.op_type for node in proto.graph.node] == ["Conv"]
    assert {one.name for one in proto.graph.input} == {third.x, second.x}
