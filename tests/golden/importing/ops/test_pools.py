"""Import of pools against the qonnx executor: every geometry, rounding of sizes, border divisors, truncation."""

import itertools

import numpy as np
import pytest
from onnx import helper

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network import execute
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.network.spatial import Largest, View, Windows
from tests.support.executor import Executor, agree, compare, raw_network
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (4, 2, 7, 6)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(0, 1, (3, 2, 3, 3))


def geometries():
    """Kernel, stride, dilation, padding; those that onnxruntime takes."""
    for k, s, d, p in itertools.product((1, 2, 3), (1, 2, 3), (1, 2), (0, 1, 2)):
        if k * s > 1 and p < k and (k - 1) * d + 1 <= 6 + 2 * p:
            yield {"kernel_shape": [k, k], "strides": [s, 1], "dilations": [1, d], "pads": [p, 0, 0, p]}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool 0", "AveragePool 1"])
def test_geometries(kind, ceil, scratch):
    """Also where the output size is rounded up, and at borders, whose averages are of fewer values."""
    op, *include = kind.split()
    count = 0
    for attributes in geometries():
        graph = Graph([len(IMAGES), 2, 7, 6], opset=19)
        more = {"count_include_pad": int(include[0])} if include else {}
        t = graph.quant("input", 0.25, float(count % 3 - 1), signed=1)
        try:
            graph.end(graph.op(op, t, **attributes, **more, ceil_mode=ceil))
            reference = Executor(graph.model(), IMAGES).outputs[0]
        except Exception as error:
            assert "onnxruntime" in type(error).__module__, error
            continue
        network = import_model(graph.save(scratch / "m.onnx"))
        (y,) = execute.run(network, network.encode(IMAGES)).outputs.values()
        assert y.shape == reference.shape, attributes
        assert np.abs(y - reference).max() <= 1e-6, attributes
        count += 1
    assert count == 34


@pytest.mark.parametrize("kind, last", [
    ("GlobalAveragePool", False), ("GlobalMaxPool", False), ("ReduceMean", False), ("ReduceMean", True),
    ("ReduceMax", False), ("ReduceMax", True),
])  # fmt: skip
def test_whole_images(kind, last, scratch):
    """Axes as an attribute and as an input, with and without the axes kept, channels first and last."""
    for opset, keep in itertools.product((11, 13, 18), (0, 1)):
        graph = Graph([len(IMAGES), 2, 7, 6], opset=opset)
        t = graph.quant("input", 0.25)
        t = graph.op("Transpose", t, perm=[0, 2, 3, 1]) if last else t
        axes = [1, 2] if last else [-1, -2]
        if kind.startswith("Global"):
            t = graph.op(kind, t)
        elif opset == 18:
            t = graph.op(kind, t, graph.const(axes, np.int64), keepdims=keep)
        else:
            t = graph.op(kind, t, axes=axes, keepdims=keep)
        network = agree(graph.end(t), IMAGES, scratch / "m.onnx")
        assert isinstance(network.nodes[-1], Largest if "Max" in kind else Dense)


def test_falling_channels_in_front_of_a_max_pool(scratch):
    """Negative gammas in front of the pool: the layer turns them, so that the largest integer is the largest float."""
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.op("Conv", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS), 0.25), pads=[1, 1, 1, 1])
    t = graph.op("BatchNormalization", t, [1, -1, -0.5], *np.zeros((2, 3)), np.ones(3))
    t = graph.op("MaxPool", graph.op("Relu", t), kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0])
    network = agree(graph.end(graph.quant(t, 0.5, signed=0)), IMAGES, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Windows, Dense, Windows, Largest, Threshold]


def test_falling_codes_in_front_of_a_max_pool(scratch):
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.op("Neg", graph.quant("input", 0.25, 1.0))
    t = graph.op("MaxPool", t, kernel_shape=[2, 2])
    graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS))))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Threshold, Windows, Largest, Windows, Dense]


FALLING_AND_RISING = {
    "SiLU": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "leaky": lambda g, x: g.op("LeakyRelu", x, alpha=-0.3),
    "GELU": lambda g, x: g.op("Mul", x, g.op("Add", g.op("Erf", g.op("Div", x, 1.4142135)), 1.0)),
    "cosine": lambda g, x: g.op("Cos", x),
}


@pytest.mark.parametrize("name", FALLING_AND_RISING)
@pytest.mark.parametrize("pools", [1, 2])
def test_functions_that_fall_and_rise_in_front_of_a_max_pool(name, pools, scratch):
    """The quantizer behind the pool comes in front of it, with all that is in between."""
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.op("Conv", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS), 0.25), pads=[1, 1, 1, 1])
    t = FALLING_AND_RISING[name](graph, graph.op("Add", t, np.linspace(-1, 1, 3).reshape(3, 1, 1)))
    for _ in range(pools):
        t = graph.op("MaxPool", t, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0])
    t = graph.op("Mul", t, np.array([0.5, 1.5, 2.0]).reshape(3, 1, 1))
    t = graph.quant(t, np.array([0.125, 0.25, 0.5]).reshape(3, 1, 1), 1.0)
    network = agree(graph.end(t), IMAGES, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Windows, Dense, Threshold, *[Windows, Largest] * pools]


def test_a_pool_of_what_does_not_rise_needs_a_quantizer_that_does(scratch):
    def model(end):
        graph = Graph([1, 2, 7, 6])
        t = graph.op("Conv", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS), 0.25))
        return graph.end(end(graph, graph.op("MaxPool", graph.op("Cos", t), kernel_shape=[2, 2]))).save(
            scratch / "m.onnx"
        )

    for end, message in {
        lambda g, t: g.op("Relu", t): "looks for the largest of a function that does not rise",
        lambda g, t: g.quant(g.op("Neg", t), 0.25): "it and this quantizer does not rise",
        lambda g, t: g.quant(t, -0.25): "the quantizer behind it is negative",
        lambda g, t: g.op("Conv", t, g.bipolar(g.const(WEIGHTS[:, :, :1, :1].repeat(2, 1)[:, :3]))): "not quantized",
    }.items():
        with pytest.raises(ModelError, match=message):
            import_model(model(end))


def test_borders_of_an_average_in_front_of_a_convolution(scratch):
    """Averages of 4, 6 and 9 values have no scale in common: a quantizer behind them has thresholds for each pixel."""
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.op("AveragePool", graph.quant("input", 0.25), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    t = graph.quant(t, 0.25, bits=3)
    network = agree(graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS)))), IMAGES, scratch / "m.onnx")
    assert sum(isinstance(n, View) for n in network.nodes) == 2
    assert len(next(n for n in network.nodes if isinstance(n, Threshold)).thresholds) == 2 * 7 * 6
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.op("AveragePool", graph.quant("input", 0.25), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS))))
    with pytest.raises(ModelError, match=r"node 'Conv_3' \(Conv\): .*other constants for each pixel; put a quantizer"):
        import_model(graph.save(scratch / "m.onnx"))


# Trunc


@pytest.mark.parametrize("rounding", ["FLOOR", "CEIL", "ROUND", "HALF_UP"])
@pytest.mark.parametrize("signed", [0, 1])
def test_trunc_of_an_average(rounding, signed, scratch):
    """Brevitas' truncating average pool in QONNX's first form: the sum of the integers loses its lowest bits."""
    for scale in (0.25, 0.3):
        graph = Graph([len(IMAGES), 2, 7, 6])
        t = graph.quant("input", scale, signed=signed)
        t = graph.op("Mul", graph.op("AveragePool", t, kernel_shape=[2, 2], strides=[2, 2]), 4.0)
        t = graph.op("Trunc", t, scale, 0.0, 6.0, 4.0, domain=graph.domain, rounding_mode=rounding)
        graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS))))
        network = agree(graph, IMAGES, scratch / "m.onnx")
        (y,) = execute.run(network, network.encode(IMAGES)).outputs.values()
        assert len(np.unique(y)) >= 7


@pytest.mark.parametrize("rounding", ["FLOOR", "ROUND"])
@pytest.mark.parametrize("signed, narrow", [(0, 0), (1, 0), (1, 1)])
@pytest.mark.parametrize("zero", [0.0, 4.0])
def test_trunc_with_an_output_scale(rounding, signed, narrow, zero, scratch):
    """The form with six operands, of QONNX's second opset: the zero point and the limits are its own."""
    graph = Graph([len(IMAGES), 2, 7, 6])
    t = graph.quant("input", 0.25, zero, bits=5, signed=signed)
    t = graph.op("Trunc", t, 0.25, zero, 5.0, 1.0, 2.0, domain=graph.domain, rounding_mode=rounding, signed=signed,
                 narrow=narrow)  # fmt: skip
    model = graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS)))).model()
    model.opset_import[1].CopyFrom(helper.make_opsetid(graph.domain, 2))
    path = scratch / "m.onnx"
    path.write_bytes(model.SerializeToString())
    network, executor = import_model(path), Executor(model, IMAGES)
    counts = compare(network, raw_network(path), executor, IMAGES)
    assert counts["samples"] == len(IMAGES)
    codes = executor.tensors["t3"]
    assert len(np.unique(codes)) >= 3
