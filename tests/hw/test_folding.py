"""A folding as a value and as JSON."""

import json

import pytest

from fewbit.hw.folding import PRODUCTS, WEIGHTS, DeviceFolding, Folding, FoldingError, LayerFolding
from fewbit.hw.layer.arithmetic import Arithmetic

LAYERS = {
    '{"pe": 4, "simd": 8}': LayerFolding(4, 8),
    '{"pe": 4, "simd": 8, "dsp": false}': LayerFolding(4, 8),
    '{"pe": 4, "simd": 8, "dsp": true}': LayerFolding(4, 8, "dsp"),
    '{"pe": 4, "simd": 8, "dsp": "sums"}': LayerFolding(4, 8, "sums"),
    '{"pe": 4, "simd": 8, "products": null}': LayerFolding(4, 8),
    '{"pe": 4, "simd": 8, "products": "planes"}': LayerFolding(4, 8, "planes"),
    '{"pe": 4, "simd": 8, "memory": null}': LayerFolding(4, 8),
    '{"pe": 4, "simd": 8, "memory": "block"}': LayerFolding(4, 8, memory="block"),
    '{"pe": 4, "simd": 8, "dsp": true, "memory": "luts"}': LayerFolding(4, 8, "dsp", "luts"),
    '{"pe": 4, "simd": 8, "weights": "fixed"}': LayerFolding(4, 8),
    '{"pe": 4, "simd": 8, "weights": "loadable"}': LayerFolding(4, 8, weights="loadable"),
    '{"pe": 4, "simd": 8, "dsp": true, "weights": "external"}': LayerFolding(4, 8, "dsp", weights="external"),
}


@pytest.mark.parametrize("text", LAYERS)
def test_what_a_file_says_of_a_layer(text):
    found = Folding.from_json(f'{{"layers": {{"a": {text}}}}}'.encode(), "f.json")
    assert found == Folding({"a": LAYERS[text]})


def test_the_text_of_a_file():
    folding = Folding.of(b=(1, 2), a=(3, 4, "dsp"), c=(5, 6, "sums"), d=(7, 8, "shift"))
    assert json.loads(folding.to_json()) == {
        "layers": {
            "b": {"pe": 1, "simd": 2},
            "a": {"pe": 3, "simd": 4, "dsp": True},
            "c": {"pe": 5, "simd": 6, "dsp": "sums"},
            "d": {"pe": 7, "simd": 8, "products": "shift"},
        }
    }
    assert folding.to_json().startswith('{\n  "layers": {\n    "b": {\n      "pe": 1,\n      "simd": 2\n    },\n')
    assert folding.to_json().endswith("}\n")
    again = Folding.from_json(folding.to_json().encode(), "f.json")
    assert again == folding and list(again) == ["b", "a", "c", "d"]


@pytest.mark.parametrize("products", [None, *PRODUCTS])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_where_weights_come_from_is_written_and_read_back(weights, products):
    folding = Folding({"a": LayerFolding(1, 2, products, weights=weights)})
    assert Folding.from_json(folding.to_json().encode(), "f.json") == folding
    assert ('"weights"' in folding.to_json()) == (weights != "fixed")
    assert folding.with_products({})["a"].weights == weights


def test_memories_and_stages_in_ultra_ram():
    folding = Folding({"a": LayerFolding(1, 2, None, "block"), "b": LayerFolding(3, 4)}, ultra=["queue_add_1", "a"])
    written = json.loads(folding.to_json())
    assert written["layers"] == {"a": {"pe": 1, "simd": 2, "memory": "block"}, "b": {"pe": 3, "simd": 4}}
    assert written["ultra"] == ["a", "queue_add_1"]
    again = Folding.from_json(folding.to_json().encode(), "f.json")
    assert again == folding and hash(again) == hash(folding) and again.ultra == {"a", "queue_add_1"}
    assert again != folding.with_ultra(()) and "ultra" not in folding.with_ultra(()).to_json()
    assert folding.with_products({"b": "dsp"}).ultra == folding.ultra and "queue_add_1" in repr(folding)
    with pytest.raises(FoldingError, match="^f.json: ultra must be a list of names of stages, not 'a'$"):
        Folding.from_json(b'{"layers": {}, "ultra": "a"}', "f.json")


@pytest.mark.parametrize("more", [
    {"devices": [DeviceFolding("a", "one"), DeviceFolding()]}, {"bus": 64}, {"ultra": ["a"]}, {"ultra_ram": True},
], ids=str)  # fmt: skip
def test_what_is_said_of_the_whole_network_is_kept(more):
    plain = Folding({"a": LayerFolding(1, 2, None, "block"), "b": LayerFolding(3, 4, weights="external", tile=2)})
    folding = Folding(plain, **more)
    assert folding != plain and hash(folding) != hash(plain) and next(iter(more)) in repr(folding)
    assert Folding.from_json(folding.to_json().encode(), "f.json") == folding
    assert folding.with_products({}) == folding == folding.in_devices(folding.devices).with_ultra(folding.ultra)
    loaded = folding.with_weights("loadable")
    assert (loaded.devices, loaded.ultra) == (folding.devices, folding.ultra)
    assert (loaded.bus, loaded.ultra_ram) == (None, False)
    assert [(layer.memory, layer.tile) for layer in loaded.values()] == [(None, None)] * 2


def test_errors_name_the_file_and_the_layer():
    with pytest.raises(FoldingError, match="^f.json: a: has no 'simd'$"):
        Folding.from_json(b'{"layers": {"a": {"pe": 1}}}', "f.json")
    with pytest.raises(FoldingError, match="^here: weights must be one of fixed, loadable, external, not 'flash'$"):
        LayerFolding.from_dict({"pe": 1, "simd": 1, "weights": "flash"}, "here")
    with pytest.raises(FoldingError, match="^here: has both dsp and products; give one of them$"):
        LayerFolding.from_dict({"pe": 1, "simd": 1, "dsp": True, "products": "plain"}, "here")


def test_a_folding_is_of_layer_foldings_alone():
    with pytest.raises(TypeError, match=r"^a: must have a LayerFolding, not \(1, 2\)$"):
        Folding({"a": (1, 2)})


def test_other_products_of_some_layers():
    folding = Folding.of(a=(1, 2, "plain"), b=(3, 4))
    assert folding.with_products({"b": "dsp"}) == Folding.of(a=(1, 2), b=(3, 4, "dsp"))
    assert folding == Folding.of(a=(1, 2, "plain"), b=(3, 4)) != folding.with_products({})


def test_sums_over_layers():
    folding = Folding.of(a=(2, 3, "dsp"), b=(4, 5))
    assert folding.multipliers == 2 * 3 + 4 * 5
    assert folding.sizes == {"a": {"pe": 2, "simd": 3}, "b": {"pe": 4, "simd": 5}}
    assert len(Folding()) == 0 and Folding().multipliers == 0


def test_products_are_the_names_of_all_ways():
    kinds = Arithmetic.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.name for kind in kinds} == set(PRODUCTS)
