"""Operations of float models in JAX: their values are onnxruntime's, and they have gradients."""

import jax
import numpy as np
import pytest

from fewbit.golden.model_file.file import ModelError
from fewbit.ptq.emit import QuantizationPlan, plain_model
from fewbit.ptq.reader import read_model
from fewbit.ptq.runtime import Session
from fewbit.train import graph as jaxgraph
from tests.support.float_models import random_float_case
from tests.support.graphs import Graph

RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(0, 1, (4, 2, 3, 3)).astype(np.float32)
WINDOW = {"kernel_shape": [3, 2], "strides": [2, 2]}


def ints(graph, *values):
    return graph.const(values, np.int64)


def chain(graph):
    """The way of exporters to (batch, rest): by the shape that the data has."""
    batch = graph.op("Gather", graph.op("Shape", "input"), graph.const(0, np.int64), axis=0)
    parts = [graph.axes("Unsqueeze", t, [0]) for t in (batch, graph.const(-1, np.int64))]
    return graph.op("Reshape", "input", graph.op("Concat", *parts, axis=0))


POSITIVE = {"Sqrt", "Log", "Reciprocal"}
PLAIN = ("Relu", "Neg", "Abs", "Exp", "Sqrt", "Log", "Reciprocal", "Tanh", "Sigmoid", "Softplus", "Softsign", "Erf",
         "LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "HardSigmoid", "GlobalAveragePool",
         "GlobalMaxPool")  # fmt: skip
CASES = {
    "HardSwish": lambda g: g.op("HardSwish", "input"),
    "Mish": lambda g: g.op("Mish", "input"),
    "PRelu": lambda g: g.op("PRelu", "input", RNG.normal(0, 1, (4, 1, 1))),
    "Clip": lambda g: g.clip("input", -0.5, 0.7),
    "Clip above": lambda g: g.op("Clip", "input", "", g.const(0.5)),
    "Min": lambda g: g.op("Min", "input", 0.3),
    "Max": lambda g: g.op("Max", "input", -0.3),
    "Add data": lambda g: g.op("Add", "input", g.op("Tanh", "input")),
    "Sub": lambda g: g.op("Sub", 1.0, "input"),
    "Mul": lambda g: g.op("Mul", "input", RNG.normal(0, 1, (4, 1, 1))),
    "Div": lambda g: g.op("Div", "input", 3.0),
    "Pow": lambda g: g.op("Pow", "input", 2.0),
    "Softmax": lambda g: g.op("Mul", g.op("Softmax", "input", axis=1), 2.0),
    "LogSoftmax": lambda g: g.op("Mul", g.op("LogSoftmax", "input", axis=-1), 2.0),
    "BatchNormalization": lambda g: g.op("BatchNormalization", "input", *RNG.uniform(0.5, 2, (4, 4)), epsilon=0.1),
    "Cast": lambda g: g.op("Cast", "input", to=1),
    "Reshape": lambda g: g.op("Reshape", "input", ints(g, 0, 2, -1)),
    "Reshape by shape": chain,
    "Flatten": lambda g: g.op("Flatten", "input"),
    "Squeeze": lambda g: g.axes("Squeeze", g.axes("Unsqueeze", "input", [2]), [2]),
    "Transpose": lambda g: g.op("Transpose", "input", perm=[0, 2, 3, 1]),
    "Concat": lambda g: g.op("Concat", "input", g.op("Relu", "input"), axis=1),
    "Slice": lambda g: g.op("Slice", "input", ints(g, 1), ints(g, 7), ints(g, 2), ints(g, 2)),
    "Split": lambda g: g.op("Split", "input", ints(g, 1, 3), axis=1, count=2)[1],
    "Gather": lambda g: g.op("Gather", "input", ints(g, 2, 0), axis=1),
    "Resize": lambda g: g.op("Resize", "input", "", np.float32([1, 1, 2, 3]), mode="nearest", nearest_mode="floor",
                             coordinate_transformation_mode="asymmetric"),
    "Pad": lambda g: g.op("Pad", "input", ints(g, 0, 0, 1, 2, 0, 0, 0, 1)),
    "MaxPool": lambda g: g.op("MaxPool", "input", **WINDOW),
    "MaxPool padded": lambda g: g.op("MaxPool", "input", **WINDOW, pads=[1, 0, 1, 1]),
    "MaxPool ceil": lambda g: g.op("MaxPool", "input", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
    "MaxPool dilated": lambda g: g.op("MaxPool", "input", **WINDOW, dilations=[1, 2]),
    "MaxPool same": lambda g: g.op("MaxPool", "input", **WINDOW, auto_pad="SAME_LOWER"),
    "AveragePool": lambda g: g.op("AveragePool", "input", **WINDOW),
    "AveragePool padded": lambda g: g.op("AveragePool", "input", **WINDOW, pads=[1, 0, 1, 1]),
    "AveragePool counts": lambda g: g.op("AveragePool", "input", **WINDOW, pads=[1, 1, 1, 1], count_include_pad=1),
    "ReduceMean": lambda g: g.op("ReduceMean", "input", axes=[2, 3], keepdims=0),
    "ReduceMax": lambda g: g.op("ReduceMax", "input", axes=[-1, -2]),
    "Conv groups": lambda g: g.op("Conv", "input", WEIGHTS, RNG.normal(0, 1, 4), group=2, pads=[1, 0, 2, 1]),
    "Conv strides": lambda g: g.op("Conv", "input", WEIGHTS, group=2, strides=[2, 1], dilations=[1, 2]),
    "Conv same": lambda g: g.op("Conv", "input", WEIGHTS, group=2, strides=[2, 2], auto_pad="SAME_UPPER"),
    "MatMul": lambda g: g.op("MatMul", "input", RNG.normal(0, 1, (6, 5))),
    "Gemm": lambda g: g.op("Gemm", g.op("Flatten", "input"), RNG.normal(0, 1, (5, 168)), RNG.normal(0, 1, 5), transB=1),
}  # fmt: skip
OPSETS = {"HardSwish": 14, "Mish": 18}
PARAMETERS = [*((kind, None) for kind in PLAIN), *CASES.items()]


def in_jax(model, x):
    """The function of samples that JAX sees."""
    return jaxgraph.Graph(model).logits(x, lambda layer: (layer.weights, layer.bias))


def on_onnxruntime(model, x):
    return Session(plain_model(model, QuantizationPlan(), [model.scores]), model.file).run(x)[model.scores]


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("name, make", PARAMETERS, ids=[name for name, _ in PARAMETERS])
def test_an_operation_is_that_of_onnxruntime(scratch, name, make):
    g = Graph(["N", 4, 7, 6], opset=OPSETS.get(name, 13))
    end = make(g) if make else g.op(name, "input")
    model = read_model(g.end(end, g.op("Conv", "input", WEIGHTS, group=2)).save(scratch / "m.onnx"))
    x = RNG.normal(0, 1, (3, 4, 7, 6)).astype(np.float32)
    x = np.abs(x) + 0.5 if name in POSITIVE else x
    wanted, found = on_onnxruntime(model, x), in_jax(model, x)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 2e-6 * max(1, np.abs(wanted).max())
    slope = jax.grad(lambda x: (in_jax(model, x) ** 2).sum())(x)
    assert np.isfinite(slope).all() and (slope != 0).any()


def test_a_convolution_of_a_signal(scratch):
    g = Graph(["N", 2, 9])
    t = g.op("MaxPool", g.op("Conv", "input", RNG.normal(0, 1, (3, 2, 3)), pads=[1, 1]), kernel_shape=[2])
    model = read_model(g.end(t).save(scratch / "m.onnx"))
    x = RNG.normal(0, 1, (3, 2, 9)).astype(np.float32)
    assert np.abs(in_jax(model, x) - on_onnxruntime(model, x)).max() < 2e-6


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize("seed", range(60, 68))
def test_random_models_are_those_of_onnxruntime(scratch, seed):
    """Convolutions, groups, pools, residual sums, shuffles, both layouts, batches fixed or not."""
    case = random_float_case(seed, batch=(0, 5)[seed % 2])
    model = read_model(case.graph.save(scratch / "m.onnx"))
    graph = jaxgraph.Graph(model)
    wanted = Session(plain_model(model, QuantizationPlan(), [graph.end]), model.file).run(case.x)[graph.end]
    for count in (5, 3):  # a batch that the model was not exported for, too
        found = in_jax(model, case.x[:count])
        assert np.abs(found - wanted[:count]).max() <= 1e-5 * max(1, np.abs(wanted).max())


def test_what_cannot_be_differentiated_is_named(scratch):
    g = Graph(["N", 4])
    t = g.op("MatMul", g.op("Floor", "input"), np.eye(4))
    model = read_model(g.end(t).save(scratch / "m.onnx"))
    with pytest.raises(ModelError, match=r"node 'Floor_0' \(Floor\): cannot be retrained; supported are "):
        jaxgraph.Graph(model)


def test_shapes_that_mix_samples_are_named(scratch):
    g = Graph([1, 4])
    t = g.op("MatMul", g.op("Reshape", "input", ints(g, 4, 1)), np.ones((1, 2)))
    model = read_model(g.end(g.op("Reshape", t, ints(g, 1, 8))).save(scratch / "m.onnx"))
    with pytest.raises(ModelError, match="node 'Reshape_0'.*it must leave the samples as the first axis"):
        in_jax(model, np.zeros((1, 4), np.float32))
