"""TopK in the middle of a model, against the qonnx executor: values in order that a layer reads."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

RNG = np.random.default_rng(0)


def ranked(shape, k, *, axis=-1, largest=1, before=lambda g, t: t, bits=4):
    """A layer over the last axis, some of its values in order, and another layer that reads them."""
    graph = Graph([16, *shape])
    t = graph.quant("input", 0.25, bits=bits)
    t = graph.op("MatMul", t, graph.quant(graph.const(RNG.normal(0, 1, (shape[-1], 7))), 0.25))
    t, _ = graph.op("TopK", before(graph, t), graph.const([k], np.int64), axis=axis, largest=largest, count=2)
    t = graph.quant(t, 0.5, bits=5)
    return graph.end(
        graph.op("MatMul", t, graph.quant(graph.const(RNG.normal(0, 1, (k if axis == -1 else 7, 3))), 0.25))
    )


@pytest.mark.parametrize("largest", [1, 0])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_of_a_vector(k, largest, scratch):
    """Few bits, so that many values are the same."""
    x = RNG.normal(0, 0.5, (16, 6)).astype(np.float32)
    agree(ranked((6,), k, largest=largest, bits=2), x, scratch / "m.onnx")


@pytest.mark.parametrize("axis", [-1, 1])
def test_of_rows(axis, scratch):
    x = RNG.normal(0, 1, (16, 5, 6)).astype(np.float32)
    agree(ranked((5, 6), 2, axis=axis), x, scratch / "m.onnx")


def test_behind_what_falls_and_is_cut_off(scratch):
    x = RNG.normal(0, 1, (16, 6)).astype(np.float32)
    agree(ranked((6,), 3, before=lambda g, t: g.op("Relu", g.op("Mul", t, -0.7))), x, scratch / "m.onnx")


@pytest.mark.parametrize(("before", "k", "match"), [
    (lambda g, t: g.op("Add", t, np.arange(7) / 7), 3, "put a quantizer in front of it, or let the model end here"),
    (lambda g, t: g.op("Concat", *[t] * 20, axis=1), 120, "is built for up to 4096 pairs of values"),
])  # fmt: skip
def test_what_is_refused(before, k, match, scratch):
    with pytest.raises(ModelError, match=match):
        import_model(ranked((6,), k, before=before).save(scratch / "m.onnx"))
