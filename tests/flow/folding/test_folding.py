"""Folding: the cheapest that meets the cycles, and files that go out and come back."""

import json
import os

import numpy as np
import pytest

from fewbit.flow.folding import folding as module
from fewbit.flow.folding.files import read_folding
from fewbit.flow.folding.folding import DEFAULT_BIT_PRODUCTS, default_folding, fold
from fewbit.flow.folding.layers import FoldableLayer
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.formats import Bipolar, Unsigned
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from tests.flow.commands.test_cli import ROOT

MODELS = {name: ROOT / "examples" / "digits" / f"{name}.onnx" for name in ("w1a1", "w4a4", "float32")}


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    return import_model(MODELS[request.param])


def cycles(network, folding):
    sizes = {n.name: n.weights.shape for n in network.nodes if n.name in folding}
    return {name: -(-sizes[name][0] // f.pe) * -(-sizes[name][1] // f.simd) for name, f in folding.items()}


@pytest.mark.parametrize("wanted", [1, 3, 64, 100, 4096, 10**6])
def test_meets_the_cycles_and_nothing_smaller_would(network, wanted):
    folding = fold(network, wanted)
    sizes = {n.name: n.weights.shape for n in network.nodes if n.name in folding}
    assert max(cycles(network, folding).values()) <= wanted
    for name, folded in folding.items():
        neurons, inputs = sizes[name]
        for pe, simd in (folded.pe - 1, folded.simd), (folded.pe, folded.simd - 1):
            # Only one that does not divide the layer may be passed over.
            if min(pe, simd) > 0 and neurons % pe == 0 and inputs % simd == 0:
                assert cycles(network, {name: LayerFolding(pe, simd)})[name] > wanted
    if wanted == 10**6:
        assert set(folding.values()) == {LayerFolding(1, 1)}


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
        layer = FoldableLayer(
            name="layer", pixels=1, groups=1, neurons=neurons, inputs=inputs, x_format=Unsigned(bits),
            weight_format=Bipolar(), accumulator_bits=8, levels=2, window=None, source=vector, channels=inputs,
            weight_range=(-1, 1),
        )  # fmt: skip
        monkeypatch.setattr(module, "layers_of", lambda _, layer=layer: {"layer": layer})
        for cycles in range(1, neurons * inputs + 2):
            (folded,) = fold(None, cycles).values()
            pe, simd = folded.pe, folded.simd
            assert -(-neurons // pe) * -(-inputs // simd) <= cycles
            uneven = 4 * simd * bool(inputs % simd) + 4 * pe * bool(neurons % pe)
            cost = 1.3 * pe * simd * bits + 20 * pe + 4 * simd + uneven
            assert cost == cheapest(neurons, inputs, bits, cycles), (neurons, inputs, bits, cycles)
            shapes.add((pe, simd))
    assert len(shapes) > 60
    with pytest.raises(FoldingError, match="layer layer cannot be folded to 0 cycles a frame; it takes at least 1"):
        fold(None, 0)


def test_slower_is_never_more_parallel(network):
    products = [fold(network, c).multipliers for c in (1, 4, 16, 64, 256, 1024, 4096)]
    assert products == sorted(products, reverse=True) and products[0] == 64 * 64 * 2 + 640 and products[-1] == 3


def test_default_is_a_few_thousand_luts(network):
    folding, edges = default_folding(network), network.edges()
    bits = {n.name: 24 * 24 if MODELS["float32"].stem in str(n.weight_format) else edges[n.x].format.bits
            * n.weight_format.bits for n in network.nodes if n.name in folding}  # fmt: skip
    products = sum(folded.multipliers * bits[name] for name, folded in folding.items())
    assert DEFAULT_BIT_PRODUCTS / 4 < products < DEFAULT_BIT_PRODUCTS * 2


def test_there_and_back(network, scratch):
    folding = default_folding(network)
    (scratch / "f.json").write_text(folding.to_json())
    assert read_folding(scratch / "f.json", network) == folding
    assert list(json.loads(folding.to_json())["layers"]) == [n for n in folding]


def test_a_layer_that_is_missing(network, scratch):
    (scratch / "f.json").write_text('{"layers": {"dense0": {"pe": 1, "simd": 1}}}')
    with pytest.raises(FoldingError, match="'fc2' is missing; the model has fc1, fc2, logits"):
        read_folding(scratch / "f.json", network)


def test_what_is_in_dsps_goes_out_and_comes_back(scratch):
    network, file = import_model(MODELS["w4a4"]), scratch / "folding.json"
    folding = Folding.of(fc1=(2, 8, "sums"), fc2=(2, 8, "dsp"), logits=(1, 3))
    file.write_text(folding.to_json())
    assert [layer.get("dsp") for layer in json.loads(file.read_text())["layers"].values()] == ["sums", True, None]
    assert read_folding(file, network) == folding


@pytest.mark.parametrize(
    ("layer", "value", "message"),
    [
        ("logits", "sums", "logits: dsp: sums in DSPs take a layer of integers with an activation behind it"),
        ("fc1", "all", "fc1: dsp must be true (products), \"sums\" or false, not 'all'"),
    ],
)
def test_what_cannot_be_in_dsps(layer, value, message, scratch):
    network, file = import_model(MODELS["w4a4"]), scratch / "folding.json"
    layers = {name: {"pe": 1, "simd": 1} for name in ("fc1", "fc2", "logits")}
    layers[layer]["dsp"] = value
    file.write_text(json.dumps({"layers": layers}))
    with pytest.raises(FoldingError) as caught:
        read_folding(file, network)
    assert str(caught.value) == f"{file}: {message}"


GOOD = '"fc2": {"pe": 1, "simd": 1}, "logits": {"pe": 1, "simd": 1}'
JSON = 'must be JSON like {"layers": {"dense0": {"pe": 4, "simd": 8}}}'
BOUNDS = "must be a whole number from 1 to 64"
HOSTILE = {
    "an unknown key": (f'{{"layers": {{{GOOD}}}, "clock": 3}}', "has 'clock', which is none of layers"),
    "an unknown key of a layer": (
        '{"pe": 1, "simd": 1, "PE": 2}',
        "fc1: has 'PE', which is none of pe, simd, dsp, pr",
    ),
    "a key twice": ('{"pe": 1, "simd": 1, "pe": 2}', "has 'pe' twice"),
    "a layer twice": (f'{{"layers": {{{GOOD}, {GOOD}}}}}', "has 'fc2' twice"),
    "layers twice": ('{"layers": {}, "layers": {}}', "has 'layers' twice"),
    "no pe": ('{"simd": 1}', "fc1: has no 'pe'"),
    "no simd": ('{"pe": 1}', "fc1: has no 'simd'"),
    "dsp and products": ('{"pe": 1, "simd": 1, "dsp": true, "products": "lut"}', "fc1: has both dsp and products"),
    "true": ('{"pe": true, "simd": 1}', f"fc1: pe {BOUNDS}, not True"),
    "a float": ('{"pe": 1.0, "simd": 1}', f"fc1: pe {BOUNDS}, not 1.0"),
    "a text": ('{"pe": 1, "simd": "1"}', f"fc1: simd {BOUNDS}, not '1'"),
    "negative": ('{"pe": -1, "simd": 1}', f"fc1: pe {BOUNDS}, not -1"),
    "zero": ('{"pe": 1, "simd": 0}', f"fc1: simd {BOUNDS}, not 0"),
    "huge": ('{"pe": 1' + "0" * 4000 + ', "simd": 1}', f"fc1: pe {BOUNDS}, not a number of more than 64 bits"),
    "beyond what is read": ('{"pe": 1' + "0" * 5000 + ', "simd": 1}', JSON),
    "beyond floats": ('{"pe": 1e999, "simd": 1}', f"fc1: pe {BOUNDS}, not inf"),
    "NaN": ('{"pe": NaN, "simd": 1}', JSON),
    "infinite": ('{"pe": -Infinity, "simd": 1}', JSON),
    "null": ('{"pe": null, "simd": 1}', f"fc1: pe {BOUNDS}, not None"),
    "a list": ('{"pe": [1], "simd": 1}', f"fc1: pe {BOUNDS}, not [1]"),
    "products of another kind": ('{"pe": 1, "simd": 1, "products": ["x"]}', "fc1: products must be "),
    "products that are long": ('{"pe": 1, "simd": 1, "products": "' + "x" * 9000 + '"}', "xxx…"),
    "dsp of another kind": ('{"pe": 1, "simd": 1, "dsp": 1}', 'dsp must be true (products), "sums" or false, not 1'),
    "a layer that is a list": ("[1, 1]", JSON),
    "layers that are a list": ('{"layers": []}', JSON),
    "a list alone": ("[]x", JSON),
    "nothing": ("", JSON),
    "deep": ("[" * 200_000, JSON),
    "deep objects": ('{"a":' * 200_000, JSON),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_foldings(what, scratch):
    network, file = import_model(MODELS["w4a4"]), scratch / "folding.json"
    text, message = HOSTILE[what]
    if not text.startswith('{"layers"') and text and not text.startswith(("[]x", "[[", '{"a"')):
        text = f'{{"layers": {{"fc1": {text}, {GOOD}}}}}'
    file.write_text(text)
    with pytest.raises(FoldingError) as caught:
        read_folding(file, network)
    assert message in str(caught.value) and str(caught.value).startswith(f"{file}: ") and len(str(caught.value)) < 500


@pytest.mark.parametrize("where", ["/dev/zero", "pipe", "none", "folder", "large", "bytes"])
def test_foldings_that_are_no_files(where, scratch):
    os.mkfifo(scratch / "pipe")
    (scratch / "folder").mkdir()
    (scratch / "bytes").write_bytes(bytes(range(256)))
    with open(scratch / "large", "wb") as file:
        file.truncate(1 << 40)
    reason = {"none": "no such file", "folder": "a folder, not a folding file", "bytes": "must be JSON like",
              "large": "is 1 TiB, which is more than 16 MiB"}.get(where, "a device or pipe, not a folding")  # fmt: skip
    with pytest.raises(FoldingError, match=reason):
        read_folding(scratch / where, import_model(MODELS["w4a4"]))
