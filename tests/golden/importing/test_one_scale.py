"""Rows of several scales become integers of one, exactly or finer than float32 tells."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.one_scale import of_one_scale
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.execute import run
from tests.support.executor import Executor
from tests.support.graphs import Graph

X = np.random.default_rng(8).normal(0, 2, (8, 4, 5, 6)).astype(np.float32)


@pytest.mark.parametrize("ratio", [[1, 2, 3], [1.5, 2.5, 1.0], [1, -1, 255]])
def test_simple_ratios_are_exact(ratio):
    scales = 0.0123 * np.array([ratio, ratio], dtype=np.float64)
    weights = np.array([[3, -2, 1], [0, 5, -7]])
    row, whole = of_one_scale(scales, weights, np.full((2, 3), 15.0))
    assert np.allclose(row[:, None] * whole, scales * weights, rtol=1e-12) and np.abs(whole).max() < 2000


@pytest.mark.parametrize("seed", range(5))
def test_others_are_within_the_rounding_of_float32(seed):
    rng = np.random.default_rng(seed)
    scales, weights = rng.uniform(1e-3, 1, (6, 20)), rng.integers(-7, 8, (6, 20))
    far = rng.integers(1, 255, (6, 20)).astype(np.float64)
    row, whole = of_one_scale(scales, weights, far)
    off = np.abs(row[:, None] * whole - scales * weights)
    assert ((off * far).sum(axis=1) <= 2.0**-24 * (np.abs(scales * weights) * far).sum(axis=1)).all()
    assert len(set(row.tolist())) == 1 and np.abs(whole).max() < 1 << 30


def test_scales_that_are_too_far_apart_are_refused():
    with pytest.raises(ModelError, match="more than 30 bits"):
        of_one_scale(np.array([[1.0, 1e-9]]), np.array([[1, 3]]), np.array([[1.0, 1e12]]))


def agrees(graph, scratch):
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(X)).outputs.values()
    (wanted,) = Executor(graph.model(), X).outputs
    assert y.shape == wanted.shape and np.unique(wanted).size > 20
    assert (np.abs(y - wanted) <= 1e-4 * np.abs(wanted).max()).mean() > 0.99  # but ties of float32 sums
    return network


def test_a_scale_a_channel_in_front_of_a_pointwise_convolution(scratch):
    rng = np.random.default_rng(2)
    graph = Graph([len(X), 4, 5, 6])
    x = graph.quant("input", rng.uniform(0.2, 0.9, (1, 4, 1, 1)), bits=5)
    x = graph.op("Conv", x, graph.quant(rng.normal(0, 1, (5, 4, 1, 1)), 0.21))
    x = graph.op("Conv", graph.quant(x, 0.37, bits=6), graph.quant(rng.normal(0, 1, (3, 5, 1, 1)), 0.21))
    agrees(graph.end(x), scratch)


def test_branches_of_other_scales_side_by_side(scratch):
    rng = np.random.default_rng(3)
    graph = Graph([len(X), 4, 5, 6])
    x = graph.quant("input", 0.11, bits=6)
    parts = [graph.quant(graph.op("Conv", x, graph.quant(rng.normal(0, 1, (3, 4, 1, 1)), 0.23)), s, zero=z, signed=0)
             for s, z in ((0.513, 6.0), (0.291, 3.0))]  # fmt: skip
    x = graph.op(
        "Conv", graph.op("Concat", *parts, axis=1), graph.quant(rng.normal(0, 1, (4, 6, 3, 3)), 0.19), pads=[1] * 4
    )
    agrees(graph.end(x), scratch)


def test_a_padded_convolution_of_what_has_no_zero(scratch):
    """A batch norm without a quantizer behind it puts zero between two codes, in each channel elsewhere."""
    rng = np.random.default_rng(4)
    graph = Graph([len(X), 4, 5, 6])
    norm = [rng.uniform(0.5, 1.5, 4), rng.normal(0, 0.5, 4), rng.normal(0, 0.5, 4), rng.uniform(0.5, 1.5, 4)]
    x = graph.op("BatchNormalization", graph.quant("input", 0.25), *norm)
    x = graph.op("Conv", x, graph.quant(rng.normal(0, 1, (5, 4, 3, 3)), 0.21), pads=[1] * 4)
    agrees(graph.end(graph.op("Conv", graph.quant(x, 0.37, bits=6), graph.quant(np.ones((2, 5, 1, 1)), 0.5))), scratch)
