"""Import of reductions over any axes against the qonnx executor."""

import numpy as np
import onnxruntime
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.execute import run
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (4, 4, 5, 6)).astype(np.float32)


def reduced(kind, axes, keep, *, opset=18):
    graph = Graph([len(IMAGES), 4, 5, 6], opset=opset)
    w = graph.quant(graph.const(np.random.default_rng(1).normal(0, 1, (4, 4, 1, 1))), 0.25)
    t = graph.quant(graph.op("Conv", graph.quant("input", 0.25), w), 0.71, bits=5)
    in_operand = opset >= 18 or (kind == "ReduceSum" and opset >= 13)
    more = [graph.const(axes, np.int64)] if in_operand else []
    t = graph.op(kind, t, *more, keepdims=int(keep), **({} if in_operand else {"axes": axes}))
    return graph.end(graph.quant(t, 0.93, bits=6))


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("axes", [[2, 3], [1], [3], [-1, 1], [1, 2, 3], [2]], ids=str)
@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"])
def test_any_axes(kind, axes, keep, scratch):
    agree(reduced(kind, axes, keep), IMAGES, scratch / "m.onnx")


@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMean", "ReduceMax"])
def test_axes_as_attribute(kind, scratch):
    agree(reduced(kind, [2, 3], True, opset=11), IMAGES, scratch / "m.onnx")


@pytest.mark.parametrize("axes", [[2, 3], [1]], ids=str)
@pytest.mark.parametrize("kind", ["ReduceL1", "ReduceL2", "ReduceSumSquare"])
def test_norms(kind, axes, scratch):
    agree(reduced(kind, axes, True), IMAGES, scratch / "m.onnx")


def test_the_batch_is_not_reduced(scratch):
    with pytest.raises(ModelError, match="the batch cannot be reduced"):
        import_model(reduced("ReduceSum", [0, 1], True).save(scratch / "m.onnx"))


def twice(kind, quant):
    """A reduction of a row in which every value stands twice."""
    graph = Graph([len(IMAGES), 6], opset=18)
    w = graph.const(np.random.default_rng(2).normal(0, 1, (6, 5)))
    t = quant(graph, graph.op("MatMul", quant(graph, "input"), quant(graph, w)))
    t = graph.op(kind, graph.op("Concat", t, t, axis=1), graph.const([1], np.int64), keepdims=1)
    return graph.end(quant(graph, t))


@pytest.mark.parametrize("kind", ["ReduceSum", "ReduceMean", "ReduceMax"])
def test_values_that_stand_there_twice_count_twice(kind, scratch):
    quantized = twice(kind, lambda graph, t: graph.quant(t, 0.25, bits=7))
    agree(quantized, IMAGES[:, 0, 0], scratch / "m.onnx")
    network = import_model(twice(kind, lambda graph, t: t).save(scratch / "float.onnx"))
    (want,) = onnxruntime.InferenceSession(scratch / "float.onnx").run(None, {"input": IMAGES[:, 0, 0]})
    (got,) = run(network, network.encode(IMAGES[:, 0, 0])).outputs.values()
    assert got.shape == want.shape and np.abs(got - want).max() < 1e-5 * np.abs(want).max()
