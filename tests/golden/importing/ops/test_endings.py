"""Endings along any axis: labels of every pixel, and probabilities, as the qonnx executor gives them."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from tests.support.executor import Executor
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (4, 3, 5, 6)).astype(np.float32)


def segmented(kind, **attributes):
    graph = Graph([len(IMAGES), 3, 5, 6])
    w = graph.quant(graph.const(np.random.default_rng(1).normal(0, 1, (5, 3, 3, 3))), 0.25)
    t = graph.op("Conv", graph.quant("input", 0.21), w, np.linspace(-0.3, 0.4, 5), pads=[1] * 4)
    return graph.end(graph.op(kind, t, **attributes))


@pytest.mark.parametrize("keep", [0, 1])
def test_a_label_of_every_pixel(keep, scratch):
    graph = segmented("ArgMax", axis=1, keepdims=keep)
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(IMAGES)).outputs.values()
    (wanted,) = Executor(graph.model(), IMAGES).outputs
    assert y.shape == wanted.shape and np.array_equal(y, wanted) and np.unique(wanted).size > 3


@pytest.mark.parametrize("axis", [1, -1])
def test_probabilities_of_every_pixel(axis, scratch):
    graph = segmented("Softmax", axis=axis)
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(IMAGES)).outputs.values()
    (wanted,) = Executor(graph.model(), IMAGES).outputs
    assert y.shape == wanted.shape and np.abs(y - wanted).max() <= 1e-6
