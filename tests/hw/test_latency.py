# amaranth: UnusedElaboratable=no
"""Parts that meet: balanced where they may differ, and told in time where they cannot meet."""

import pytest

from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.latency import Meeting
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.xilinx import dot_product
from fewbit.hw.xilinx.netlist import Netlist
from tests.support.layer_bench import random_layer
from tests.support.stream_bench import STALLS, assert_varied
from tests.support.targets import EXPRESSIONS, XILINX

U, S = Unsigned, Signed


def test_the_latest_part_is_waited_for():
    met = Meeting("units", {"a": 3, "b": 5})
    assert (met.latency, met.wait("a"), met.wait("b")) == (5, 2, 0)
    assert Meeting("units", {"a": 3, "b": 5}, at=7).wait("b") == 2


def test_parts_that_come_too_late():
    with pytest.raises(ValueError, match="^units: parts must meet after 4 cycles, but b takes 5, c takes 6$"):
        Meeting("units", {"a": 3, "b": 5, "c": 6}, at=4)
    with pytest.raises(ValueError, match="units: parts that meet must be at least one"):
        Meeting("units", {})


def test_bits_of_different_cycles_in_a_netlist():
    net = Netlist()
    a, b = net.input(2)
    (late,) = net.register([a])
    (both,) = net.lut([late, b], lambda x, y: x & y)
    with pytest.raises(ValueError, match=r"unit: Bits of cycles \[0, 1\] meet in a Lut"):
        net.check("unit", [([a, b], 0)], [both], 1)
    assert net.check("unit", [([a], 0), ([b], 1)], [both, ~late, 1], 1) is None
    with pytest.raises(ValueError, match=r"unit: results must be there after 2 cycles, not \[1\]"):
        net.check("unit", [([a], 0), ([b], 1)], [both], 2)


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize(("x", "w", "k"), [(U(4), S(4), 11), (S(4), S(4, True), 11), (U(2), S(3), 9), (S(8), S(8), 12)])
def test_a_first_neuron_that_is_later_than_its_neighbours(x, w, k):
    """Of products that share multipliers: its heap has fewer bits, and yet more stages."""
    layer = random_layer(x, w, k * 2, 4, vectors=10).threshold(U(3))
    assert_varied(layer.y)
    plan = layer.check(2, k, (0, 0), STALLS["both"], products="dsp", target=EXPRESSIONS)
    first, other = (pe.latency for pe in plan.array.pes.values())
    assert first > other  # or this is not the case that it tests


@pytest.fixture
def fresh():
    """No netlist that was made before is taken, and none that is made here is kept."""
    kept = [found for found in vars(dot_product).values() if hasattr(found, "cache_clear")]
    assert kept
    for found in kept:
        found.cache_clear()
    yield
    for found in kept:
        found.cache_clear()


def test_a_plan_whose_netlist_is_out_of_step(monkeypatch, fresh):
    """It is told when the plan is made, long before any hardware is."""
    compressed = dot_product._compressed
    monkeypatch.setattr(dot_product, "_compressed", lambda *of: (compressed(*of)[0], compressed(*of)[1] + 1))
    layer = random_layer(U(4), S(4), 15, 4).threshold(U(3))
    target = XILINX
    for products, where in (
        ("dsp", "a processing element"),
        ("plain", "a processing element"),
        ("sums", "rows of a heap"),
    ):
        with pytest.raises(ValueError, match=f"^{where}: .*cycles"):
            LayerPlan(layer.dense, layer.act, layer.edges, LayerFolding(2, 5, products), target=target)
