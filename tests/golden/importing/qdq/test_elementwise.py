"""onnxruntime's functions of integers, and its Concat, against onnxruntime."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from tests.support.qdq_models import QdqGraph, compared, reference


@pytest.mark.parametrize("kind", ["QLinearSigmoid", "QLinearLeakyRelu"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_functions(kind, dtype, scratch):
    graph = QdqGraph((40,))
    code, *parameters = graph.quantize(dtype=dtype, zero=11, scale=0.05)
    attributes = {"alpha": 0.1} if kind == "QLinearLeakyRelu" else {}
    out = graph.const(np.float32(1 / 250)), graph.const(np.asarray(2), dtype)
    code = graph.microsoft(kind, code, *parameters, *out, **attributes)
    x = np.linspace(-9, 9, 4000, dtype=np.float32).reshape(100, 40)
    codes, differ = compared(graph.finish(code).save(scratch / "model.onnx"), x)
    assert codes == 8000 and differ == 0


def test_concat(scratch):
    graph = QdqGraph((6, 5, 5))
    parts = []
    for zero in (3, -7):
        code, scale, origin = graph.quantize(graph.op("Relu", "input") if zero < 0 else "input", zero=zero,
                                             scale=graph.scale())  # fmt: skip
        parts += [code, scale, origin]
    y = graph.microsoft(
        "QLinearConcat", graph.const(np.float32(0.06)), graph.const(np.asarray(4), np.int8), *parts, axis=1
    )
    x = (np.random.default_rng(1).integers(-128, 128, (20, 6, 5, 5)) / 32).astype(np.float32)
    path = graph.finish(y).save(scratch / "model.onnx")
    codes, differ = compared(path, x, "int8f5")
    assert differ == 0


def test_softmax_at_the_end(scratch):
    graph = QdqGraph((9,))
    code, *parameters = graph.quantize(scale=0.03)
    w = graph.const(graph.codes((9, 4), np.int8), np.int8), graph.const(graph.scale()), graph.const(np.int8(0), np.int8)
    out = graph.const(np.float32(0.1)), graph.const(np.asarray(3), np.int8)
    code = graph.op("QLinearMatMul", code, *parameters, *w, *out)
    last = graph.const(np.float32(1 / 256)), graph.const(np.asarray(-128), np.int8)
    y = graph.microsoft("QLinearSoftmax", code, *out, *last, opset=13, axis=-1)
    path = graph.finish(y).save(scratch / "model.onnx")
    x = np.random.default_rng(2).normal(0, 2, (30, 9)).astype(np.float32)
    network = import_model(path)
    (found,) = run(network, network.encode(x)).outputs.values()
    assert np.array_equal(found, reference(graph.model(), {"input": x}, [y])[y])
