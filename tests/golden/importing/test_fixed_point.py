"""Quantizers of over 12 bits: the codes of exact arithmetic, by a multiply, add and shift."""

from fractions import Fraction

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.importing.qonnx.quantizers import UniformQuantizer
from fewbit.golden.importing.quantizer_rounding import rounding_of
from fewbit.golden.network.execute import run
from fewbit.golden.network.pointwise import Rescale, Threshold
from tests.support.graphs import Graph
from tests.support.qdq_models import QdqGraph, reference

F32 = np.float32


def uniform(signed, rounding, bits=16):
    return UniformQuantizer.of(
        [np.float32(1), np.float32(0), np.float32(bits)], dict(signed=signed, narrow=0, rounding_mode=rounding)
    )


@pytest.mark.parametrize("mode, kind", [
    ("ROUND", (False, Fraction(1, 2), 0)), ("FLOOR", (False, 0, None)), ("CEIL", (True, 0, None)), ("UP", None),
    ("DOWN", None), ("HALF_UP", None), ("HALF_DOWN", None),
])  # fmt: skip
def test_roundings(mode, kind):
    """Away from zero and towards it are no functions of a line, but where no code is negative."""
    found = rounding_of(uniform(1, mode), np.zeros(1))
    assert (found and (found.up, found.shift, found.ties)) == kind
    whole = rounding_of(uniform(0, mode), np.zeros(1))
    assert (whole.lo, whole.hi) == (0, 2**16 - 1)
    quantizer, values = uniform(0, mode), np.arange(-3, 40) / 4
    assert [whole(Fraction(v)) for v in values] == quantizer.codes(values.astype(F32)).tolist()


def model(path, *, scale, weight_scale, mode="ROUND", signed=1, zero=0.0, bits=16, before=lambda g, x: x, fan=6):
    """A layer of 16 by 8 bits, and a quantizer behind it; returns its weights and its bias."""
    rng, graph = np.random.default_rng(3), Graph([1, fan])
    w, bias = rng.integers(-128, 128, (fan, 5)), (rng.integers(-400, 400, 5) / 128).astype(F32)
    x = graph.quant("input", 2.0**-10, bits=16)
    x = graph.op("Add", graph.op("MatMul", x, graph.quant(w * F32(weight_scale), weight_scale, bits=8)), bias)
    graph.end(graph.quant(before(graph, x), scale, zero, bits=bits, signed=signed, rounding_mode=mode))
    graph.save(path)
    return w, bias


def exact_values(w, bias, x, scale, weight_scale):
    """The numbers in front of the rounding, as fractions: the exact sum, its scales and its bias."""
    scales, products = Fraction(float(F32(weight_scale))) / 1024, x @ w
    starts, unit = [Fraction(float(b)) for b in bias], Fraction(float(F32(scale)))
    return [[(int(v) * scales + b) / unit for v, b in zip(row, starts, strict=True)] for row in products]


@pytest.mark.parametrize("mode", ["ROUND", "FLOOR", "CEIL"])
@pytest.mark.parametrize("signed, zero", [(1, 0), (1, -77), (0, 30000)])
def test_scales_that_are_powers_of_two_are_exact(scratch, mode, signed, zero):
    """At every sum, halves among them, and whatever the zero point."""
    scale, weight_scale = 2.0**-12, 2.0**-6
    w, bias = model(scratch / "m.onnx", scale=scale, weight_scale=weight_scale, mode=mode, signed=signed, zero=zero)
    network = import_model(scratch / "m.onnx")
    (node,) = [n for n in network.nodes if isinstance(n, Rescale)]
    x = np.random.default_rng(1).integers(-(2**9), 2**9, (400, 6))
    values = exact_values(w, bias, x, scale, weight_scale)
    assert sum((v % 1) == Fraction(1, 2) for row in values for v in row) > 50
    rounding = rounding_of(uniform(signed, mode), np.array([zero]))
    want = [[rounding(v + zero) for v in row] for row in values]
    assert np.array_equal(run(network, x).edges[node.y], want) and set(node.multiplier.tolist()) <= {1, 2}
    assert np.mean(np.abs(np.array(want) - zero) < 2**14) > 0.5


@pytest.mark.parametrize("scale", [0.0123, 0.0007, 1.9])
def test_other_scales_are_nearer_than_a_rounding_of_float32(scratch, scale):
    w, bias = model(scratch / "m.onnx", scale=scale, weight_scale=0.011)
    network = import_model(scratch / "m.onnx")
    (node,) = [n for n in network.nodes if isinstance(n, Rescale)]
    x = np.random.default_rng(1).integers(-(2**15), 2**15, (400, 6))
    values = [v for row in exact_values(w, bias, x, scale, 0.011) for v in row]
    got = run(network, x).edges[node.y].reshape(-1).tolist()
    near = Fraction(2**15, 2**24)
    for value, code in zip(values, got, strict=True):
        assert code == min(max(round(value), -(2**15)), 2**15 - 1) or abs(value - code) <= Fraction(1, 2) + near
    assert abs(node.multiplier).max() < 2**26 and "exact sums, rounded once" in network.notes[0]


def test_a_relu_and_a_clip_are_bounds(scratch):
    def before(graph, x):
        return graph.op("Relu", graph.clip(x, -100.0, 90.0))

    model(scratch / "m.onnx", scale=2.0**-8, weight_scale=2.0**-6, before=before)
    (node,) = [n for n in import_model(scratch / "m.onnx").nodes if isinstance(n, Rescale)]
    assert node.ends == (0, 90 * 256)


def test_a_channel_that_is_constant(scratch):
    """A factor of zero, as of a dead channel, leaves what is added behind it."""
    factors = F32([1, 0, -0.5, 2, 1])
    w, bias = model(
        scratch / "m.onnx", scale=2.0**-8, weight_scale=2.0**-6,
        before=lambda g, x: g.op("Add", g.op("Mul", x, factors), F32([0, 3.0, 0, -1, 1])),
    )  # fmt: skip
    network = import_model(scratch / "m.onnx")
    (node,) = [n for n in network.nodes if isinstance(n, Rescale)]
    assert (run(network, np.zeros((1, 6), int)).edges[node.y][0, 1]) == 3 * 256


def test_what_is_no_line_is_refused(scratch):
    model(scratch / "m.onnx", scale=2.0**-15, weight_scale=2.0**-12, before=lambda g, x: g.op("Sigmoid", x))
    with pytest.raises(
        ModelError, match="^node .Quant_.*codes of 16 bits are supported behind .*to 4096 levels or fewer"
    ):
        import_model(scratch / "m.onnx")


def test_few_integers_become_thresholds(scratch):
    """A function of 256 integers takes 255 thresholds, however many levels its codes have."""
    graph = Graph([1, 4])
    x = graph.op("Sigmoid", graph.quant("input", 2.0**-5, bits=8))
    graph.end(graph.quant(x, 2.0**-16, bits=16, signed=0))
    network = import_model(graph.save(scratch / "m.onnx"))
    (node,) = [n for n in network.nodes if isinstance(n, Threshold)]
    assert node.thresholds.shape[1] < 256
    x = np.arange(-128, 128).reshape(64, 4)
    want = np.rint(np.clip((F32(1) / (1 + np.exp(-(x / 32)).astype(F32))) * 65536, 0, 65535))
    assert np.abs(run(network, x).edges[node.y] - want).max() <= 1


def test_what_changes_nothing_is_dropped(scratch):
    """A quantizer of the codes that an input is declared to have."""
    graph = Graph([1, 4])
    x = graph.quant("input", 2.0**-10, bits=16)
    graph.end(graph.op("MatMul", x, graph.quant(np.eye(4, 3, dtype=F32), 1.0, bits=4)))
    network = import_model(graph.save(scratch / "m.onnx"), "int16f10")
    assert [type(n).__name__ for n in network.nodes] == ["Dense"]


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_biases_of_many_bits(scratch, bits):
    rng, graph = np.random.default_rng(bits), Graph([1, 4])
    w, bias = rng.integers(-8, 8, (4, 3)), rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 3).astype(F32)
    bias[0] = 2.0**40
    x = graph.op("MatMul", graph.quant("input", 1.0, bits=4), graph.quant(w.astype(F32), 1.0, bits=4))
    graph.end(graph.op("Add", x, graph.quant(bias * F32(2.0**-20), 2.0**-20, bits=bits)))
    network = import_model(graph.save(scratch / "m.onnx"))
    x = rng.integers(-8, 8, (9, 4))
    most = F32(2 ** (bits - 1) - 1)
    want = (x @ w).astype(F32) + np.minimum(bias, most) * F32(2.0**-20)
    assert np.array_equal(run(network, x).outputs[network.outputs[0].name], want)


def test_data_of_more_bits_is_refused(scratch):
    graph = Graph([1, 4])
    graph.end(graph.quant(graph.quant("input", 1.0, bits=8), 1.0, bits=17))
    with pytest.raises(ModelError, match="codes of data may have 16 bits, not 17; only constants may have up to 32"):
        import_model(graph.save(scratch / "m.onnx"))


@pytest.mark.parametrize("zero, lo, hi", [(0, 0, 32767), (-300, -300, 32767), (500, 500, 12500)])
def test_a_relu_or_clip_behind_it_is_a_clip_of_the_codes(zero, lo, hi, scratch):
    graph = QdqGraph((6,))
    graph.pair(scale=2.0**-12, zero=zero, dtype=np.int16)
    relu = lambda x: graph.op("Relu", x) if hi == 32767 else graph.op("Clip", x, 0.0, 12000 * 2.0**-12)  # noqa: E731
    graph.x = graph.op("MatMul", relu(graph.x), graph.weights((6, 5)))
    graph.pair(scale=2.0**-11, zero=zero, dtype=np.int16)
    graph.x = graph.op("MatMul", relu(graph.x), graph.weights((5, 4)))
    network = import_model(graph.finish().save(scratch / "m.onnx"))
    x = np.random.default_rng(4).normal(0, 3, (200, 6)).astype(np.float32)
    found = run(network, network.encode(x))
    clipped = [found.edges[n.y] for n in network.nodes if isinstance(n, Rescale) and n.ends == (lo, hi)]
    assert clipped and min(v.min() for v in clipped) == lo and len(np.unique(clipped[0])) > 100
    wanted = reference(graph.model(), {"input": x}, [graph.x])[graph.x]
    y = found.outputs[graph.x]
    assert (abs(y - wanted) <= 1e-4 * abs(wanted).max()).all()  # a code may be the next one: sums are of float32


def test_a_clip_between_two_codes_is_refused(scratch):
    graph = QdqGraph((6,))
    graph.pair(scale=2.0**-12, dtype=np.int16)
    graph.x = graph.op("MatMul", graph.op("Clip", graph.x, 0.0, 1.00001), graph.weights((6, 5)))
    with pytest.raises(ModelError, match="not quantized to evenly spaced levels"):
        import_model(graph.finish().save(scratch / "m.onnx"))
