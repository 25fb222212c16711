"""onnxruntime's products of integers: every code is its own, without exception."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError
from tests.support.qdq_models import QdqGraph, compared

SHAPE = (5, 8, 8)


def samples(shape=SHAPE, count=4, seed=5):
    return np.random.default_rng(seed).normal(0, 2, (count, *shape)).astype(np.float32)


def operands(graph, dtype, *, channels=None, shape=None, around=0.02, zero=None, axis_zero=False):
    """Return codes, scale and zero point of constant weights; with ``channels``, a scale for each."""
    count = () if channels is None else (channels,)
    low = 0 if zero is None else zero
    zeros = np.broadcast_to(low, count) if axis_zero or channels is None else np.zeros(count) + low
    return (graph.const(graph.codes(shape, dtype), dtype), graph.const(graph.scale(*count, around=around)),
            graph.const(zeros, dtype))  # fmt: skip


def out(graph, dtype, around):
    zero = int(graph.rng.integers(100, 150)) if dtype == np.uint8 else int(graph.rng.integers(-20, 20))
    return graph.const(graph.scale(around=around)), graph.const(np.asarray(zero), dtype)


@pytest.mark.parametrize("channels", [None, 7])
@pytest.mark.parametrize("dtypes", [(np.uint8, np.int8), (np.int8, np.int8), (np.uint8, np.uint8)])
def test_convolutions(dtypes, channels, scratch):
    activations, weights = dtypes
    codes = 0
    for seed in range(3):
        graph = QdqGraph(SHAPE, seed=seed)
        code, *parameters = graph.quantize(dtype=activations, zero=3, scale=graph.scale(around=0.03))
        w = operands(graph, weights, channels=channels, shape=(7, 5, 3, 3), zero=0 if channels else 5)
        bias = graph.const(graph.rng.integers(-3000, 3000, 7), np.int32)
        scale, zero = out(graph, activations, 0.3)
        code = graph.op("QLinearConv", code, *parameters, *w, scale, zero, bias, pads=[1] * 4, strides=[2, 2])
        w = operands(graph, weights, channels=channels, shape=(7, 1, 3, 3))
        code = graph.op("QLinearConv", code, scale, zero, *w, *out(graph, activations, 0.4), group=7)
        found = compared(graph.finish(code).save(scratch / "model.onnx"), samples(seed=seed))
        assert found[1] == 0
        codes += found[0]
    assert codes > 3 * 4 * (320 + 112)


@pytest.mark.parametrize("kind", ["QLinearMatMul", "QGemm", "QGemm turned"])
def test_matrix_products(kind, scratch):
    codes = 0
    for seed in range(4):
        graph = QdqGraph((16,), seed=seed)
        code, *parameters = graph.quantize(dtype=np.uint8, zero=120, scale=graph.scale(around=0.03))
        channels = 6 if seed % 2 else None
        turned = kind.endswith("turned")
        w = operands(graph, np.int8, channels=channels, shape=(6, 16) if turned else (16, 6))
        scale, zero = out(graph, np.uint8, 0.15)
        if kind == "QLinearMatMul":
            code = graph.op("QLinearMatMul", code, *parameters, *w, scale, zero)
        else:
            bias = graph.const(graph.rng.integers(-3000, 3000, 6), np.int32)
            code = graph.microsoft("QGemm", code, *parameters, *w, bias, scale, zero, transB=int(turned),
                                   alpha=[1.0, 0.7][seed // 2])  # fmt: skip
        found = compared(graph.finish(code).save(scratch / "model.onnx"), samples((16,), count=300, seed=seed))
        assert found[1] == 0
        codes += found[0]
    assert codes == 4 * 300 * 22


@pytest.mark.parametrize("kind", ["ConvInteger", "MatMulInteger"])
def test_products_that_stay_integers(kind, scratch):
    """A static model may also scale the 32-bit sums itself."""
    graph = QdqGraph(SHAPE if kind == "ConvInteger" else (20,), seed=3)
    code, scale, zero = graph.quantize(dtype=np.uint8, zero=30)
    shape = (4, 5, 3, 3) if kind == "ConvInteger" else (20, 4)
    w = graph.const(graph.codes(shape, np.int8), np.int8)
    total = graph.op(kind, code, w, zero, graph.const(np.asarray(2), np.int8))
    graph.x = graph.op("Mul", graph.op("Cast", total, to=1), np.float32(0.0013))
    graph.pair(zero=-4)
    found = compared(graph.finish().save(scratch / "model.onnx"), samples(graph_shape(graph), count=20))
    assert found[1] == 0 and found[0] > 400


def graph_shape(graph):
    return tuple(d.dim_value for d in graph.inputs[0].type.tensor_type.shape.dim[1:])


@pytest.mark.parametrize("kind", ["QGemm", "MatMulIntegerToFloat"])
def test_products_that_give_floats(kind, scratch):
    graph = QdqGraph((16,))
    code, scale, zero = graph.quantize(dtype=np.uint8, zero=120, scale=0.03)
    w, steps, zeros = operands(graph, np.int8, channels=6, shape=(16, 6))
    if kind == "QGemm":
        bias = graph.const(graph.rng.integers(-3000, 3000, 6), np.int32)
        y = graph.microsoft(kind, code, scale, zero, w, steps, zeros, bias, alpha=0.7)
    else:
        bias = graph.const(graph.rng.normal(0, 1, 6))
        y = graph.microsoft(kind, code, w, scale, steps, zero, zeros, bias)
    graph.pair(y, zero=-4)
    found = compared(graph.finish().save(scratch / "model.onnx"), samples((16,), count=40))
    assert found[1] == 0 and found[0] > 800


def test_channels_last(scratch):
    graph = QdqGraph((8, 8, 3))
    code, *parameters = graph.quantize(zero=3, scale=0.03)
    code = graph.microsoft("NhwcMaxPool", code, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1])
    own = graph.const(0.25), graph.const(7, np.int8)  # with which the average's sum of floats is exact
    last = dict(channels_last=1)
    code = graph.microsoft("QLinearConv", code, *parameters, *operands(graph, np.int8, channels=5, shape=(5, 3, 3, 3)),
                           *own, pads=[1] * 4, kernel_shape=[3, 3], **last)  # fmt: skip
    code = graph.microsoft("QLinearAveragePool", code, *own, *own, kernel_shape=[2, 2], **last)
    code = graph.microsoft("QLinearGlobalAveragePool", code, *own, *out(graph, np.int8, 0.1), **last)
    model = graph.finish(graph.op("DequantizeLinear", code, *own))
    found = compared(model.save(scratch / "model.onnx"), samples((8, 8, 3)))
    assert found[1] == 0 and found[0] > 900


def test_what_is_refused(scratch):
    graph = QdqGraph((16,))
    code, *parameters = graph.quantize(dtype=np.uint8)
    y = graph.microsoft("QGemm", code, *parameters, *operands(graph, np.int8, shape=(16, 6)), transA=1)
    with pytest.raises(ModelError, match="QGemm.*transA"):
        import_model(graph.finish(y).save(scratch / "model.onnx"))

    graph = QdqGraph((16,))
    code, scale, zero = graph.quantize(dtype=np.uint8)
    w, steps, zeros = operands(graph, np.int8, shape=(16, 6))
    dynamic = graph.op(
        "ReduceMax", graph.op("DequantizeLinear", code, scale, zero), graph.const([1], np.int64), keepdims=0
    )
    y = graph.microsoft("MatMulIntegerToFloat", code, w, dynamic, steps, zero, zeros)
    with pytest.raises(ModelError, match="MatMulIntegerToFloat.*computed from data"):
        import_model(graph.finish(y).save(scratch / "model.onnx"))
