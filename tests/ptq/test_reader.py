"""Float models as post-training quantization reads them: batch norms folded, nothing else changed."""

import numpy as np
import onnxruntime
import pytest

from fewbit.golden.model_file.file import ModelError
from fewbit.ptq.emit import QuantizationPlan, plain_model
from fewbit.ptq.reader import read_model
from fewbit.ptq.runtime import Session
from tests.support.float_models import random_float_case
from tests.support.graphs import Graph

RNG = np.random.default_rng(1)


def outputs(model, x):
    return Session(plain_model(model, QuantizationPlan(), model.outputs), model.file).run(x)


def norm(graph, t, width):
    """A batch norm whose gammas and means have both signs."""
    constants = [RNG.normal(0, 1, width), RNG.normal(0, 1, width), RNG.normal(0, 1, width), RNG.uniform(0.2, 3, width)]
    return graph.op("BatchNormalization", t, *constants, epsilon=1e-3), [c.astype(np.float32) for c in constants]


def test_a_batch_norm_is_folded_by_its_algebra_in_double(scratch):
    graph = Graph(["N", 3, 6, 6])
    weights, bias = RNG.normal(0, 1, (5, 3, 3, 3)).astype(np.float32), RNG.normal(0, 1, 5).astype(np.float32)
    t, (gamma, beta, mean, variance) = norm(graph, graph.op("Conv", "input", weights, bias), 5)
    path = graph.end(graph.op("Relu", t)).save(scratch / "m.onnx")
    (layer,) = read_model(path).layers
    a = gamma.astype(np.float64) / np.sqrt(variance.astype(np.float64) + np.float32(1e-3))
    assert (a < 0).any() and (a > 0).any()
    assert np.array_equal(layer.weights, (weights * a.reshape(-1, 1, 1, 1)).astype(np.float32))
    assert np.array_equal(layer.bias, (a * bias + (beta - mean.astype(np.float64) * a)).astype(np.float32))
    assert [s.op_type for s in read_model(path).steps[1:]] == ["Relu"]


def test_scales_and_shifts_behind_a_product_are_folded(scratch):
    graph = Graph(["N", 4])
    weights = RNG.normal(0, 1, (3, 4)).astype(np.float32)
    t = graph.op("Gemm", "input", weights, np.float32([1, 2, 3]), alpha=0.5, beta=2.0, transB=1)
    t = graph.op("Div", graph.op("Sub", 1.0, graph.op("Mul", t, [2.0, 4.0, -8.0])), 4.0)
    (layer,) = read_model(graph.end(t).save(scratch / "m.onnx")).layers
    scale = np.float32([2, 4, -8]) / 4
    assert np.array_equal(layer.weights, -0.5 * scale * weights.T)
    assert np.array_equal(layer.bias, 0.25 - scale * np.float32([2, 4, 6]))


def test_what_has_another_reader_or_is_not_by_channel_stays(scratch):
    graph = Graph(["N", 2, 4, 4])
    conv = graph.op("Conv", "input", RNG.normal(0, 1, (2, 2, 1, 1)))
    t, _ = norm(graph, conv, 2)
    pixels = graph.op("Mul", graph.op("Conv", t, RNG.normal(0, 1, (2, 2, 1, 1))), RNG.normal(0, 1, (1, 1, 4, 4)))
    path = graph.end(graph.op("Add", pixels, conv)).save(scratch / "m.onnx")
    model = read_model(path)
    kinds = [getattr(s, "op_type", "layer") for s in model.steps]
    assert kinds == [
        "layer",
        "BatchNormalization",
        "layer",
        "Mul",
        "Add",
    ]


@pytest.mark.parametrize("seed", range(40, 50))
def test_the_folded_model_is_the_model(scratch, seed):
    """Random float models with batch norms: outputs up to float32 rounding, and labels where that does not decide."""
    case = random_float_case(seed)
    path = case.graph.save(scratch / "m.onnx")
    model = read_model(path)
    wanted = onnxruntime.InferenceSession(path.read_bytes()).run(None, {"input": case.x})
    found = outputs(model, case.x)
    for name, y in zip(model.outputs, wanted, strict=True):
        if y.dtype == np.float32:
            assert np.abs(found[name] - y).max() <= 1e-4 * np.abs(y).max()
            two = np.sort(y.reshape(len(y), -1), axis=1)[:, -2:]
            clear = np.diff(two, axis=1)[:, -1] > 1e-3 * np.abs(y).max()
            flat = found[name].reshape(len(y), -1).argmax(1), y.reshape(len(y), -1).argmax(1)
            assert np.array_equal(flat[0][clear], flat[1][clear])


def test_a_model_of_a_fixed_batch_runs_on_any_number_of_samples(scratch):
    graph = Graph([2, 3, 2])
    t = graph.op("Reshape", "input", graph.const([2, 6], np.int64))
    weights = RNG.normal(0, 1, (6, 4)).astype(np.float32)
    model = read_model(graph.end(graph.op("MatMul", t, weights)).save(scratch / "m.onnx"))
    x = RNG.normal(0, 1, (5, 3, 2)).astype(np.float32)
    (y,) = outputs(model, x).values()
    assert y.shape == (5, 4) and np.abs(y - x.reshape(5, 6) @ weights).max() < 1e-5


def test_layers_have_names_and_numbers(scratch):
    graph = Graph(["N", 4])
    t = graph.op("MatMul", "input", np.eye(4))
    model = read_model(graph.end(graph.op("MatMul", graph.op("Relu", t), np.eye(4))).save(scratch / "m.onnx"))
    first, last = model.layers
    assert model.layer("MatMul_0") is model.layer("first") is model.layer("0") is model.layer("-2") is first
    assert model.layer("last") is model.layer("1") is last
    with pytest.raises(ModelError, match="has no layer 'fc'; its layers are MatMul_0, MatMul_2"):
        model.layer("fc")


def refused(scratch, end, shape=("N", 4), **options):
    graph = Graph(list(shape), **options)
    with pytest.raises(ModelError) as error:
        read_model(graph.end(end(graph)).save(scratch / "m.onnx"))
    return str(error.value)


def test_what_cannot_be_quantized_is_named(scratch):
    weights = np.eye(4)
    assert "node 'Hardmax_1' (Hardmax): cannot be quantized: operation Hardmax is" in refused(
        scratch, lambda g: g.op("Hardmax", g.op("MatMul", "input", weights))
    )
    assert "node 'Quant_0' (Quant): the model is quantized already" in refused(
        scratch, lambda g: g.op("MatMul", g.quant("input", 1.0), weights)
    )
    assert "node 'MatMul_0' (MatMul): its first operand must depend on the input, its second be the weights" in refused(
        scratch, lambda g: g.op("MatMul", "input", "input"), shape=(4, 4)
    )
    assert "(Einsum): Einsum cannot be quantized; write the product as MatMul" in refused(
        scratch, lambda g: g.op("Einsum", "input", weights, equation="nk,mk->nm")
    )
    assert "(FusedGemm): it is onnxruntime's own operator; quantize the model as it was before" in refused(
        scratch, lambda g: g.op("FusedGemm", "input", weights, domain="com.microsoft", activation="Relu")
    )
    assert "has no layer (MatMul, Gemm or Conv)" in refused(scratch, lambda g: g.op("Relu", "input"))
    assert "opset 9 is too old" in refused(scratch, lambda g: g.op("MatMul", "input", weights), opset=9)
    assert "transA is not supported" in refused(
        scratch, lambda g: g.op("Gemm", "input", weights, transA=1), shape=(4, 4)
    )
