"""A QDQ model from its file to Verilog: exceptions of lines, MaxPool of codes, a sum of branches."""

import json

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.joins import Multiply
from fewbit.golden.network.pointwise import Rescale
from tests.support.qdq_models import QdqGraph


def model(path):
    graph = QdqGraph((16, 6, 6), seed=3)
    graph.pair(dtype=np.uint8, zero=90, scale=0.031)
    graph.x = graph.op("Conv", graph.x, graph.weights((24, 16, 3, 3), axis=0, around=0.0004), pads=[1] * 4)
    left = graph.pair(zero=-3, scale=0.011)
    code, *parameters = graph.quantize(left, zero=-3, scale=0.011)
    code = graph.op("MaxPool", code, kernel_shape=[2, 2], strides=[2, 2])
    graph.x = graph.op("Flatten", graph.op("DequantizeLinear", code, *parameters))
    graph.x = graph.op("MatMul", graph.x, graph.weights((216, 20), axis=1, around=0.002))
    graph.pair(zero=5, scale=0.013)
    return graph.finish().save(path)


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("target", ["portable", "xilinx"])
def test_it_is_simulated(target, scratch, fewbit):
    path = model(scratch / "m.onnx")
    lines = [node for node in import_model(path).nodes if isinstance(node, Rescale)]
    assert len(lines) >= 2 and sum(0 if n.exceptions is None else len(n.exceptions) for n in lines) > 3
    x = np.random.default_rng(0).normal(0, 2, (6, 16, 6, 6)).astype(np.float32)
    np.savez(scratch / "x.npz", x=x)
    status, out, err = fewbit(
        "sim", path, "--images", scratch / "x.npz", "--target", target, "-o", scratch / "b", "--json"
    )
    found = json.loads(out)
    assert status == 0 and found["mismatches"] == 0 and found["cycles_exact"] and found["frames"] == 6, err


def squeeze_and_excite(path):
    """As in MobileNetV3, quantized: a mean, two pointwise layers, a sigmoid, its product with the feature map."""
    graph = QdqGraph((3, 6, 6), seed=5)
    graph.pair(scale=0.03)
    graph.x = graph.op("Relu", graph.op("Conv", graph.x, graph.weights((8, 3, 3, 3)), pads=[1] * 4))
    features = graph.pair(zero=-128, scale=0.02)
    graph.x = graph.op("GlobalAveragePool", features)
    graph.pair(zero=-128, scale=0.01)
    graph.x = graph.op("Relu", graph.op("Conv", graph.x, graph.weights((4, 8, 1, 1))))
    graph.pair(zero=-128, scale=0.01)
    graph.x = graph.op("Sigmoid", graph.op("Conv", graph.x, graph.weights((8, 4, 1, 1))))
    gate = graph.pair(zero=-128, scale=1 / 256)
    graph.x = graph.op("Mul", features, gate)
    graph.pair(zero=-128, scale=0.015)
    graph.x = graph.op("Conv", graph.x, graph.weights((4, 8, 3, 3)), pads=[1] * 4)
    graph.pair(scale=0.05)
    return graph.finish().save(path)


@pytest.mark.tools
@pytest.mark.slow
def test_squeeze_and_excite_is_simulated(scratch, fewbit):
    path = squeeze_and_excite(scratch / "m.onnx")
    assert any(isinstance(node, Multiply) for node in import_model(path).nodes)
    np.savez(scratch / "x.npz", x=np.random.default_rng(0).normal(0, 1.5, (4, 3, 6, 6)).astype(np.float32))
    status, out, err = fewbit("sim", path, "--images", scratch / "x.npz", "-o", scratch / "b", "--json")
    found = json.loads(out)
    assert status == 0 and found["mismatches"] == 0 and found["cycles_exact"] and found["frames"] == 4, err
