"""Import of ``ConvTranspose`` against the qonnx executor, and of float models against onnxruntime."""

import numpy as np
import onnxruntime
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import run
from fewbit.golden.network.reorder import Reorder
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

RNG = np.random.default_rng(0)
CASES = {  # shape of the data, of the weights, attributes
    "blocks": ((4, 5, 6), (4, 3, 2, 2), dict(strides=[2, 2])),
    "overlapping": ((4, 5, 6), (4, 3, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])),
    "four taps": ((2, 4, 4), (2, 3, 4, 4), dict(strides=[2, 2], pads=[1, 1, 1, 1])),
    "unequal": ((3, 4, 5), (3, 2, 3, 5), dict(strides=[3, 2], pads=[0, 2, 1, 0])),
    "gaps": ((2, 3, 3), (2, 2, 1, 2), dict(strides=[3, 3], output_padding=[2, 1])),
    "stride of one": ((3, 4, 4), (3, 2, 3, 3), dict(pads=[1, 0, 2, 1])),
    "dilated": ((2, 4, 4), (2, 3, 3, 2), dict(strides=[2, 3], dilations=[2, 2])),
    "dilated by the stride": ((2, 4, 4), (2, 3, 3, 3), dict(strides=[2, 2], dilations=[2, 4])),
    "cut off": ((2, 4, 4), (2, 3, 3, 3), dict(strides=[2, 2], pads=[5, 4, 0, 3])),
    "groups": ((6, 4, 3), (6, 2, 3, 3), dict(strides=[2, 2], group=3, pads=[1, 1, 0, 0])),
    "a group a channel": ((4, 3, 3), (4, 1, 4, 4), dict(strides=[2, 2], group=4, pads=[1, 1, 1, 1])),
    "upper": ((2, 4, 5), (2, 3, 3, 3), dict(strides=[2, 2], auto_pad="SAME_UPPER")),
    "lower": ((2, 4, 5), (2, 3, 3, 3), dict(strides=[2, 2], auto_pad="SAME_LOWER")),
    "shape": ((2, 4, 5), (2, 3, 3, 3), dict(strides=[2, 2], output_shape=[8, 10])),
    "signal": ((3, 9), (3, 4, 5), dict(strides=[4], pads=[2, 1], output_padding=[1])),
    "dilated signal": ((3, 9), (3, 4, 3), dict(strides=[2], dilations=[3])),
}


def drawn(shape, seed=0, samples=4):
    return np.random.default_rng(seed).normal(0, 1, (samples, *shape)).astype(np.float32)


@pytest.mark.parametrize("what", CASES)
def test_against_the_executor(what, scratch):
    """With a zero point and a bias in front of and behind it; the codes behind it go through a convolution."""
    shape, taps, attributes = CASES[what]
    neurons, x = taps[1] * attributes.get("group", 1), drawn(shape)
    graph = Graph([len(x), *shape])
    w = graph.quant(graph.const(drawn(taps[1:], 1, taps[0])), 0.25)
    t = graph.op("ConvTranspose", graph.quant("input", 0.25, 3.0), w, RNG.normal(0, 1, neurons), **attributes)
    t = graph.quant(graph.op("Relu", t), 0.5, signed=0)
    kernel = (2,) * (len(shape) - 1)
    w = graph.quant(graph.const(drawn((neurons, *kernel), 2, 3)), 0.5)
    network = agree(graph.end(graph.quant(graph.op("Conv", t, w), 2.0)), x, scratch / "m.onnx")
    moved = [n for n in network.nodes if isinstance(n, Reorder)]
    assert len(moved) == (0 if what == "stride of one" else 1)


def test_weights_by_channel_and_no_product_with_inserted_zeros(scratch):
    shape, taps, attributes = CASES["blocks"]
    x, scales = drawn(shape), np.array([0.25, 0.5, 0.125]).reshape(1, 3, 1, 1)
    graph = Graph([len(x), *shape])
    w = graph.quant(graph.const(drawn(taps[1:], 1, taps[0])), scales)
    graph.end(graph.quant(graph.op("ConvTranspose", graph.quant("input", 0.25), w, **attributes), 0.5))
    network = agree(graph, x, scratch / "m.onnx")
    (layer,) = [n for n in network.nodes if isinstance(n, Dense)]
    assert layer.weights.shape == (4 * 3, 4)


@pytest.mark.parametrize("what", ["blocks", "overlapping", "groups", "signal"])
def test_float_models(what, scratch):
    shape, taps, attributes = CASES[what]
    neurons, x = taps[1] * attributes.get("group", 1), drawn(shape)
    graph = Graph(["N", *shape])
    t = graph.op("ConvTranspose", "input", drawn(taps[1:], 1, taps[0]), RNG.normal(0, 1, neurons), **attributes)
    t = graph.op("Relu", t)
    graph.end(graph.op("Conv", t, drawn((neurons, *(2,) * (len(shape) - 1)), 2, 3)))
    network = import_model(graph.save(scratch / "m.onnx"))
    (want,) = onnxruntime.InferenceSession(scratch / "m.onnx").run(None, {"input": x})
    (got,) = run(network, network.encode(x)).outputs.values()
    assert got.shape == want.shape and np.abs(got - want).max() < 1e-5 * np.abs(want).max()
