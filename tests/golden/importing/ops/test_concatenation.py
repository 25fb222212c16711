"""Import of ``Concat`` behind the last layer: functions of one edge side by side, which the host computes."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import run
from tests.support.graphs import Graph
from tests.support.qdq_models import QdqGraph, reference


def head(*, axis, after=lambda g, t: t):
    """The head of a detector: boxes and scores of one convolution go through functions of their own."""
    graph = QdqGraph((3, 4, 4))
    graph.pair(scale=0.03)
    t = graph.op("Conv", graph.x, graph.weights((14, 3, 1, 1), around=0.01), np.linspace(-0.3, 0.4, 14))
    t = graph.op("Reshape", t, graph.const([0, 2, 7, 4, 4], np.int64))
    t = graph.op("Transpose", t, perm=[0, 1, 3, 4, 2])
    sizes = [2, 2, 3] if axis == 4 else [1, 2, 1]
    place, size, score = graph.op("Split", t, graph.const(sizes, np.int64), axis=axis, count=3)
    parts = graph.op("Mul", graph.op("Sigmoid", place), 8.0), graph.op("Exp", size), graph.op("Sigmoid", score)
    t = graph.op("Add", graph.op("Concat", *parts, axis=axis), 0.25)
    return graph.finish(after(graph, graph.op("Reshape", t, graph.const([0, -1, 7], np.int64))))


@pytest.mark.parametrize("axis", [4, 2])
def test_functions_side_by_side(axis, scratch):
    """By channel, and by rows of pixels."""
    graph = head(axis=axis)
    network = import_model(graph.save(scratch / "m.onnx"))
    x = np.random.default_rng(3).normal(0, 1.5, (6, 3, 4, 4)).astype(np.float32)
    ((name, y),) = run(network, network.encode(x)).outputs.items()
    wanted = reference(graph.model(), {"input": x}, [name])[name]
    assert (
        y.shape == wanted.shape == (6, 32, 7) and (abs(y - wanted) <= 1e-5 * (1 + abs(wanted))).all() and np.ptp(y) > 5
    )
    assert sum(isinstance(node, Dense) for node in network.nodes) == 1


def test_a_layer_behind_them_needs_a_quantizer(scratch):
    graph: Graph = head(axis=4, after=lambda g, t: g.op("MatMul", t, g.weights((7, 2))))
    with pytest.raises(ModelError, match="not quantized"):
        import_model(graph.save(scratch / "m.onnx"))
