"""Quantizers of scales a power of two apart become a shift, halves to even and all."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of
from fewbit.golden.rewrite.rescale import as_rescale
from tests.support.executor import agree
from tests.support.graphs import Graph


def quantizer(fmt, shifts, offsets, lo, hi, zero=0):
    """Return thresholds of ``rint((x + offset) / 2**shift) + zero`` by channel, and what they read."""
    shifts, offsets = np.array(shifts), np.array(offsets)
    edge = Edge(accumulator_format(lo, hi), np.array(lo), np.array(hi))

    def codes(x):
        return np.clip(np.rint((x + offsets) / 2.0**shifts) + zero, fmt.lo, fmt.hi).astype(np.int64)

    thresholds, table = find_thresholds(codes, edge.lo, edge.hi)
    return Threshold("t", "x", "t", steps_of(thresholds, table, edge.lo, edge.hi, fmt), None, fmt), edge


@pytest.mark.parametrize("zero", [0, 3])
@pytest.mark.parametrize("fmt", [Signed(8), Unsigned(8), Signed(6)], ids=str)
@pytest.mark.parametrize("shifts", [[4, 4, 4], [3, 5, 4], [1, 2, 1]], ids=str)
def test_every_code(fmt, shifts, zero):
    lo, hi = [-5000, -900, -3], [4000, 1000, 2]
    node, edge = quantizer(fmt, shifts, [0, 7, -2], lo, hi, zero)
    line = as_rescale(node, edge)
    assert isinstance(line, Rescale) and line.ties in (0, 1) and line.exceptions is None
    x = np.stack([np.linspace(a, b, 9001).astype(np.int64) for a, b in zip(lo, hi, strict=True)], axis=1)
    assert np.array_equal(execute(line, x), execute(node, x))
    assert np.array_equal(line.out(edge).lo, node.out(edge).lo) and np.array_equal(line.out(edge).hi, node.out(edge).hi)


def test_a_model_of_power_of_two_scales(scratch):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (40, 12)).astype(np.float32)
    graph = Graph([len(x), 12])
    t = graph.op(
        "MatMul", graph.quant("input", 2.0**-5, bits=8), graph.quant(rng.normal(0, 0.5, (12, 9)), 2.0**-6, bits=8)
    )
    t = graph.op("MatMul", graph.quant(t, 2.0**-5, bits=8), graph.quant(rng.normal(0, 0.5, (9, 4)), 2.0**-6, bits=8))
    network = agree(graph.end(graph.quant(t, 2.0**-4, bits=8)), x, scratch / "m.onnx")
    assert [type(node) for node in network.nodes][1::2] == [Rescale, Rescale]
    assert {node.ties for node in network.nodes[1::2]} == {0}
