"""onnxruntime's averages of integers against onnxruntime."""

import numpy as np
import pytest

from tests.support.qdq_models import QdqGraph, compared


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_global_averages(dtype, scratch):
    codes = 0
    for seed, size in enumerate([(4, 4), (7, 7), (3, 5)]):
        graph = QdqGraph((6, *size), seed=seed)
        code, *parameters = graph.quantize(dtype=dtype, zero=9, scale=graph.scale(around=0.03))
        out = graph.const(graph.scale(around=0.008)), graph.const(np.asarray(5), dtype)
        code = graph.microsoft("QLinearGlobalAveragePool", code, *parameters, *out)
        x = np.random.default_rng(seed).normal(0, 2, (60, 6, *size)).astype(np.float32)
        found = compared(graph.finish(code).save(scratch / "model.onnx"), x)
        assert found[1] == 0
        codes += found[0]
    assert codes > 3 * 60 * 6 * 16


def test_averages_of_windows(scratch):
    """onnxruntime adds floats one after the other, so few codes at ties may differ."""
    codes = differ = 0
    for seed, attributes in enumerate([{}, {"pads": [1] * 4}, {"pads": [1] * 4, "count_include_pad": 1}]):
        graph = QdqGraph((4, 8, 8), seed=seed)
        code, *parameters = graph.quantize(dtype=np.uint8, zero=60, scale=graph.scale(around=0.03))
        out = graph.const(graph.scale(around=0.02)), graph.const(np.asarray(70), np.uint8)
        code = graph.microsoft("QLinearAveragePool", code, *parameters, *out, kernel_shape=[3, 3], strides=[2, 2],
                               **attributes)  # fmt: skip
        x = np.random.default_rng(seed).normal(0, 2, (40, 4, 8, 8)).astype(np.float32)
        found = compared(graph.finish(code).save(scratch / "model.onnx"), x)
        codes, differ = codes + found[0], differ + found[1]
    assert codes > 30000 and differ <= codes / 300, (codes, differ)
