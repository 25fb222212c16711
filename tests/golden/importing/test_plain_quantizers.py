"""Quantizers in plain operators, and weights that were folded into plain floats, against onnxruntime."""

import numpy as np
import onnxruntime
import pytest

from fewbit.golden.importing.folded_weights import on_a_grid
from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.execute import run
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Largest, View, Windows
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary
from tests.support.graphs import Graph
from tests.support.qdq_models import reference

SEED = np.random.default_rng(0)
INPUTS = SEED.normal(0, 1, (40, 6)).astype(np.float32)
IMAGES = SEED.normal(0, 1, (8, 2, 6, 5)).astype(np.float32)


def weights(*shape, scale=0.0371, most=7):
    """Return float32 multiples of a scale, or of a scale for each neuron (the first axis)."""
    return (SEED.integers(-most, most + 1, shape) * np.float32(scale)).astype(np.float32)


def fake(g, x, scale, lo, hi, how="Round Clip"):
    """Add a quantizer as exporters write it."""
    if how == "Round Clip":
        return g.op("Mul", g.clip(g.op("Round", g.op("Div", x, scale)), lo, hi), scale)
    if how == "Clip Round":
        return g.op("Mul", g.op("Round", g.clip(g.op("Mul", x, 1 / scale), lo, hi)), scale)
    if how == "zero point":
        codes = g.clip(g.op("Add", g.op("Round", g.op("Div", x, scale)), 3.0), lo + 3, hi + 3)
        return g.op("Mul", g.op("Sub", codes, 3.0), scale)
    if how == "Floor":
        codes = g.op("Floor", g.op("Add", g.op("Div", x, scale), 0.5))
        return g.op("Mul", g.op("Min", g.op("Max", codes, lo), hi), scale)
    assert how == "DoReFa"
    return g.op("Div", g.op("Round", g.op("Mul", g.clip(x, 0.0, 1.0), hi)), hi)


def same(graph, x, path, spec=None):
    """Import a graph, whose outputs must all be onnxruntime's without optimizations; returns the network."""
    network = import_model(graph.save(path), spec)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        graph.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (want,) = session.run(None, {"input": x})
    (got,) = run(network, network.encode(x)).outputs.values()
    assert got.shape == want.shape and len(np.unique(want)) > 9
    assert np.abs(got - want).max() <= 1e-6 * np.abs(want).max()
    return network


@pytest.mark.parametrize("how", ["Round Clip", "Clip Round", "zero point", "Floor", "DoReFa"])
def test_on_input_and_activations(how, scratch):
    """Of an input that nobody declares, whose codes the host makes then, and of a convolution."""
    graph = Graph([len(IMAGES), 2, 6, 5])
    x = fake(graph, "input", 0.1137, -8.0, 7.0, how)
    x = graph.op("Relu", graph.op("Conv", x, weights(4, 2, 3, 3), pads=[1, 1, 1, 1]))
    x = graph.op("MaxPool", fake(graph, x, 0.2113, 0.0, 15.0, how), kernel_shape=[2, 2], strides=[2, 2])
    x = graph.op("Gemm", graph.op("Flatten", x), weights(5, 24), transB=1)
    network = same(graph.end(x), IMAGES, scratch / "m.onnx")
    nodes = [n for n in network.nodes if not isinstance(n, Windows | View)]
    assert [type(n) for n in nodes if not isinstance(n, Threshold | Rescale)] == [Dense, Largest, Dense]
    assert isinstance(nodes[1], Threshold | Rescale) and network.inputs[0].format.bits <= 5


@pytest.mark.parametrize("how", ["round", "x + (q - x)", "(q - x) + x", "x - (x - q)"])
def test_straight_through_estimators(how, scratch):
    """``x + (q(x) - x).detach()`` of training code, of the rounding alone and of the whole quantizer."""

    def quantized(x, scale, lo, hi):
        if how == "round":
            d = g.op("Div", x, scale)
            d = g.op("Add", d, g.op("Sub", g.op("Round", d), d))
            return g.op("Mul", g.clip(d, lo, hi), scale)
        q = fake(g, x, scale, lo, hi)
        if how == "x - (x - q)":
            return g.op("Sub", x, g.op("Sub", x, q))
        pair = x, g.op("Sub", q, x)
        return g.op("Add", *(pair if how == "x + (q - x)" else pair[::-1]))

    g = Graph(["N", 6])
    t = g.op("MatMul", quantized("input", 0.1373, -8.0, 7.0), weights(6, 9))
    network = same(g.end(g.op("MatMul", quantized(g.op("Relu", t), 0.0511, 0.0, 15.0), weights(9, 4))), INPUTS,
                   scratch / "m.onnx")  # fmt: skip
    assert not [n for n in network.nodes if isinstance(n, Add)]


def test_one_quantizer_of_several_readers(scratch):
    """Both layers and the sum read one edge of codes, of the input as well."""
    graph = Graph([len(INPUTS), 6])
    x = fake(graph, "input", 0.25, -8.0, 7.0)
    y = fake(graph, graph.op("MatMul", x, weights(6, 6, scale=0.25)), 0.25, -8.0, 7.0)
    y = graph.op("Add", graph.op("Add", graph.op("MatMul", y, weights(6, 6, scale=0.25)), y), x)
    network = same(graph.end(y), INPUTS, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Dense, Threshold, Dense, Add, Add]


@pytest.mark.parametrize("kind, fmt", [("Where", Bipolar()), ("Sign", Ternary()), ("two", Bipolar())])
def test_signs(kind, fmt, scratch):
    """As comparisons, as ``Sign``, whose zero stays zero, and as a sum of truth values."""

    def sign(g, x):
        if kind == "Sign":
            return g.op("Sign", x)
        if kind == "Where":
            return g.op("Where", g.op("GreaterOrEqual", x, 0.0), 1.0, -1.0)
        return g.op("Sub", g.op("Mul", g.op("Where", g.op("Less", x, 0.0), 0.0, 1.0), 2.0), 1.0)

    graph = Graph([len(INPUTS), 6])
    x = graph.op("MatMul", sign(graph, "input"), np.sign(weights(6, 8) + 0.01))
    x = graph.op("MatMul", sign(graph, x), np.sign(weights(8, 7) + 0.01) * np.float32(0.731))
    network = same(graph.end(x), np.round(INPUTS * 8) / 8, scratch / "m.onnx", "int8/8")
    assert [type(n) for n in network.nodes] == [Threshold, Dense, Threshold, Dense]
    assert kind == "two" or all(n.format == fmt for n in network.nodes if isinstance(n, Threshold))


def test_odd_bounds(scratch):
    """Codes are clipped where the model clips them, not where a format of so many bits ends."""
    graph = Graph([len(INPUTS), 6])
    x = fake(graph, graph.op("MatMul", fake(graph, "input", 0.0625, -100.0, 80.0), weights(6, 9)), 0.01, -3.0, 77.0)
    network = same(graph.end(graph.op("MatMul", x, weights(9, 8))), 3 * INPUTS, scratch / "m.onnx")
    edges = network.edges()
    assert network.inputs[0].format == Signed(8, narrow=True) and (edges[network.nodes[1].y].hi <= 77).all()


def test_clips_between_levels(scratch):
    """What a clip leaves lies between two levels; the integers are as fine as float32 needs them."""
    graph = Graph([len(INPUTS), 6])
    x = graph.op("MatMul", fake(graph, "input", 0.123, -8.0, 7.0), weights(6, 9))
    x = graph.clip(graph.op("Relu", fake(graph, x, 0.0937, -8.0, 7.0)), 0.0, 0.35)
    network = same(graph.end(graph.op("MatMul", x, weights(9, 8))), INPUTS, scratch / "m.onnx")
    assert str(network.nodes[1].format) == "levels 0,937,1874,2811,3500"


# Weights


@pytest.mark.parametrize("most, per_neuron", [(1, False), (7, True), (127, False), (127, True), (255, True)])
def test_folded_weights(most, per_neuron, scratch):
    """Of a convolution and of both kinds of matrix products, one scale a tensor or one a neuron."""
    scales = SEED.uniform(0.5, 1, 5) / most if per_neuron else np.full(5, 0.75 / most)
    graph = Graph([len(IMAGES), 2, 6, 5])
    kernels = weights(5, 2, 3, 3, scale=scales[:, None, None, None], most=most)
    x = fake(graph, graph.op("Conv", fake(graph, "input", 0.125, -8.0, 7.0), kernels), 0.5, -8.0, 7.0)
    x = graph.op("Flatten", graph.op("GlobalMaxPool", x))
    x = graph.op("Gemm", x, weights(5, 5, scale=scales[:, None], most=most), transB=1)
    x = graph.op("MatMul", fake(graph, x, 0.5, -8.0, 7.0), weights(5, 5, scale=scales, most=most))
    network = same(graph.end(x), IMAGES, scratch / "m.onnx")
    assert max(np.abs(n.weights).max() for n in network.nodes if isinstance(n, Dense)) in range(most // 2, most + 1)


def test_grids():
    """Products that were rounded once or twice are found; what is on no grid is not."""
    k = SEED.integers(-127, 128, (4, 50))
    for scale in np.float32([0.0371, 1.0, 3e-5, 1 / 127]):
        found, step = on_a_grid((k * scale).astype(np.float32), 0)
        assert np.array_equal(found, k) and np.allclose(step, scale, rtol=1e-7)
    twice = ((k / np.float32(127)).astype(np.float32) * np.float32(0.31)).astype(np.float32)
    found, step = on_a_grid(twice, 0)
    assert np.array_equal(found, k) and np.abs(found * step - twice).max() < 1e-7
    found, step = on_a_grid((k * np.float32([[0.1], [0.17], [0.23], [0.31]])).astype(np.float32).T, 1)
    assert np.array_equal(found, k.T)
    assert on_a_grid(SEED.normal(0, 1, (4, 50)).astype(np.float32), 0) is None
    assert on_a_grid(np.zeros((2, 3), dtype=np.float32), 0)[0].any() == 0


def test_what_is_float_stays_float(scratch):
    """Without any quantizer on data a model is float32, whatever rounds its shapes."""
    graph = Graph(["N", 6])
    graph.end(graph.op("MatMul", "input", graph.op("Round", weights(6, 5))))
    assert isinstance(import_model(graph.save(scratch / "m.onnx")).nodes[0], FloatDense)
    graph = Graph(["N", 6])
    x = graph.op("Mul", graph.op("Round", "input"), 0.5)
    graph.end(graph.op("MatMul", x, weights(6, 5)))
    with pytest.raises(ModelError, match="gets here without a quantizer; declare"):
        import_model(graph.save(scratch / "m.onnx"))


def test_a_sign_of_the_input_that_is_never_zero(scratch):
    """Binary networks write ``Where(sign(x) == 0, 1, sign(x))``; of an input the host computes it."""
    graph = Graph(["N", 8])
    sign = graph.op("Sign", "input")
    t = graph.op("Where", graph.op("Equal", sign, 0.0), 1.0, sign)
    graph.end(graph.op("MatMul", t, np.sign(np.random.default_rng(2).normal(0, 1, (8, 5)))))
    network = import_model(graph.save(scratch / "m.onnx"))
    x = np.random.default_rng(3).integers(-2, 3, (30, 8)).astype(np.float32)
    (y,) = run(network, network.encode(x)).outputs.values()
    (wanted,) = reference(graph.model(), {"input": x}, [graph.nodes[-1].output[0]]).values()
    assert np.array_equal(y, wanted) and (x == 0).any()
