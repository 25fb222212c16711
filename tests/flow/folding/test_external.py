"""Which weights go outside, how often they are read, and what a file of it may say."""

import json
from dataclasses import replace

import pytest

from fewbit.flow.folding.external import (
    PORT_SHARE,
    beats_of,
    bytes_a_frame,
    external_layers,
    reason_against,
    with_external,
)
from fewbit.flow.folding.files import parse_folding
from fewbit.flow.folding.folding import fold
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate_all
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.named import USUAL
from tests.support.outside import small_folding, small_network

NETWORK, NAMES = small_network()
LAYERS = layers_of(NETWORK)


def test_reasons():
    folding = small_folding(NAMES)
    assert reason_against(LAYERS[NAMES[0]], folding[NAMES[0]]) is None
    assert reason_against(LAYERS[NAMES[2]], folding[NAMES[2]]).endswith("few and needs them for every pixel")
    whole = LayerFolding(LAYERS[NAMES[3]].neurons, LAYERS[NAMES[3]].inputs)
    assert "are all used in every cycle" in reason_against(LAYERS[NAMES[3]], whole)


@pytest.mark.parametrize("bus", [64, 128, 256, 512])
def test_port_is_fast_enough(bus):
    """Tiles grow until the port has time for all layers; the plan has the same beats."""
    folding = with_external(LAYERS, fold(LAYERS, 800), [NAMES[0], NAMES[1], NAMES[3]], bus=bus)
    assert folding.external == [NAMES[0], NAMES[1], NAMES[3]] and folding.bus == bus
    beats = sum(beats_of(LAYERS[n], folding[n], bus) for n in folding.external)
    assert beats <= PORT_SHARE * 800
    plan = AcceleratorPlan(NETWORK, folding, target=USUAL)
    assert sum(plan.layers[n].beats_frame for n in folding.external) == beats
    assert bytes_a_frame(LAYERS, folding) == beats * bus // 8 and plan.bound <= 800
    for name in folding.external:
        assert plan.layers[name].channel == LAYERS[name].channel(folding[name], bus)


def test_port_as_the_bottleneck():
    """Where no tile is large enough the beats are the bound."""
    folding = with_external(LAYERS, fold(LAYERS, 108), [NAMES[0], NAMES[3]], bus=64, cycles=1)
    folding = Folding(dict(folding) | {NAMES[3]: LayerFolding(5, 10, weights="external")}, bus=64)
    plan = AcceleratorPlan(NETWORK, folding, target=USUAL)
    assert folding[NAMES[0]].tile == 36
    beats = sum(plan.layers[n].beats_frame for n in folding.external)
    assert plan.bound == max(beats, *(layer.cycles for layer in plan.layers.values()))
    port = AcceleratorPlan(NETWORK, small_folding(NAMES, conv=(6, 36, 1)), target=USUAL)
    assert port.bound == sum(port.layers[n].beats_frame for n in port.weight_port.of_channels("name")) > 36 * 27


def test_none_outside_is_the_folding_as_it_was():
    folding = fold(LAYERS, 800)
    assert dict(with_external(LAYERS, folding, [])) == dict(folding)
    outside = with_external(LAYERS, folding, [NAMES[0]], bus=64)
    assert with_external(LAYERS, outside, []).external == []
    assert external_layers(LAYERS, folding) == []  # weights of so small a network take less than any ring


def test_large_layers_go_outside():
    from bench.networks.integer import IntegerNetwork
    from fewbit.golden.numbers.formats import Signed, Unsigned

    net = IntegerNetwork("large", (14, 14, 64), Unsigned(4))
    for neurons, kernel in ((64, 3), (512, 1), (64, 1)):
        net.conv(neurons, kernel, Signed(4, True))
        net.quantize(Unsigned(4))
    layers = layers_of(net.done())
    folding = fold(layers, 400_000)
    names = external_layers(layers, folding, bus=128)
    assert names and set(names) <= set(folding)
    outside = with_external(layers, folding, names, bus=128)
    before, after = estimate_all(layers, folding), estimate_all(layers, outside)
    assert after.bram18 < before.bram18 and after.uram == 0
    ultra = with_external(layers, folding, names, bus=128, ultra=True)
    assert ultra.ultra_ram and estimate_all(layers, ultra).bram18 <= after.bram18


@pytest.mark.parametrize("name, bus, message", [
    (NAMES[2], 64, "dense6: its weights cannot be external: they have 10 groups"),
    (NAMES[0], 100, "bus: must be 64, 128, 256 or 512 bits, not 100"),
])  # fmt: skip
def test_refused(name, bus, message):
    with pytest.raises(FoldingError, match=message):
        with_external(LAYERS, fold(LAYERS, 800), [name], bus=bus)


def written(**changes):
    """Return a folding's file, with changes of its first layer, or of what stands beside the layers."""
    found = json.loads(small_folding(NAMES).to_json())
    for key, value in changes.items():
        (found if key in ("bus", "ultra", "ultra_ram") else found["layers"][NAMES[0]])[key] = value
    return json.dumps(found).encode()


def test_file():
    folding = small_folding(NAMES, bus=256)
    assert dict(parse_folding(folding.to_json().encode(), "f.json", NETWORK)) == dict(folding)
    assert parse_folding(folding.to_json().encode(), "f.json", NETWORK).bus == 256
    assert parse_folding(written(ultra_ram=True), "f.json", NETWORK).ultra_ram
    plain = Folding({name: replace(layer, weights="fixed", tile=None) for name, layer in folding.items()})
    assert "bus" not in json.loads(plain.to_json()) and "tile" not in plain.to_json()


@pytest.mark.parametrize("changes, message", [
    (dict(bus=96), "f.json: bus: must be 64, 128, 256 or 512 bits, not 96"),
    (dict(bus="64"), "f.json: bus: must be 64, 128, 256 or 512 bits, not '64'"),
    (dict(ultra_ram=1), "f.json: ultra_ram must be true or false, not 1"),
    (dict(ultra=1), "f.json: ultra must be a list of names of stages, not 1"),
    (dict(tile=5), "f.json: dense1: tile must divide its 36 pixels, not 5"),
    (dict(tile=0), "f.json: dense1: tile must be a whole number of pixels, not 0"),
    (dict(weights="fixed"), "f.json: dense1: has a tile, which only external weights have"),
    (dict(weights="far"), "f.json: dense1: weights must be one of fixed, loadable, external, not 'far'"),
])  # fmt: skip
def test_wrong_files(changes, message):
    with pytest.raises(FoldingError, match=message):
        parse_folding(written(**changes), "f.json", NETWORK)


def test_bus_without_external_weights():
    plain = Folding({name: LayerFolding(1, 1) for name in NAMES}, bus=64)
    with pytest.raises(FoldingError, match="has a bus, and no layer with external weights"):
        parse_folding(plain.to_json().encode(), "f.json", NETWORK)
