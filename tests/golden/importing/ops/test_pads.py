"""Import of ``Pad`` of every mode against the qonnx executor."""

import numpy as np
import onnxruntime
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import Windows
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (4, 4, 5, 6)).astype(np.float32)
SPATIAL, CROPPED, CHANNELS = [0, 0, 1, 2, 0, 0, 2, 1], [0, 0, -1, 2, 0, 0, 1, -2], [0, 1, 0, 1, 0, 2, 1, 0]


def filtered(graph, t, channels):
    w = graph.quant(graph.const(np.random.default_rng(channels).normal(0, 1, (3, channels, 2, 2))), 0.25)
    return graph.quant(graph.op("Conv", t, w), 2.0)


@pytest.mark.parametrize("pads", [SPATIAL, CROPPED, CHANNELS], ids=["spatial", "cropped", "channels"])
@pytest.mark.parametrize("mode, value", [("reflect", 0), ("edge", 0), ("constant", 0), ("constant", 0.75)])
@pytest.mark.parametrize("zero", [0.0, 3.0])
def test_modes(mode, value, pads, zero, scratch):
    graph = Graph([len(IMAGES), 4, 5, 6])
    t = graph.quant("input", 0.25, zero)
    t = graph.op("Pad", t, graph.const(pads, np.int64), float(value), mode=mode)
    agree(graph.end(filtered(graph, t, 4 + pads[1] + pads[5])), IMAGES, scratch / "m.onnx")


@pytest.mark.parametrize("last", [False, True], ids=["NCHW", "NHWC"])
def test_zeros_around_an_image_move_nothing(last, scratch):
    graph = Graph([len(IMAGES), 4, 5, 6])
    t = filtered(graph, graph.quant("input", 0.25), 4)
    t = graph.op("Transpose", t, perm=[0, 2, 3, 1]) if last else t
    pads = [0, 1, 2, 0, 0, 2, 0, 0] if last else [0, 0, 1, 2, 0, 0, 2, 0]
    t = graph.op("Pad", t, graph.const(pads, np.int64), 0.0)
    t = graph.op("Transpose", t, perm=[0, 3, 1, 2]) if last else t
    network = agree(graph.end(filtered(graph, t, 3)), IMAGES, scratch / "m.onnx")
    assert not [n for n in network.nodes if isinstance(n, Reorder)]


def test_axes_and_bipolar_codes(scratch):
    """Signs beside zeros are ternary; opset 18 names the axes."""
    graph = Graph([len(IMAGES), 4, 5, 6], opset=18)
    t = graph.op("Pad", graph.bipolar("input"), graph.const([1, 2], np.int64), 0.0, graph.const([1], np.int64))
    network = agree(graph.end(filtered(graph, t, 7)), IMAGES, scratch / "m.onnx")
    edges = network.edges()
    assert {str(edges[n.y].format) for n in network.nodes if isinstance(n, Reorder)} == {"ternary"}


@pytest.mark.parametrize("mode, value", [("reflect", 0), ("constant", 0), ("constant", 0.7)])
@pytest.mark.parametrize("pads", [SPATIAL, CHANNELS], ids=["spatial", "channels"])
def test_float_models(mode, value, pads, scratch):
    rng, graph = np.random.default_rng(1), Graph(["N", 4, 5, 6])
    t = graph.op("Relu", graph.op("Conv", "input", rng.normal(0, 1, (4, 4, 1, 1)), rng.normal(0, 1, 4)))
    t = graph.op("Pad", t, graph.const(pads, np.int64), float(value), mode=mode)
    graph.end(graph.op("Conv", t, rng.normal(0, 1, (3, 4 + pads[1] + pads[5], 2, 2))))
    network = import_model(graph.save(scratch / "m.onnx"))
    (want,) = onnxruntime.InferenceSession(scratch / "m.onnx").run(None, {"input": IMAGES})
    (got,) = run(network, network.encode(IMAGES)).outputs.values()
    assert got.shape == want.shape and np.abs(got - want).max() < 1e-5 * np.abs(want).max()


def test_a_quantizer_that_changes_nothing_may_stand_behind(scratch):
    """The window of the convolution pads then, as if there were none."""
    graph = Graph([len(IMAGES), 4, 5, 6])
    t = filtered(graph, graph.quant("input", 0.25), 4)
    t = graph.op("Pad", t, graph.const(SPATIAL, np.int64), 0.0)
    network = agree(graph.end(filtered(graph, graph.quant(t, 2.0), 3)), IMAGES, scratch / "m.onnx")
    windows = [n.window for n in network.nodes if isinstance(n, Windows)]
    assert [(w.kernel, w.pads) for w in windows] == [((2, 2), (0, 0, 0, 0)), ((2, 2), (1, 2, 2, 1))]
