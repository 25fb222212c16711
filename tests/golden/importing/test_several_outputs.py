"""Models with several outputs: one edge, each output in its own place, equal to the qonnx executor."""

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.cleanup import cleanup_model

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from tests.support.graphs import Graph


def branches(path, seed=1):
    """A convolution whose codes go out, whose pooled codes go out, and whose dense layer's floats go out."""
    rng = np.random.default_rng(seed)
    g = Graph((1, 2, 6, 5))
    x = g.quant("input", 0.25, bits=4, signed=0)
    w = g.quant(g.const(rng.normal(size=(3, 2, 3, 3))), 0.5, bits=3, narrow=1)
    codes = g.quant(g.op("Relu", g.op("Conv", x, w, kernel_shape=[3, 3])), 0.5, bits=2, signed=0)
    pooled = g.bipolar(g.op("Sub", g.op("MaxPool", codes, kernel_shape=[2, 2]), g.const(0.7)))
    v = g.bipolar(g.const(rng.normal(size=(36, 4))))
    scores = g.op("Add", g.op("MatMul", g.op("Flatten", codes, axis=1), v), g.const(rng.normal(size=4)))
    g.end(scores, pooled, codes)
    g.save(path)
    return rng.uniform(0, 4, (12, 2, 6, 5)).astype(np.float32)


def test_several_outputs(scratch):
    x = branches(scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert len({o.edge for o in network.outputs}) == 1 and len(network.outputs) == 3
    result = run(network, network.encode(x))
    model = cleanup_model(ModelWrapper(str(scratch / "m.onnx")))
    names = [o.name for o in model.graph.output]
    for k, sample in enumerate(x):
        theirs = execute_onnx(model, {model.graph.input[0].name: sample[None]})
        for name, ours in zip(names, result.outputs.values(), strict=True):
            assert ours[k].shape == theirs[name][0].shape
            assert ours[k] == pytest.approx(theirs[name][0], rel=1e-6, abs=1e-6)
    for ours in result.outputs.values():
        assert len(np.unique(ours)) > 1
