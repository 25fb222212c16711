"""Endings along any axis: labels of every pixel, and probabilities, as the qonnx executor gives them."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.execute import run
from tests.support.executor import Executor
from tests.support.graphs import Graph
from tests.support.qdq_models import QdqGraph, reference

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


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
def test_a_label_may_be_that_of_codes(dtype, scratch):
    """onnxruntime's QOperator models choose from the codes; the first of equal ones wins."""
    graph = QdqGraph((3, 5, 6))
    graph.pair(scale=0.25)
    t = graph.op("Conv", graph.x, graph.weights((5, 3, 3, 3)), pads=[1] * 4)
    code, *_ = graph.quantize(t, scale=0.2, zero=int(np.iinfo(dtype).max // 2), dtype=dtype)
    label = graph.op("ArgMax", code, axis=1, keepdims=0)
    graph.add_output(label, None, np.int64)
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(IMAGES)).outputs.values()
    assert isinstance(network.nodes[-1], ArgMax) and np.unique(y).size > 3
    assert np.array_equal(y, reference(graph.model(), {"input": IMAGES}, [label])[label])


@pytest.mark.parametrize("axis", [1, -1])
def test_probabilities_of_every_pixel(axis, scratch):
    graph = segmented("Softmax", axis=axis)
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(IMAGES)).outputs.values()
    (wanted,) = Executor(graph.model(), IMAGES).outputs
    assert y.shape == wanted.shape and np.abs(y - wanted).max() <= 1e-6
