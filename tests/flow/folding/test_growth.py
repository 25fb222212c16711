"""What folding does grows with the network alone: counted in calls, not in seconds."""

from collections import Counter

import pytest

from bench.networks.integer import integer_mlp, integer_resnet
from fewbit.flow.folding import layer as folding_layer
from fewbit.flow.folding.folding import default_folding, fold, least_cycles
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import candidates, estimate_all, fastest_within, pareto
from fewbit.golden.network.graph import Network
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.stages.window_plan import SlidingPlan
from fewbit.hw.targets.named import USUAL
from fewbit.hw.xilinx import pe_counts
from fewbit.hw.xilinx.netlist import Netlist


@pytest.fixture
def calls(monkeypatch):
    """How often methods are called, by name."""
    found = Counter()

    def count(of, name):
        before = getattr(of, name)

        def counted(*arguments, **options):
            found[name] += 1
            return before(*arguments, **options)

        monkeypatch.setattr(of, name, counted)

    count(Network, "edges")
    count(folding_layer.FoldableLayer, "useful")
    count(Netlist, "lut")
    count(SlidingPlan, "_least_depth")
    count(pe_counts, "plan_stages")
    return found


def test_edges_and_options_are_found_once(calls):
    """However many foldings of a network are looked at."""
    network = integer_resnet(8, size=16, width=4)
    layers = layers_of(network)
    assert layers_of(layers) is layers
    found = candidates(layers)
    assert len(found) > 30
    for folding in (default_folding(layers), fold(layers, 2 * least_cycles(layers)), fastest_within(layers, 100_000)):
        assert estimate_all(layers, folding).lut > 0
    assert len(pareto(layers, 200.0)) > 5
    assert calls["edges"] == 1 and calls["useful"] == len(layers) and calls["lut"] == 0


def test_a_plan_finds_edges_once_and_the_depth_of_like_windows_once(calls):
    network = integer_resnet(20, size=24, width=4)
    folding = default_folding(network)
    before = calls["edges"]
    plan = AcceleratorPlan(network, folding, target=USUAL)
    windows = sum(isinstance(stage.plan, SlidingPlan) for stage in plan.stages)
    assert calls["edges"] == before + 1
    assert 0 < calls["_least_depth"] < windows
    known = calls["_least_depth"]
    AcceleratorPlan(network, folding, depths={}, target=USUAL)
    assert calls["_least_depth"] == known


@pytest.mark.parametrize("bits", [6, 8, 12, 16])
def test_bits_cost_no_more_than_their_products(calls, bits):
    """Activations of 16 bits: as many steps whatever the bits of the weights, and no netlist for the estimate."""
    layers = layers_of(integer_mlp(Signed(16), Signed(bits), layers=(24, 12, 5)))
    assert pareto(layers, 200.0) and calls["lut"] == 0
    assert calls["plan_stages"] <= 60  # two sizes of two chains for each kind of layer, at most


def test_results_of_one_network_are_those_of_its_layers():
    network = integer_mlp(Unsigned(4), Signed(4), bits=4, layers=(12, 6))
    layers = layers_of(network)
    assert default_folding(network) == default_folding(layers)
    assert pareto(network, 100.0) == pareto(layers, 100.0)
    for name, layer in layers.items():
        for cycles in sorted({option.cycles for option in layer.options}):
            want = min(option for option in layer.options if option.cycles <= cycles)
            assert layer.cheapest(cycles) == want, name
        assert layer.cheapest(layer.least_cycles - 1) is None
