"""Operators that changed between ONNX's opsets mean the same in the oldest, the newest, and in those between."""

import numpy as np
import pytest

from tests.support.executor import agree
from tests.support.graphs import Graph

INT64 = np.int64


def sliced(g, x):
    if g.opset < 10:
        return g.op("Slice", x, starts=[0, 1], ends=[8, 4], axes=[2, 3])
    return g.op("Slice", x, *(g.const(c, INT64) for c in ([0, 1], [8, 4], [2, 3])))


def padded(g, x):
    pads = [0, 0, 1, 1, 0, 0, 1, 1]
    return g.op("Pad", x, pads=pads) if g.opset < 11 else g.op("Pad", x, g.const(pads, INT64))


def larger(g, x):
    scales = [1.0, 1.0, 2.0, 2.0]
    if g.opset < 9:
        return g.op("Upsample", x, scales=scales, mode="nearest")
    if g.opset < 11:
        return g.op("Upsample" if g.opset == 9 else "Resize", x, scales, mode="nearest")
    return g.op("Resize", x, g.const([]), scales, mode="nearest", coordinate_transformation_mode="asymmetric",
                nearest_mode="floor")  # fmt: skip


def split(g, x):
    if g.opset < 13:
        return g.op("Split", x, axis=1, split=[1, 1], count=2)[1]
    return g.op("Split", x, g.const([1, 1], INT64), axis=1, count=2)[1]


def averaged(g, x):
    if g.opset < 18:
        return g.op("ReduceMean", x, axes=[2, 3])
    return g.op("ReduceMean", x, g.const([2, 3], INT64))


KINDS = {  # name: (operator, values of a sample behind it)
    "Slice": (sliced, 24), "Pad": (padded, 72), "Resize": (larger, 128), "Split": (split, 16),
    "ReduceMean": (averaged, 2),
    "BatchNormalization": (lambda g, x: g.op("BatchNormalization", x, [1.5, 0.5], [1, 2], [1, 0], [1, 4]), 32),
    "Clip": (lambda g, x: g.clip(x, -1.0, 1.0), 32),
    "Dropout": (lambda g, x: g.op("Dropout", x), 32),
}  # fmt: skip


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 12, 17, 25])
def test_operators_are_the_executors_in_every_opset(scratch, opset):
    for name, (make, values) in KINDS.items():
        rng, graph = np.random.default_rng(1), Graph([1, 2, 4, 4], opset=opset)
        x = graph.quant(make(graph, graph.quant("input", 0.25)), 0.5)
        weights = graph.quant(graph.const(rng.integers(-3, 4, (values, 3)) * 0.25), 0.25)
        graph.end(graph.op("MatMul", graph.op("Flatten", x), weights))
        agree(graph, (rng.integers(-8, 8, (1, 2, 4, 4)) * 0.25).astype(np.float32), scratch / f"{name}.onnx")
