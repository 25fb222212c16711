"""Folding within all limits at once: against every folding that there is, and against synthesis."""

import itertools

import pytest

from bench.cost.by_part import CLOSE, measured
from bench.networks.integer import IntegerNetwork, integer_resnet
from fewbit.flow.folding.by_part import best_folding
from fewbit.flow.folding.design import cost_of_design
from fewbit.flow.folding.external import PORT_SHARE, beats_of
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.flow.folding.limits import MARGINS, RESOURCES, FoldingLimits, ResourceLimit, limits_of
from fewbit.golden.importing.importer import import_model
from fewbit.golden.numbers.formats import Signed, Ternary, Unsigned
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import built_in_parts
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.cycles.queues import size_queues
from tests.support.networks import Builder

W4A4 = "examples/digits/w4a4.onnx"


def part(name):
    return find_part(name, built_in_parts())


def small(x, w, sizes=(8, 5, 3), levels=2):
    """A network of two layers whose foldings can all be looked at."""
    inputs, *neurons = sizes
    builder = Builder(x, inputs, seed=3)
    for n in neurons:
        builder.dense(n, w).threshold(Unsigned(levels))
    return builder.done()


def every_folding(layers):
    """Every folding of a network, in every way that its layers have, and its cycles; the fastest first."""
    by_layer = []
    for layer in layers.values():
        found = []
        for option in layer.options:
            shape = layer.shape(option.folding)
            ways = [None, "sums"] + ["dsp"] * (layer.packing is not None and option.pe > shape.together)
            memories = (None, "luts", "block") if shape.words > 1 else (None,)
            found += [LayerFolding(option.pe, option.simd, w, m) for w in ways for m in memories]
        by_layer.append(found)
    names = list(layers)
    every = [Folding(dict(zip(names, found, strict=True))) for found in itertools.product(*by_layer)]
    return sorted(((slowest(layers, folding), folding) for folding in every), key=lambda pair: pair[0])


def fits(layers, folding, limits):
    plan = AcceleratorPlan(layers.network, folding, target=USUAL)
    plan = plan.with_depths(size_queues(plan))
    return not limits.over(cost_of_design(layers, folding, plan, limits.family).total)


@pytest.mark.long
@pytest.mark.parametrize(("x", "w", "most"), [
    pytest.param(Unsigned(4), Signed(4, True), {"lut": 330, "bram18": 2, "dsp": 4}, marks=pytest.mark.slow),
    (Unsigned(2), Ternary(), {"lut": 225, "bram18": 1, "dsp": 2}),
], ids=str)  # fmt: skip
def test_no_folding_is_much_faster(x, w, most):
    """None of all foldings that are more than 5 % faster keeps the limits, by its plan."""
    layers = layers_of(small(x, w))
    limits = FoldingLimits(resources={name: ResourceLimit(n, "as given") for name, n in most.items()})
    found = best_folding(layers, limits, USUAL)
    assert not limits.over(found.design.total)
    now = slowest(layers, found.folding)
    faster = [folding for cycles, folding in every_folding(layers) if 1.05 * cycles < now]
    assert [folding for folding in faster if fits(layers, folding, limits)] == []
    without = best_folding(layers, FoldingLimits(resources={"lut": ResourceLimit(5000, "as given")}), USUAL)
    assert slowest(layers, without.folding) <= now


def few_limits(layers):
    """Limits that leave few foldings: a block RAM, two DSPs, and a fifth more LUTs than the fewest."""
    given = {"bram18": ResourceLimit(1, "as given"), "dsp": ResourceLimit(2, "as given")}
    least = best_folding(layers, FoldingLimits(resources=given, goal="luts"), USUAL)
    return least.design.total.lut, given | {"lut": ResourceLimit(round(1.2 * least.design.total.lut), "as given")}


@pytest.mark.slow
def test_no_folding_takes_much_less():
    layers = layers_of(small(Unsigned(4), Signed(4, True), (5, 3, 2)))
    least, given = few_limits(layers)
    limits = FoldingLimits(resources=given)
    costs = [
        cost_of_design(layers, folding, AcceleratorPlan(layers.network, folding, target=USUAL), "xc7").total
        for _, folding in every_folding(layers)
    ]
    assert 0.95 * least <= min(cost.lut for cost in costs if not limits.over(cost)) <= least


@pytest.mark.slow
def test_no_folding_gives_results_much_sooner():
    layers = layers_of(small(Unsigned(4), Signed(4, True), (5, 3, 2)))
    limits = FoldingLimits(resources=few_limits(layers)[1], goal="latency")
    found = best_folding(layers, limits, USUAL)
    for _, folding in every_folding(layers):
        latency = predict_steady(AcceleratorPlan(layers.network, folding, target=USUAL)).latency
        assert 1.05 * latency >= found.timing.latency or not fits(layers, folding, limits), folding


@pytest.mark.sampled(3)
@pytest.mark.parametrize("goal", ["fps", "luts", "latency"])
def test_every_limit_is_kept(goal):
    limits = limits_of(part=part("xc7s15"), share=60, cycles=[400], goal=goal)
    found = best_folding(import_model(W4A4), limits, USUAL)
    assert not limits.over(found.design.total)
    assert found.timing.interval <= 400 and found.plan.bound <= 400
    for name, limit in limits.resources.items():
        assert found.design.total.by_resource[name] <= limit.most / (1 + MARGINS.get(name, 0))


@pytest.mark.slow
def test_more_of_a_part_is_never_slower():
    network = layers_of(import_model(W4A4))
    intervals = [
        best_folding(network, limits_of(part=part("xc7s15"), share=share, goal="fps"), USUAL).timing.interval
        for share in (35, 60, 100)
    ]
    assert intervals == sorted(intervals, reverse=True) and intervals[-1] < intervals[0]


def test_idle_dsps_are_used():
    """With DSPs to be had, the same LUTs go faster: they are part of the search."""
    network = layers_of(import_model("examples/digits/w8a8.onnx"))
    few, many = (
        best_folding(network, limits_of(most={"lut": 6000, "dsp": dsps}, goal="fps"), USUAL) for dsps in (12, 90)
    )
    assert many.timing.interval < few.timing.interval
    assert many.design.total.dsp > 12 >= few.design.total.dsp


def test_what_limits_is_said():
    network = layers_of(import_model(W4A4))
    limits = limits_of(part=part("xc7s15"), share=60, goal="fps")
    found = best_folding(network, limits, USUAL)
    step = found.limiting
    assert step is not None and step.resource in RESOURCES and step.needed > step.most
    assert step.cycles < found.timing.interval and step.layer in network
    assert network[step.layer].cycles(found.folding[step.layer]) == slowest(network, found.folding)


@pytest.mark.long
def test_weights_are_outside_where_they_do_not_fit():
    """Which layers have them there, and in which tiles, is a part of the search, and so are the port's beats."""
    net = IntegerNetwork("outside", (8, 8, 16), Unsigned(4))
    for _ in range(2):
        net.conv(64, 3, Signed(4, True))
        net.quantize(Unsigned(4))
    net.dense(10, Signed(4, True))
    layers, limits = layers_of(net.done()), limits_of(most={"lut": 4000, "bram18": 6})
    with pytest.raises(FoldingError, match=r"no folding .* weights in memory outside \(`--weights external`\)"):
        best_folding(layers, limits, USUAL)
    found = best_folding(layers, limits, USUAL, weights="external", bus=64)
    outside = found.folding.external
    assert 0 < len(outside) < len(layers) and found.folding.bus == 64
    beats = sum(beats_of(layers[name], found.folding[name], 64) for name in outside)
    assert beats <= PORT_SHARE * found.timing.interval and found.timing.interval == found.plan.bound
    assert not limits.over(found.design.total)
    with pytest.raises(FoldingError, match="bus: must be 64, 128, 256 or 512 bits, not 65"):
        best_folding(layers, limits, USUAL, weights="external", bus=65)


def test_latency_as_a_limit():
    network = layers_of(import_model(W4A4))
    slow = best_folding(network, limits_of(most={"lut": 4000}, goal="luts"), USUAL)
    wanted = slow.timing.latency // 4
    found = best_folding(network, limits_of(most={"lut": 4000}, latency=wanted, goal="luts"), USUAL)
    assert found.timing.latency <= wanted and found.design.total.lut <= 4000
    with pytest.raises(
        FoldingError, match="a latency of 20 cycles cannot be met within the limits; the least found is"
    ):
        best_folding(network, limits_of(most={"lut": 4000}, latency=20), USUAL)


def test_what_fits_nothing_is_refused_with_a_way_out():
    limits = limits_of(part=part("xc7s6"), share=30, goal="fps")
    with pytest.raises(FoldingError) as refused:
        best_folding(import_model("examples/digits/w8a8.onnx"), limits, USUAL, built_in_parts())
    said = str(refused.value)
    assert said.startswith("no folding is within ") and "of XC7S6" in said and "\n" not in said
    assert "the smallest listed part that holds it is " in said and "fewer bits" in said


@pytest.mark.slow
def test_large_buffers_move_to_ultra_ram():
    """Where a part has it: then block RAM is left for weights, and nothing that is constant is in UltraRAM."""
    network = layers_of(integer_resnet(8, size=64, width=16))
    limits = limits_of(part=part("xck26"), share=50, shares={"bram18": 12}, goal="luts")
    found = best_folding(network, limits, USUAL)
    assert found.folding.ultra and found.design.total.uram > 0 and not limits.over(found.design.total)
    without = found.folding.with_ultra(())
    plan = AcceleratorPlan(network.network, without, target=USUAL).with_depths(found.depths)
    assert cost_of_design(network, without, plan, "xcup").total.bram18 > limits.resources["bram18"].most
    for stage in found.plan.stages:
        ram = getattr(stage.plan, "ram", None)
        assert (ram == "ultra") == (stage.name in found.folding.ultra)
        if ram:
            assert any(isinstance(memory, Buffer) and memory.ram == "ultra" for memory in stage.plan.mapped())


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("network", "name", "share"), [("digits/w4a4", "XC7S15", 40), ("digits-cnn/w2a2", "XCK26", 3)])
def test_the_chosen_design_is_as_estimated(network, name, share):
    row = measured(network, name, share)
    assert row.within and row.exact and abs(row.off) <= CLOSE, row
