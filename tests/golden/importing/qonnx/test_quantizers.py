"""Import of QONNX's quantizers where their operands are out of the ordinary, against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network import execute
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Threshold
from tests.support.executor import agree
from tests.support.graphs import ROUNDINGS, Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

INPUTS = np.random.default_rng(0).normal(0, 1, (40, 6)).astype(np.float32)
IMAGES = np.random.default_rng(1).normal(0, 1, (6, 2, 5, 4)).astype(np.float32)
WEIGHTS = np.random.default_rng(2).normal(0, 1, (6, 5))
KERNELS = np.random.default_rng(3).normal(0, 1, (3, 2, 3, 3))


@pytest.mark.parametrize("signed, zero, narrow", [(1, 0.0, 0), (1, 1.0, 1), (0, 2.0, 0), (0, 3.0, 1)])
def test_negative_scales(signed, zero, narrow, scratch):
    """On the input, on weights, on an activation, one of a channel, in front of a pool, a sum and the output."""
    graph = Graph([len(IMAGES), 2, 5, 4])
    x = graph.quant("input", -0.25, zero, signed=signed, narrow=narrow)
    signs = np.array([-0.25, 0.25, -0.125]).reshape(3, 1, 1, 1)
    x = graph.op("Conv", x, graph.quant(graph.const(KERNELS), signs), pads=[0, 0, 0, 0])
    y = graph.quant(x, -0.5, zero, signed=signed, narrow=narrow)
    z = graph.quant(graph.op("Relu", x), np.array([0.5, -0.5, 0.25]).reshape(1, 3, 1, 1), zero, bits=3, signed=signed)
    pooled = [graph.op("MaxPool", t, kernel_shape=[2, 2]) for t in (y, z)]
    x = graph.quant(graph.op("Add", *pooled), -0.5)
    x = graph.op("Conv", x, graph.bipolar(graph.const(KERNELS[:, :1, :2, :1].transpose(1, 0, 2, 3)), -0.5))
    agree(graph.end(graph.quant(x, -0.25, bits=6)), IMAGES, scratch / "m.onnx")


@pytest.mark.parametrize("dead", [0.0, 1e-40])
def test_pruned_channels(dead, scratch):
    """Weights that are all zero may have a scale of 0, by which the executor would divide, or a denormal one."""
    weights = WEIGHTS * [1, 0, 1, 1, 0]

    def model(scale):
        graph = Graph([len(INPUTS), 6])
        w = graph.quant(graph.const(weights), np.where(weights.any(axis=0), [0.25, 0, 0.5, 0.125, 0], scale)[None])
        x = graph.op("Add", graph.op("MatMul", graph.quant("input", 0.25), w), np.linspace(-1, 1, 5))
        w = graph.quant(graph.const(WEIGHTS.T), 0.25)
        return graph.end(graph.op("MatMul", graph.quant(graph.op("Relu", x), 0.25, signed=0), w))

    network = agree(model(1.0), INPUTS, scratch / "m.onnx")
    other = import_model(model(dead).save(scratch / "dead.onnx"))
    (want,), (got,) = (execute.run(n, n.encode(INPUTS)).outputs.values() for n in (network, other))
    assert np.array_equal(got, want) and len(np.unique(want)) > 50


def test_zero_scales_of_what_is_not_zero(scratch):
    graph = Graph([1, 6])
    w = graph.quant(graph.const(WEIGHTS), np.array([[0.25, 0.25, 0, 0.25, 0.25]]))
    graph.end(graph.op("MatMul", graph.quant("input", 0.25), w))
    with pytest.raises(ModelError, match="its scale is 0 for weights that are not 0"):
        import_model(graph.save(scratch / "m.onnx"))
    graph = Graph([1, 6])
    graph.end(graph.op("MatMul", graph.quant("input", 0.0), graph.bipolar(graph.const(WEIGHTS))))
    with pytest.raises(ModelError, match="its scale must be finite and not 0, not 0.0"):
        import_model(graph.save(scratch / "m.onnx"))


@pytest.mark.parametrize("rounding", ROUNDINGS[:8])
def test_bit_widths_by_channel(rounding, scratch):
    """Each channel of weights and of activations is what a quantizer of its own width makes of it."""
    rng, widths = np.random.default_rng(4), np.array([[2, 3, 4, 8, 5]], dtype=np.float32)
    for signed, narrow in ((1, 0), (1, 1), (0, 0), (0, 1)):
        weights = rng.normal(0, 3, (6, 5)).astype(np.float32)
        more = {"signed": signed, "narrow": narrow, "rounding_mode": rounding}
        graph, other = Graph([len(INPUTS), 6]), Graph([len(INPUTS), 6])
        x, parts = graph.quant("input", 0.25), []
        for k, bits in enumerate(widths[0]):
            w = graph.quant(graph.const(weights[:, k : k + 1]), 0.25, 1.0, bits, **more)
            parts.append(graph.quant(graph.op("MatMul", x, w), 0.25, 1.0, bits, **more))
        graph.end(graph.op("Concat", *parts, axis=1))
        w = other.op("Quant", weights, 0.25, 1.0, widths, domain=other.domain, **more)
        x = other.op("MatMul", other.quant("input", 0.25), w)
        other.end(other.op("Quant", x, 0.25, 1.0, widths, domain=other.domain, **more))
        want, got = (import_model(g.save(scratch / "m.onnx")) for g in (graph, other))
        assert [type(n) for n in got.nodes] == [Dense, Threshold]
        (want,), (got,) = (execute.run(n, n.encode(INPUTS)).outputs.values() for n in (want, got))
        assert np.array_equal(got, want) and len(np.unique(want)) > 20


def test_a_sign_beside_other_widths(scratch):
    graph = Graph([1, 6])
    w = graph.op("Quant", WEIGHTS, 0.25, 0.0, np.array([[1.0, 2, 3, 4, 5]]), domain=graph.domain, signed=1, narrow=1)
    graph.end(graph.op("MatMul", graph.quant("input", 0.25), w))
    with pytest.raises(ModelError, match="a signed bit width of 1, which is a sign, stands beside others"):
        import_model(graph.save(scratch / "m.onnx"))


@pytest.mark.parametrize("scales", [[0.5, 0.75, 0.25, 1.25, 0.5, 1.0], [0.1, 0.15, 0.25, 0.05, 0.3, 0.35]])
def test_activation_scales_by_channel_in_simple_ratios(scales, scratch):
    """Weights take the multiples; a product of the channels is one integer."""
    graph = Graph([len(INPUTS), 6])
    x = graph.quant("input", np.float32([scales]), bits=3)
    x = graph.op("MatMul", x, graph.quant(graph.const(WEIGHTS), 0.25))
    network = agree(graph.end(graph.quant(x, 0.37)), INPUTS, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Dense, Threshold]
    assert np.abs(network.nodes[0].weights).max() < 1 << 10
