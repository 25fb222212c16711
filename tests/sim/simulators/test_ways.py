"""Networks of non-uniform and stochastic quantizers in Verilator: every bit golden's, every cycle the model's."""

import numpy as np
import pytest

from fewbit.flow.folding.folding import default_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.draws import Draw
from fewbit.golden.network.execute import run
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.verilog import emit
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.cycles.model import predict
from fewbit.sim.simulators.kinds.verilator import Verilator
from fewbit.sim.simulators.run import simulate
from tests.support.level_models import WEIGHTS, LevelGraph, level_model
from tests.support.networks import folded
from tests.support.targets import PORTABLE, XILINX, name_of

FRAMES = 24


def mixed():
    """LQ-Nets on both sides, a codebook, powers of two, and data that is drawn, in one network."""
    rng = np.random.default_rng(9)
    g = LevelGraph([1, 9])

    def layer(t, weights, *size):
        kind, parameters = WEIGHTS[weights]
        lead = (1, size[1]) if weights in ("lq2", "ttq") else (1, 1)
        w = g.ours(kind, g.const(rng.normal(0, 0.3, size)), *parameters(rng, lead))
        return g.op("MatMul", t, w)

    t = layer(g.data("input", "lq2"), "lq2", 9, 6)
    t = layer(g.data(t, "levels"), "cluster16", 6, 6)
    t = layer(g.data(t, "ttq"), "power", 6, 5)
    t = g.ours("StochasticQuant", t, np.float32(0.25), kind="ternary", seed=3)
    return g.end(layer(t, "ttq", 5, 4))


def check(graph, folder, target, ways, stalls=(0.0,), size=None):
    """Import, generate with these products by layer (``None`` for the cheapest), PE and SIMD of ``size``; simulate."""
    graph.save(folder / "m.onnx")
    network = import_model(folder / "m.onnx")
    default = default_folding(network)
    sizes = [size or (f.pe, f.simd) for f in default.values()]
    pairs = [(*pair, way) for pair, way in zip(sizes, ways, strict=True)]
    plan = AcceleratorPlan(network, folded(network, pairs), target=target)
    shape = (FRAMES, *network.input_shape)
    values = network.encode(np.random.default_rng(2).normal(0, 1, shape).astype(np.float32))
    edge, again = network.outputs[0].edge, None
    expected = run(network, values).edges[edge]
    assert np.unique(expected, return_counts=True)[1].max() < expected.size * 0.6
    if any(isinstance(n, Draw) for n in network.nodes):
        sent = [number for _, number, _ in order_of(FRAMES, [plan.entries[0].beats])]
        again = run(network, values[sent], first=FRAMES).edges[edge]
        assert (again != expected[sent]).any(), "draws do not go on"
    (folder / "accelerator.v").write_text(emit(plan))
    Verilator().build(folder / "accelerator.v", folder / "sim", quick=True)
    for stall in stalls:
        found = simulate(folder / "sim", plan, values, expected, again=again, stall=stall, seed=4)
        assert (found.frames, found.mismatches, found.problems) == (FRAMES, 0, [])
        assert found.damage["wrong"] == 0 and found.damage["damaged"] >= 3
        if not stall:
            assert found.left == predict(plan, FRAMES).left
    return plan


@pytest.mark.slow
@pytest.mark.tools
def test_a_mixed_network(scratch):
    ways = ("planes", "decode", "shift", "planes")
    plan = check(mixed(), scratch, PORTABLE, ways, stalls=(0.0, 0.4), size=(2, 3))
    assert tuple(p.numbers.arithmetic.name for p in plan.layers.values()) == ways


def _every_case():
    for weights in WEIGHTS:
        for conv in (False, True):
            yield weights, "lq2" if weights.startswith("lq") else "levels", conv
    yield from (("lq2", a, conv) for a in ("ttq", "power", "lq3", "lq3 0/1") for conv in (False, True))


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("target", [PORTABLE, XILINX], ids=name_of)
@pytest.mark.parametrize("weights, activations, conv", list(_every_case()))
def test_every_method(weights, activations, conv, target, scratch):
    """Dense and convolution, operators and instances: these four take each layer's ways to make products in turn."""
    graph = level_model(weights, activations, conv=conv, per_channel=weights not in ("cluster16", "power"))
    graph.save(scratch / "ways.onnx")
    layers = list(layers_of(import_model(scratch / "ways.onnx")).values())
    turn = 2 * (target is XILINX) + conv
    ways = [layer.ways[turn % len(layer.ways)].name for layer in layers]
    check(graph, scratch, target, ways)
