"""Folding: the cheapest that meets the cycles, and files that go out and come back."""

import json

import numpy as np
import pytest

from flow import folding as module
from flow.folding import (
    DEFAULT_BIT_PRODUCTS,
    FoldingError,
    Layer,
    default_folding,
    fold,
    read_folding,
    write_folding,
)
from golden.formats import Bipolar, Unsigned
from golden.importer import import_model
from golden.network import Edge
from tests.flow.test_cli import ROOT

MODELS = {name: ROOT / "examples" / "digits" / f"{name}.onnx" for name in ("w1a1", "w4a4", "float32")}


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    return import_model(MODELS[request.param])


def cycles(network, folding):
    sizes = {n.name: n.weights.shape for n in network.nodes if n.name in folding}
    return {name: -(-sizes[name][0] // pe) * -(-sizes[name][1] // simd) for name, (pe, simd) in folding.items()}


@pytest.mark.parametrize("wanted", [1, 3, 64, 100, 4096, 10**6])
def test_meets_the_cycles_and_nothing_smaller_would(network, wanted):
    folding = fold(network, wanted)
    sizes = {n.name: n.weights.shape for n in network.nodes if n.name in folding}
    assert max(cycles(network, folding).values()) <= wanted
    for name, (pe, simd) in folding.items():
        neurons, inputs = sizes[name]
        for smaller in (pe - 1, simd), (pe, simd - 1):
            # Only one that does not divide the layer may be passed over.
            if min(smaller) > 0 and neurons % smaller[0] == 0 and inputs % smaller[1] == 0:
                assert cycles(network, {name: smaller})[name] > wanted
    if wanted == 10**6:
        assert set(folding.values()) == {(1, 1)}


def cheapest(neurons, inputs, bits, cycles):
    """The least cost of all PE and SIMD that meet the cycles."""
    costs = []
    for pe in range(1, neurons + 1):
        for simd in range(1, inputs + 1):
            if -(-neurons // pe) * -(-inputs // simd) <= cycles:
                uneven = 4 * simd * bool(inputs % simd) + 4 * pe * bool(neurons % pe)
                costs.append(1.3 * pe * simd * bits + 20 * pe + 4 * simd + uneven)
    return min(costs)


def test_is_the_cheapest(monkeypatch):
    rng = np.random.default_rng(1)
    shapes = set()
    for _ in range(60):
        neurons, inputs, bits = (int(n) for n in (*rng.integers(1, 14, 2), rng.choice([1, 2, 4, 8])))
        vector = Edge(Unsigned(bits), np.zeros(inputs, int), np.ones(inputs, int))
        layer = Layer(
            name="layer", pixels=1, groups=1, neurons=neurons, inputs=inputs, x_format=Unsigned(bits),
            weight_format=Bipolar(), accumulator_bits=8, levels=2, window=None, source=vector, channels=inputs,
            weight_range=(-1, 1),
        )  # fmt: skip
        monkeypatch.setattr(module, "layers_of", lambda _, layer=layer: {"layer": layer})
        for cycles in range(1, neurons * inputs + 2):
            ((pe, simd),) = fold(None, cycles).values()
            assert -(-neurons // pe) * -(-inputs // simd) <= cycles
            uneven = 4 * simd * bool(inputs % simd) + 4 * pe * bool(neurons % pe)
            cost = 1.3 * pe * simd * bits + 20 * pe + 4 * simd + uneven
            assert cost == cheapest(neurons, inputs, bits, cycles), (neurons, inputs, bits, cycles)
            shapes.add((pe, simd))
    assert len(shapes) > 60
    with pytest.raises(FoldingError, match="layer layer cannot be folded to 0 cycles a frame; it takes at least 1"):
        fold(None, 0)


def test_slower_is_never_more_parallel(network):
    products = [sum(pe * simd for pe, simd in fold(network, c).values()) for c in (1, 4, 16, 64, 256, 1024, 4096)]
    assert products == sorted(products, reverse=True) and products[0] == 64 * 64 * 2 + 640 and products[-1] == 3


def test_default_is_a_few_thousand_luts(network):
    folding, edges = default_folding(network), network.edges()
    bits = {n.name: 24 * 24 if MODELS["float32"].stem in str(n.weight_format) else edges[n.x].format.bits
            * n.weight_format.bits for n in network.nodes if n.name in folding}  # fmt: skip
    products = sum(pe * simd * bits[name] for name, (pe, simd) in folding.items())
    assert DEFAULT_BIT_PRODUCTS / 4 < products < DEFAULT_BIT_PRODUCTS * 2


def test_there_and_back(network, scratch):
    folding = default_folding(network)
    (scratch / "f.json").write_text(write_folding(folding))
    assert read_folding(scratch / "f.json", network) == folding
    assert list(json.loads(write_folding(folding))["layers"]) == [n for n in folding]


def test_a_layer_that_is_missing(network, scratch):
    (scratch / "f.json").write_text('{"layers": {"dense0": {"pe": 1, "simd": 1}}}')
    with pytest.raises(FoldingError, match="'dense1' is missing; the model has dense0, dense1, dense2"):
        read_folding(scratch / "f.json", network)


def test_what_is_in_dsps_goes_out_and_comes_back(scratch):
    network, file = import_model(MODELS["w4a4"]), scratch / "folding.json"
    folding = {"dense0": (2, 8, "sums"), "dense1": (2, 8, "dsp"), "dense2": (1, 3)}
    file.write_text(write_folding(folding))
    assert [layer.get("dsp") for layer in json.loads(file.read_text())["layers"].values()] == ["sums", True, None]
    assert read_folding(file, network) == folding


@pytest.mark.parametrize(
    ("layer", "value", "message"),
    [
        ("dense2", "sums", "dense2: dsp: sums in DSPs take a layer of integers with an activation behind it"),
        ("dense0", "all", "dense0: dsp must be true (products), \"sums\" or false, not 'all'"),
    ],
)
def test_what_cannot_be_in_dsps(layer, value, message, scratch):
    network, file = import_model(MODELS["w4a4"]), scratch / "folding.json"
    layers = {name: {"pe": 1, "simd": 1} for name in ("dense0", "dense1", "dense2")}
    layers[layer]["dsp"] = value
    file.write_text(json.dumps({"layers": layers}))
    with pytest.raises(FoldingError) as caught:
        read_folding(file, network)
    assert str(caught.value) == f"{file}: {message}"
