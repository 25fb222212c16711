"""Labels: ArgMax in hardware equals the argmax of the model's floats, and all endings give the executor's label."""

import numpy as np
import pytest
from onnx import TensorProto

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network import execute
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import labels_of
from fewbit.golden.network.pointwise import Score
from tests.support.executor import Executor
from tests.support.graphs import Graph


def classifier(rng, *, bias, scale, samples=200, classes=6):
    """Bipolar logits of 9 inputs, so that ties abound; returns (graph, logits, inputs)."""
    x = rng.normal(0, 1, (samples, 9)).astype(np.float32)
    graph = Graph(["N", 9])
    weights = graph.op("Mul", graph.bipolar(rng.normal(0, 1, (9, classes))), np.reshape(scale, (1, -1)))
    t = graph.op("MatMul", graph.bipolar("input"), weights)
    return graph, graph.op("Add", t, bias) if bias is not None else t, x


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["plain", "per channel", "bias", "both"])
def test_argmax_in_hardware(seed, kind, scratch):
    """The label equals the argmax of the model's floats, the first of equals; scales and biases need a `Score`."""
    rng = np.random.default_rng(seed)
    scale = rng.permutation([0.5, 0.5, 0.5, 1, 1, 1]) if kind in ("per channel", "both") else 0.5
    bias = rng.integers(-2, 3, 6) / 2 if kind in ("bias", "both") else None
    graph, t, x = classifier(rng, scale=scale, bias=bias)
    path = graph.end(t).save(scratch / "m.onnx")
    floats, labels = import_model(path), import_model(path, output="label")
    y = next(iter(execute.run(floats, floats.encode(x)).outputs.values()))
    result = execute.run(labels, labels.encode(x))
    assert np.array_equal(result.labels, y.argmax(axis=1))
    assert isinstance(labels.nodes[-1], ArgMax)
    assert isinstance(labels.nodes[-2], Dense if kind == "plain" else Score)
    ties = (np.sort(y, axis=1)[:, -1] == np.sort(y, axis=1)[:, -2]).mean()
    assert 0 < ties < 0.9 and len(set(result.labels.tolist())) > 2


@pytest.mark.parametrize("ending", ["ArgMax", "Softmax ArgMax", "LogSoftmax ArgMax", "TopK 1", "TopK 3", "Softmax"])
@pytest.mark.parametrize("output", ["auto", "label"])
def test_endings(ending, output, scratch):
    """All endings give the executor's label, and in auto mode its outputs."""
    graph, t, x = classifier(np.random.default_rng(1), scale=0.5, bias=None)
    graph.inputs[0].type.tensor_type.shape.dim[0].dim_value = len(x)
    for kind in ending.split():
        if kind == "ArgMax":
            t = graph.op("ArgMax", t, axis=1)
        elif kind == "TopK":
            t = graph.top_k(t, int(ending[-1]))
        elif kind.isalpha():
            t = graph.op(kind, t, axis=-1)
    graph.end(*(t if isinstance(t, list) else [t]))
    network = import_model(graph.save(scratch / "m.onnx"), output=output)
    result, executor = execute.run(network, network.encode(x)), Executor(graph.model(), x)
    reference = executor.outputs[-1]
    logits = result.edges[network.nodes[0].y]
    assert np.array_equal(result.labels, logits.argmax(axis=1)), "the first of equals"
    if ending == "TopK 3":  # which of equals comes first is not defined for TopK
        assert output == "label" or np.array_equal(list(result.outputs.values())[0], executor.outputs[0])
        return
    if ending == "TopK 1":
        reference = executor.outputs[0]
        assert np.array_equal(np.take_along_axis(logits, result.labels[:, None], 1) * np.float32(0.5), reference)
        return
    assert np.array_equal(result.labels, labels_of(reference))
    lowered = output == "label" or ending.endswith("ArgMax")
    assert isinstance(network.nodes[-1], ArgMax if lowered else Dense)
    if output == "auto":
        (y,) = result.outputs.values()
        assert y.shape == reference.shape and np.allclose(y, reference, atol=1e-6)


def test_a_squeezed_label(scratch):
    graph, t, x = classifier(np.random.default_rng(1), scale=0.5, bias=None)
    t = graph.axes("Squeeze", graph.op("ArgMax", t, axis=1), [1])
    network = import_model(graph.end(graph.op("Cast", t, to=TensorProto.INT32)).save(scratch / "m.onnx"))
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    assert isinstance(network.nodes[-1], ArgMax) and y.shape == (len(x),)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g, t: [t, g.op("Relu", t)], "must end in one tensor of logits"),
        (lambda g, t: [g.op("Mul", g.quant(t, 1.0), [1, 1.1, -1, 1, 1, 1])], "do not have the order of its floats"),
        (lambda g, t: [g.op("Neg", t)], "do not have the order of its floats"),
        (lambda g, t: [g.op("MatMul", t, g.bipolar(np.ones((6, 1))))], "single number"),
    ],
    ids=["two outputs", "some falling", "all falling", "one number"],
)
def test_no_label_in_hardware(make, message, scratch):
    graph, t, _ = classifier(np.random.default_rng(1), scale=0.5, bias=None)
    with pytest.raises(ModelError, match=message):
        import_model(graph.end(*make(graph, t)).save(scratch / "m.onnx"), output="label")
