"""Import of products of two tensors of data, and of what broadcasts, against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network import execute
from fewbit.golden.network.joins import Add, FloatMultiply, Multiply
from fewbit.golden.network.spatial import Repeat, Upsample
from fewbit.golden.numbers import float32
from fewbit.golden.numbers.formats import Bipolar
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

RNG = np.random.default_rng
IMAGES = RNG(0).normal(0, 1, (6, 3, 6, 6)).astype(np.float32)
PAIRS = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8)), axis=0).astype(np.float32)[None]


def nodes_of(network, kind):
    return [n for n in network.nodes if isinstance(n, kind)]


def begun():
    """A model of images, and its input behind a quantizer."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    return graph, graph.quant("input", 0.25)


def conv(graph, x, neurons, kernel=3, *, channels=3, seed=1):
    w = graph.quant(graph.const(RNG(seed).normal(0, 0.5, (neurons, channels, kernel, kernel))), 0.25)
    return graph.op("Conv", x, w, pads=[kernel // 2] * 4)


def two_channels(graph, quants):
    """Two halves of the channels of PAIRS, each behind a quantizer."""
    t = graph.quant("input", 1.0)
    halves = (graph.op("Slice", t, *(graph.const(v, np.int64) for v in ([i], [i + 1], [1]))) for i in (0, 1))
    return [quant(half) for quant, half in zip(quants, halves, strict=True)]


# Every pair


def test_products_of_every_pair_have_the_models_code(scratch):
    """All 256 pairs of 4-bit codes: scales of any ratio, and ratios in which many products lie half-way."""
    rng, finer = RNG(2), 0
    for trial in range(30):
        a, b = rng.uniform(0.1, 1, 2).astype(np.float32)
        c = np.float32(a * b * rng.integers(1, 9)) * np.float32(2) if trial % 2 else rng.uniform(0.1, 2)
        graph = Graph([1, 2, 16, 16])
        left, right = two_channels(graph, [lambda x, g=graph: g.quant(x, 1.0)] * 2)
        t = graph.op("Mul", graph.op("Mul", left, a), graph.op("Mul", right, b))
        network = agree(graph.end(graph.quant(t, c, bits=5)), PAIRS, scratch / "m.onnx")
        (node,) = nodes_of(network, Multiply)
        finer += not node.plain
    assert 3 < finer < 20, "either no pairs of equal product differ, or too many"


@pytest.mark.parametrize(
    "bits, signed", [((4, 4), (1, 0)), ((3, 4), (0, 0)), ((2, 4), (1, 1)), ((4, 1), (0, 0))], ids=str
)
@pytest.mark.parametrize("zeros", [(0.0, 0.0), (3.0, -2.0)], ids=str)
def test_formats_and_zero_points(bits, signed, zeros, scratch):
    graph = Graph([1, 2, 16, 16])
    quants = [lambda x, n=n, s=s, z=z: graph.quant(x, 0.37, z, bits=n, signed=s)
              for n, s, z in zip(bits, signed, zeros, strict=True)]  # fmt: skip
    network = agree(graph.end(graph.quant(graph.op("Mul", *two_channels(graph, quants)), 0.4)), PAIRS, scratch / "m")
    (node,) = nodes_of(network, Multiply)
    assert (np.array(zeros)[:, None] * node.multipliers - node.zeros <= 1).all()


def test_bipolar_codes_give_bipolar_codes(scratch):
    """Nothing is behind their product but a convolution."""
    graph, start = begun()
    a, b = (graph.bipolar(conv(graph, start, 4, seed=s), 0.3 + s) for s in (1, 2))
    w = graph.bipolar(graph.const(RNG(3).normal(0, 1, (5, 4, 3, 3))))
    graph.end(graph.op("Conv", graph.op("Mul", a, b), w))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (node,) = nodes_of(network, Multiply)
    assert network.edges()[node.y].format == Bipolar()


def test_ternary_by_bipolar(scratch):
    graph, start = begun()
    a = graph.quant(conv(graph, start, 4), 1.0, bits=2, narrow=1)
    t = graph.op("Mul", a, graph.bipolar(conv(graph, start, 4, seed=2), 0.5))
    graph.end(graph.quant(graph.op("Add", t, 0.25), 0.25, bits=3))
    agree(graph, IMAGES, scratch / "m.onnx")


def test_products_per_channel(scratch):
    """Scales and zero points of each channel, and a scaled, shifted product behind."""
    graph, start = begun()
    scale, zero = np.array([0.5, 0.3, 1.1]).reshape(1, 3, 1, 1), np.array([0.0, 2.0, -1.0]).reshape(1, 3, 1, 1)
    a = graph.quant(conv(graph, start, 3), scale, zero)
    b = graph.quant(conv(graph, start, 3, seed=2), 0.43, 1.0, bits=3, signed=0)
    t = graph.op("Sub", graph.op("Mul", graph.op("Mul", b, a), -0.7), [[[0.1]], [[0.2]], [[0.3]]])
    network = agree(graph.end(graph.quant(t, 0.8)), IMAGES, scratch / "m.onnx")
    (node,) = nodes_of(network, Multiply)
    assert len(set(node.zeros[1])) > 1 or len(set(node.zeros[0])) > 1


@pytest.mark.sampled(3)
@pytest.mark.parametrize("kinds", [("Mul", "Mul"), ("Mul", "Add"), ("Add", "Mul"), ("Sub", "Sub")], ids="-".join)
def test_several_in_a_row(kinds, scratch):
    """Each rounds for itself: the floats of every three values are the model's."""
    for trial in range(6):
        scales = RNG(trial).uniform(0.2, 1, 3).astype(np.float32)
        graph, start = begun()
        a, b, c = (graph.quant(conv(graph, start, 2, seed=k), s, bits=3) for k, s in enumerate(scales))
        last = scales.prod() * 2 if kinds[1] == "Mul" else scales.max()
        graph.end(graph.quant(graph.op(kinds[1], graph.op(kinds[0], a, b), c), last))
        agree(graph, IMAGES, scratch / "m.onnx")


# Broadcasting


def test_squeeze_and_excite(scratch):
    """The feature map times one factor a channel: HardSigmoid, and two pointwise convolutions behind the mean."""
    graph, start = begun()
    x = graph.quant(graph.op("Relu", conv(graph, start, 8)), 0.2, signed=0)
    t = graph.quant(graph.op("GlobalAveragePool", x), 0.0937, signed=0)
    t = graph.quant(graph.op("Relu", conv(graph, t, 2, 1, channels=8)), 0.2, signed=0)
    gate = graph.op("HardSigmoid", conv(graph, t, 8, 1, channels=2), alpha=1 / 6, beta=0.5)
    t = graph.quant(graph.op("Mul", graph.quant(gate, 1 / 15, signed=0), x), 0.15, signed=0)
    graph.end(conv(graph, t, 3, channels=8))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (up,) = nodes_of(network, Upsample)
    assert up.size == (1, 1) and up.factors == (6, 6) and len(nodes_of(network, Multiply)) == 1


def test_gated_linear_unit(scratch):
    """Half of the channels gate the other half."""
    graph, start = begun()
    a, b = (conv(graph, start, 4, seed=s) for s in (1, 2))
    gate = graph.quant(graph.op("Sigmoid", b), 1 / 15, signed=0)
    graph.end(graph.quant(graph.op("Mul", graph.quant(a, 0.3), gate), 0.25))
    agree(graph, IMAGES, scratch / "m.onnx")


@pytest.mark.parametrize("kind", ["Mul", "Sub"])
def test_a_spatial_mask(kind, scratch):
    """One channel for every channel."""
    graph, start = begun()
    x = graph.quant(conv(graph, start, 4), 0.3)
    mask = graph.quant(graph.op("Sigmoid", conv(graph, start, 1, seed=2)), 1 / 15, signed=0)
    graph.end(graph.quant(graph.op(kind, x, mask), 0.25))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (repeat,) = nodes_of(network, Repeat)
    assert repeat.count == 4 and not nodes_of(network, Upsample)


@pytest.mark.parametrize("shapes", ["rows", "columns", "one value", "both"])
def test_other_broadcasts(shapes, scratch):
    graph, start = begun()
    x = graph.quant(conv(graph, start, 4), 0.3)
    if shapes == "rows":
        y = graph.op("MaxPool", x, kernel_shape=[6, 1])
    elif shapes == "columns":
        y = graph.op("MaxPool", x, kernel_shape=[1, 6])
    elif shapes == "one value":
        y = graph.quant(conv(graph, graph.quant(graph.op("GlobalAveragePool", x), 0.0937), 1, 1, channels=4), 0.2)
    else:
        y = graph.op("MaxPool", x, kernel_shape=[6, 6])
        x = graph.quant(conv(graph, start, 1, seed=2), 0.3)
    graph.end(graph.quant(graph.op("Add", y, graph.op("Mul", x, y)), 0.4))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert len(nodes_of(network, Multiply)) == 1 and nodes_of(network, Add)
    assert bool(nodes_of(network, Repeat)) == (shapes in ("one value", "both"))


def test_channels_last_and_vectors(scratch):
    """A dense layer's vector beside pixels whose channels are the last axis, and a vector times one value."""
    graph, start = begun()
    x = graph.op("Transpose", graph.quant(conv(graph, start, 5), 0.3), perm=[0, 2, 3, 1])
    y = graph.op("Flatten", graph.op("GlobalAveragePool", start))
    y = graph.quant(graph.op("MatMul", graph.quant(y, 0.1), graph.quant(RNG(4).normal(0, 0.5, (3, 5)), 0.25)), 0.2)
    one = graph.quant(graph.op("MatMul", y, graph.bipolar(RNG(5).normal(0, 1, (5, 1)))), 0.5)
    y = graph.quant(graph.op("Mul", y, one), 0.2)
    y = graph.op("Reshape", y, graph.const([len(IMAGES), 1, 1, 5], np.int64))
    graph.end(graph.quant(graph.op("Add", x, y), 0.4))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert [n.count for n in nodes_of(network, Repeat)] == [5] and len(nodes_of(network, Upsample)) == 1


# Floats, and what is refused


def test_float_models(scratch):
    graph = Graph(["N", 3, 6, 6])
    x = graph.op("Relu", graph.op("Conv", "input", graph.const(RNG(1).normal(0, 1, (4, 3, 1, 1)))))
    gate = graph.op("Conv", graph.op("GlobalAveragePool", x), graph.const(RNG(2).normal(0, 1, (4, 4, 1, 1))))
    graph.end(graph.op("Mul", x, gate))
    network = import_model(graph.save(scratch / "m.onnx"))
    (node,) = nodes_of(network, FloatMultiply)
    found = execute.run(network, IMAGES)
    a, b = (found.edges[e] for e in node.inputs)
    assert np.array_equal(
        next(iter(found.outputs.values())), float32.mul(a, b).reshape(6, 6, 6, 4).transpose(0, 3, 1, 2)
    )


def other(graph, x):
    """Return a quantized tensor of the same shape on an edge of its own."""
    return graph.quant(conv(graph, x, 4, channels=4), 0.5)


@pytest.mark.parametrize(
    "make, why",
    [
        (lambda g, x: g.op("Mul", x, g.op("Exp", other(g, x))), "not quantized to evenly spaced levels; put a"),
        (lambda g, x: g.op("Mul", x, g.quant(conv(g, x, 2, channels=4), 0.5)), "cannot be multiplied; they must have"),
        (lambda g, x: g.op("Mul", x, g.op("Add", other(g, x), 0.01234567)), "put a quantizer in front of it"),
        (lambda g, x: g.op("Div", x, g.op("Relu", other(g, x))), "only Add, Sub and Mul take two tensors of data"),
    ],
)  # fmt: skip
def test_what_is_refused(make, why, scratch):
    graph, start = begun()
    graph.end(make(graph, graph.quant(conv(graph, start, 4), 0.25)))
    with pytest.raises(ModelError, match=why):
        import_model(graph.save(scratch / "m.onnx"))
