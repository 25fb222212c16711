"""The cheapest folding of a network whose layers take no more than so many cycles a frame."""

from collections.abc import Mapping

from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding, FoldingError, LayerFolding

from .layers import FoldableLayer, FoldableNetwork, layers_of

__all__ = ["default_folding", "fold", "fold_layers", "least_cycles"]

DEFAULT_BIT_PRODUCTS = 1024
"""Bit products a cycle that a design gets by default: a few thousand LUTs in any format."""


def fold(network: Network | FoldableNetwork, cycles: int) -> Folding:
    """Return the cheapest folding in which no layer takes more than ``cycles`` a frame, by the cost of its options.

    Raises
    ------
    FoldingError
        If a layer takes more in any folding.
    """
    return fold_layers(layers_of(network), cycles)


def fold_layers(layers: Mapping[str, FoldableLayer], cycles: int) -> Folding:
    """Return the folding that `fold` gives of a network, for the ``layers`` that `layers_of` gives of it."""
    return Folding({name: _fold_layer(layer, cycles) for name, layer in layers.items()})


def _fold_layer(layer: FoldableLayer, cycles: int) -> LayerFolding:
    best = layer.cheapest(cycles)
    if best is None:
        raise FoldingError(
            f"layer {layer.name} cannot be folded to {cycles} cycles a frame; it takes at least {layer.least_cycles}"
        )
    return best.folding


def least_cycles(network: Network | FoldableNetwork) -> int:
    """Return the cycles a frame of the layer that takes the longest when all are unfolded as far as they can be."""
    return max(layer.least_cycles for layer in layers_of(network).values())


def default_folding(network: Network | FoldableNetwork) -> Folding:
    """Return the fastest folding, in powers of two of cycles, within `DEFAULT_BIT_PRODUCTS` a cycle."""
    layers = layers_of(network)
    total = sum(layer.macs * layer.bits for layer in layers.values())
    cycles, least = 1, least_cycles(layers)
    while total > cycles * DEFAULT_BIT_PRODUCTS or cycles < least:
        cycles *= 2
    return fold_layers(layers, cycles)
