"""Stochastic quantizers: golden draws what the executor draws, frame by frame."""

import numpy as np
import pytest
from qonnx.core.onnx_exec import execute_onnx

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.model_file import exchange
from fewbit.golden.network import execute
from fewbit.golden.network.draws import Draw
from fewbit.golden.network.pointwise import Rescale
from tests.support.executor import cleaned
from tests.support.level_models import LevelGraph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")


def stochastic_model(kind, *, conv=False, bits=8, generator="lfsr", batch=1, hidden=9):
    """Two layers, data drawn between them."""
    rng = np.random.default_rng(3)
    g = LevelGraph([batch, 2, 6, 6] if conv else [batch, 24])
    attributes = dict(kind=kind, bits=bits, seed=7, generator=generator)
    t = g.quant("input", 0.25, bits=4)
    if conv:
        w = g.quant(g.const(rng.normal(0, 0.4, (5, 2, 3, 3))), 0.125, bits=4)
        t = g.op("Conv", t, w, kernel_shape=[3, 3])
        t = g.ours("StochasticQuant", t, np.float32(1.5), **attributes)
        t, size = g.op("Flatten", t), 80
    else:
        w = g.quant(g.const(rng.normal(0, 0.2, (24, hidden))), 0.125, bits=4)
        t, size = g.ours("StochasticQuant", g.op("MatMul", t, w), np.float32(1.5), **attributes), hidden
    return g.end(g.op("MatMul", t, g.bipolar(g.const(rng.normal(size=(size, 4))))))


@pytest.mark.parametrize("generator", ["lfsr", "lfsr15", "xorshift"])
@pytest.mark.parametrize("kind", exchange.KINDS)
@pytest.mark.parametrize("conv", [False, True], ids=["dense", "conv"])
def test_golden_is_the_executor(kind, generator, conv, scratch):
    """A batch at a time, or golden in two parts: frames count on."""
    samples = 40
    graph = stochastic_model(kind, conv=conv, generator=generator, batch=samples)
    graph.save(scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    shape = network.input_shape
    x = np.repeat(np.random.default_rng(1).normal(0, 1, (samples // 8, *shape)), 8, axis=0).astype(np.float32)
    reference = execute_onnx(cleaned(graph.model()), {"input": x})
    values = network.encode(x)
    (y,) = execute.run(network, values).outputs.values()
    assert (y == next(iter(reference.values()))).all()
    assert len(np.unique(y[:8], axis=0)) > 4, "the same sample is drawn anew in every frame"
    parts = [execute.run(network, values[:13]), execute.run(network, values[13:], first=13)]
    assert (np.concatenate([next(iter(p.outputs.values())) for p in parts]) == y).all()
    node = next(n for n in network.nodes if isinstance(n, Draw))
    drawn = execute.run(network, values).edges[node.y]
    assert set(np.unique(drawn)) == ({-1, 1} if kind == "bipolar" else {-1, 0, 1})


def test_probabilities_are_a_product_and_a_shift(scratch):
    stochastic_model("bipolar").save(scratch / "m.onnx")
    assert any(isinstance(n, Rescale) for n in import_model(scratch / "m.onnx").nodes)


def test_weights_are_drawn_once(scratch):
    g = LevelGraph([1, 6])
    w = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    g.end(g.op("MatMul", g.quant("input", 1.0), g.ours("StochasticQuant", g.const(w), np.float32(0.5), seed=2)))
    g.save(scratch / "m.onnx")
    network = import_model(scratch / "m.onnx")
    assert (network.nodes[0].weights * 0.5 == exchange.stochastic_quant(w, 0.5, seed=2).T).all()


@pytest.mark.parametrize("attributes, message", [
    ({"kind": "binary"}, "kind must be one of bipolar, ternary, not 'binary'"), ({"bits": 17}, "1 to 16 bits, not 17"),
    ({"generator": "lfsr8"}, "not 'lfsr8'"),
])  # fmt: skip
def test_errors(attributes, message, scratch):
    g = LevelGraph([1, 4])
    t = g.op("MatMul", g.quant("input", 1.0), np.eye(4, dtype=np.float32))
    g.end(g.ours("StochasticQuant", t, np.float32(1), **attributes)).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match=message):
        import_model(scratch / "m.onnx")


def test_order_of_the_draws(scratch):
    g = LevelGraph([1, 2, 4, 4])
    t = g.op("Conv", g.quant("input", 1.0), np.ones((2, 2, 1, 1), dtype=np.float32), kernel_shape=[1, 1])
    t = g.ours("StochasticQuant", g.op("Flatten", t), np.float32(1))
    g.end(g.op("MatMul", t, np.ones((32, 2), dtype=np.float32))).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match="in front of Flatten"):
        import_model(scratch / "m.onnx")
