"""onnxruntime's sums and products of two tensors of integers, on every pair of codes."""

import numpy as np
import pytest

from tests.support.qdq_models import QdqGraph, compared


def every_pair():
    """Return samples of two values: all pairs of the codes of 8 bits, at a scale of 1/16."""
    a, b = np.meshgrid(np.arange(-128, 128), np.arange(-128, 128))
    return (np.stack([a.reshape(-1), b.reshape(-1)], axis=1) / 16).astype(np.float32)


def pair_model(kind, scales, zeros, dtype=np.int8):
    graph = QdqGraph((2,))
    graph.x = graph.op("Add", graph.op("Mul", "input", 1.0), 0.0)
    sliced = [graph.op("Slice", "input", *(graph.const(v, np.int64) for v in ([k], [k + 1], [1]))) for k in range(2)]
    codes = [graph.quantize(x, scale=1 / 16, zero=0 if dtype == np.int8 else 128, dtype=dtype)[0] for x in sliced]
    operands = []
    for code, scale, zero in zip(codes, scales, zeros, strict=False):
        operands += [code, graph.const(np.float32(scale)), graph.const(np.asarray(zero), dtype)]
    out = graph.const(np.float32(scales[2])), graph.const(np.asarray(zeros[2]), dtype)
    return graph.finish(graph.microsoft(kind, *operands, *out))


TIES = [(0.05, 0.02, 0.2), (0.25, 0.5, 0.75), (0.1, 0.3, 0.2), (1 / 3, 0.3, 0.2)]  # many pairs lie between two codes


@pytest.mark.parametrize("kind", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("zeros", [(0, 0, 0), (4, -9, 11), (-128, 5, -4)])
def test_every_pair_where_many_are_ties(kind, zeros, scratch):
    for scales in TIES:
        graph = pair_model(kind, scales, zeros)
        assert compared(graph.save(scratch / "model.onnx"), every_pair(), "int8f4") == (3 * 65536, 0), scales


@pytest.mark.parametrize("kind", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("seed", range(6))
def test_every_pair(kind, seed, scratch):
    rng = np.random.default_rng(seed)
    dtype = [np.int8, np.uint8][seed % 2]
    info = np.iinfo(dtype)
    scales = np.exp(rng.uniform(np.log(0.01), np.log(0.1), 3))
    if kind == "QLinearMul":
        scales[2] = scales[0] * scales[1] * rng.uniform(40, 120)
    zeros = rng.integers(info.min, info.max + 1, 3)
    graph = pair_model(kind, scales, zeros, dtype)
    codes, differ = compared(graph.save(scratch / "model.onnx"), every_pair(), "int8f4")
    assert codes == 3 * 65536 and differ == 0


@pytest.mark.parametrize("kind", ["QLinearAdd", "QLinearMul"])
@pytest.mark.parametrize("shape", [(), (32,), (4, 1), (4, 32)])
def test_a_constant_operand(kind, shape, scratch):
    """One number, one a channel, or one a place, as onnxruntime writes the bias of a MatMul."""
    graph = QdqGraph((4, 32))
    code, scale, zero = graph.quantize(scale=0.05, zero=4)
    values = np.random.default_rng(3).integers(-128, 128, shape) if shape else 37
    constant = (
        graph.const(np.asarray(values), np.int8), graph.const(np.float32(0.02)), graph.const(np.asarray(-9), np.int8)
    )  # fmt: skip
    out = graph.const(np.float32(0.03)), graph.const(np.asarray(11), np.int8)
    y = graph.microsoft(kind, code, scale, zero, *constant, *out)
    y = graph.microsoft(kind, *constant, y, *out, *out)
    x = np.linspace(-8, 8, 3200, dtype=np.float32).reshape(25, 4, 32)
    codes, differ = compared(graph.finish(y).save(scratch / "model.onnx"), x)
    assert codes == 9600 and differ == 0
