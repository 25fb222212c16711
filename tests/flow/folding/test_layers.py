"""What a folding says of a layer beforehand is what its plan has."""

import numpy as np
import pytest

from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from tests.support.image_networks import legal_folding, random_image_network

SHAPE = "pe simd inputs neurons vectors lanes_in steps rows words lanes row_beats beats_out places cycles together"


def numbers(shape):
    """Those that do not say whether groups or pixels are computed together: in a plan, pixels abreast are groups."""
    return {name: getattr(shape, name) for name in SHAPE.split()}


@pytest.mark.parametrize("seed", range(40))
def test_the_shape_of_a_layer_is_that_of_its_plan(seed):
    rng = np.random.default_rng([21, seed])
    network, _ = random_image_network(rng)
    layers, folding = layers_of(network), legal_folding(rng, network)
    plan = AcceleratorPlan(network, folding)
    for name, layer in layers.items():
        shape = layer.shape(folding[name])
        assert numbers(shape) == numbers(plan.layers[name].shape)
        assert shape.together == shape.parallel * shape.abreast == plan.layers[name].parallel
    if layers:
        assert slowest(layers, folding) <= plan.bound


def test_every_pe_that_is_listed_has_a_shape_and_no_other_has():
    rng = np.random.default_rng(22)
    several = 0
    for _ in range(20):
        for layer in layers_of(random_image_network(rng)[0]).values():
            legal = layer.pes()
            several += legal[-1] > layer.neurons
            for pe in range(legal[-1] + 2):
                if pe in legal:
                    assert layer.shape(LayerFolding(pe, 1)).pe == pe
                else:
                    with pytest.raises(ValueError, match="PE must be"):
                        layer.shape(LayerFolding(pe, 1))
    assert several > 5


def test_options_are_legal_and_as_fast_as_they_say():
    rng = np.random.default_rng(23)
    network, _ = random_image_network(rng)
    for layer in layers_of(network).values():
        for option in layer.options:
            assert option.pe in layer.pes() and option.simd in layer.simds(option.pe)
            assert option.cycles == layer.cycles(option.folding)
    assert slowest(layers_of(network), Folding({n: LayerFolding(1, 1) for n in layers_of(network)})) > 1
