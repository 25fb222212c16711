"""Which layers of a folding have their weights in memory outside the device, and how often those are read."""

from collections.abc import Iterable
from dataclasses import replace

from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.layer.external import tiles_of
from fewbit.hw.memory.buffers import price_of
from fewbit.hw.memory.external_plan import DEFAULT_BUS, check_bus

from .cost import WeightBus, cost_of_layer
from .layer import FoldableLayer
from .layers import FoldableNetwork, slowest

__all__ = ["PORT_SHARE", "beats_of", "bytes_a_frame", "external_layers", "outside", "reason_against", "with_external"]

PORT_SHARE = 0.8
"""The share of a frame's cycles in which the port may be asked to give a beat: memory refreshes, and changes rows."""
_DEARER = 1.3  # how much more the array of a layer may take, where its buffers take less with another PE and SIMD


def reason_against(layer: FoldableLayer, folded: LayerFolding) -> str | None:
    """Return why the weights of a layer cannot be external, in a line, or None if they can be."""
    try:
        layer.channel(replace(folded, weights="external", memory=None, tile=None))
    except ValueError as error:
        return str(error)
    if layer.weight_range[0] == layer.weight_range[1]:
        return f"{layer.name}: its weights cannot be external: they are all equal, and take no memory"
    return None


def beats_of(layer: FoldableLayer, folded: LayerFolding, bus: int | None = None) -> int:
    """Return the beats of the port that a layer's external weights take for a frame."""
    channel = layer.channel(folded, bus)
    return layer.pixels // channel.tile * channel.pass_beats


def bytes_a_frame(layers: FoldableNetwork, folding: Folding) -> int:
    """Return the bytes of external weights that a network reads for a frame."""
    beats = sum(beats_of(layers[name], folding[name], folding.bus) for name in folding.external)
    return beats * (folding.bus or DEFAULT_BUS) // 8


def with_external(
    layers: FoldableNetwork, folding: Folding, names: Iterable[str], *, bus: int | None = None, ultra: bool = False,
    cycles: int | None = None,
) -> Folding:  # fmt: skip
    """Return the folding with the weights of some layers outside, in tiles for which the port is fast enough.

    Their PE and SIMD become those with the smallest buffers that are as fast. Tiles begin with the fewest pixels with
    which a layer that has the port for itself keeps up. As long as all layers together need more than `PORT_SHARE` of
    the ``cycles`` of a frame, the tile grows that saves the most beats for what its buffers take; where none can grow
    the port is the bottleneck.

    Parameters
    ----------
    layers : FoldableNetwork
    folding : Folding
    names : iterable of str
        The layers; those that were external before no longer are, if they are not among them.
    bus : int or None
        Data bits of the port; None takes the folding's.
    ultra : bool
        Whether tiles may be in UltraRAM.
    cycles : int or None
        Cycles of a frame; None takes those of the slowest layer.

    Raises
    ------
    FoldingError
        If the weights of a layer cannot be external; the line has the reason.
    """
    bits = bus or folding.bus or DEFAULT_BUS
    port = WeightBus(bits, ultra)
    found = {n: replace(f, weights="fixed", tile=None) if f.weights == "external" else f for n, f in folding.items()}
    outside = sorted(set(names), key=list(found).index)
    if not outside:
        return Folding(found, ultra=folding.ultra)
    try:
        check_bus(bits)
    except ValueError as error:
        raise FoldingError(str(error)) from None
    for name in outside:
        if reason := reason_against(layers[name], found[name]):
            raise FoldingError(reason)
    cycles = cycles or slowest(layers, folding)
    budget = PORT_SHARE * cycles
    size = sum(layers[name].neurons * layers[name].inputs * layers[name].weight_format.bits for name in outside)
    reads = max(1, int(budget * bits / size))  # if all layers read their weights equally often
    for name in outside:
        found[name] = _refolded(layers[name], found[name], cycles, reads, port)
    beats = {name: beats_of(layers[name], found[name], port.bus) for name in outside}
    prices = {name: _price(layers[name], found[name], port) for name in outside}
    better = {name: _larger(layers[name], found[name], port) for name in outside}
    while sum(beats.values()) > budget and any(better.values()):
        gains = [
            ((beats[name] - fewer) / max(1.0, price - prices[name]), name, larger, fewer, price)
            for name, options in better.items() for larger, fewer, price in options
        ]  # fmt: skip
        _, name, found[name], beats[name], prices[name] = max(gains, key=lambda gain: gain[0])
        better[name] = _larger(layers[name], found[name], port)
    return Folding(found, bus=port.bus, ultra=folding.ultra, ultra_ram=ultra)


def _refolded(layer, folded, cycles, reads, port):
    """Return the layer's weights outside, read so often, in the PE and SIMD that are as fast and take the least, with
    the least tile; products stay as they are where they are chosen."""
    tile = next(n for n in tiles_of(layer.shape(folded)) if n * reads >= layer.pixels)
    folded = replace(folded, memory=None)
    choices = [folded]
    if folded.products is None:
        fast = [option for option in layer.options if option.cycles <= max(cycles, layer.cycles(folded))]
        limit = _DEARER * min(option.cost for option in fast)
        choices += [option.folding for option in fast if option.cost <= limit]
    legal = [f for f in choices if reason_against(layer, f) is None]
    chosen = min(legal, key=lambda f: _price(layer, replace(f, weights="external", tile=tile), port))
    least = replace(chosen, weights="external", tile=None)
    return replace(least, tile=layer.channel(least, port.bus).tile)


def _larger(layer, folded, port):
    """Return the foldings of larger tiles, each with its beats and its price."""
    found = [replace(folded, tile=tile) for tile in tiles_of(layer.shape(folded)) if tile > folded.tile]
    return [(larger, beats_of(layer, larger, port.bus), _price(layer, larger, port)) for larger in found]


def _price(layer, folded, port):
    """Return about what a layer takes, in LUTs."""
    return price_of(cost_of_layer(layer, folded, port))


def external_layers(
    layers: FoldableNetwork, folding: Folding, *, bus: int | None = None, ultra: bool = False, cycles: int | None = None
) -> list[str]:
    """Return the layers that take less with their weights outside, those that save the most first.

    Their buffers are those that `with_external` gives them, all together on one port.
    """
    names = [name for name, folded in folding.items() if reason_against(layers[name], folded) is None]
    fixed = with_external(layers, folding, ())
    port = WeightBus(bus or folding.bus, ultra)
    while True:
        outside = with_external(layers, folding, names, bus=bus, ultra=ultra, cycles=cycles)
        saved = {
            name: _price(layers[name], fixed[name], port) - _price(layers[name], outside[name], port) for name in names
        }
        kept = [name for name in names if saved[name] > 0]
        if len(kept) == len(names):
            return sorted(names, key=lambda name: -saved[name])
        names = kept


def outside(
    layers: FoldableNetwork, folding: Folding, *, bus: int | None = None, ultra: bool = False, cycles: int | None = None
) -> Folding:
    """Return the folding with the weights of `external_layers` outside, or if none takes less so, all that can be.

    Raises
    ------
    FoldingError
        If no layer's weights can be external; the line has a reason.
    """
    names = external_layers(layers, folding, bus=bus, ultra=ultra, cycles=cycles)
    reasons = {name: reason_against(layers[name], folded) for name, folded in folding.items()}
    names = names or [name for name, reason in reasons.items() if reason is None]
    if not names:
        raise FoldingError(next(iter(reasons.values())) or "the model has no layer")
    return with_external(layers, folding, names, bus=bus, ultra=ultra, cycles=cycles)
