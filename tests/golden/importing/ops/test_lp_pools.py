"""Pools of a norm against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.execute import run
from tests.support.executor import Executor
from tests.support.graphs import Graph

X = np.random.default_rng(3).normal(0, 2, (6, 3, 6, 5)).astype(np.float32)


def pooled(kind, bits, **attributes):
    graph = Graph([len(X), 3, 6, 5])
    t = graph.op(
        "Conv", graph.quant("input", 0.25), graph.quant(np.random.default_rng(1).normal(0, 1, (3, 3, 1, 1)), 0.25)
    )
    t = graph.op(kind, graph.quant(t, 0.21, bits=bits), **attributes)
    return graph.end(
        graph.op(
            "Conv",
            graph.quant(t, 0.31 if kind == "LpPool" else 0.13, signed=0, bits=8),
            graph.quant(np.ones((2, 3, 1, 1)), 0.5),
        )
    )


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("kind", ["LpPool", "GlobalLpPool"])
def test_norms(kind, bits, p, scratch):
    attributes = {"kernel_shape": [2, 2], "strides": [2, 1], "pads": [1, 0, 0, 1]} if kind == "LpPool" else {}
    graph = pooled(kind, bits, p=p, **attributes)
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,) = run(network, network.encode(X)).outputs.values()
    (wanted,) = Executor(graph.model(), X).outputs
    assert y.shape == wanted.shape and (np.abs(y - wanted) <= 1e-4).mean() > 0.995  # but ties of float32 sums
    assert np.unique(wanted).size > 4


def test_other_powers_are_refused(scratch):
    with pytest.raises(ModelError, match="only p 1 and 2"):
        import_model(pooled("LpPool", 4, p=3, kernel_shape=[2, 2]).save(scratch / "m.onnx"))
