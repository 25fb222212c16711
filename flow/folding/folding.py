"""Folding: how many neurons (PE) by how many inputs (SIMD) each layer computes in a cycle, and how.

A folding is a dict from layer to ``(pe, simd)``, or to ``(pe, simd, products)`` with one of `hw.layer.ways.NAMES`.
"""

import json
from dataclasses import dataclass
from functools import cached_property

from fewbit.golden.bounds.files import FileError, read_bounded
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Windows
from fewbit.hw.layer.ways import Summed, options_of
from fewbit.hw.pipeline.abreast import legal_abreast
from fewbit.hw.stages.window_plan import cycles_of_window, simd_of_window
from fewbit.hw.xilinx.dsp_packing import best_packing

from .written import FoldingError, layers_written, short

__all__ = ["FoldingError", "FoldableLayer", "default_folding", "fold", "fold_layers", "layers_of", "least_cycles",
           "folding_bytes", "parse_folding", "read_folding", "write_folding"]  # fmt: skip

# Bit products a cycle that a design gets by default: a few thousand LUTs in any format.
DEFAULT_BIT_PRODUCTS = 1024
_MOST_BYTES = 16 << 20  # of a folding file
_FLOAT_BIT_PRODUCTS = 24 * 24  # a float32 product counts as its mantissas'


@dataclass(frozen=True, kw_only=True)
class FoldableLayer:
    """What a layer's folding depends on.

    Attributes
    ----------
    pixels : int
        Of a frame, that the layer gives.
    groups, neurons, inputs : int
        Groups; neurons of a group; inputs that each of them reads.
    x_format, weight_format : golden formats
    weight_range : tuple
        The smallest weight and the largest.
    accumulator_bits, levels : int
        Of what a neuron sums up, and of what leaves the layer.
    window : golden.network.spatial.Windows or None
        What stands in front of it.
    source : golden.network.graph.Edge
        In front of the window, or of the layer without one.
    channels : int
        Of a group, in front of the window.
    ways : tuple of `hw.layer.ways.Arithmetic`
        In which its products can be made, DSPs not counted.
    summed : hw.layer.ways.Summed or None
        Its products with accumulators in DSPs, if they can be there: an activation is behind them.
    """

    name: str
    pixels: int
    groups: int
    neurons: int
    inputs: int
    x_format: object
    weight_format: object
    weight_range: tuple
    accumulator_bits: int
    levels: int
    window: object
    source: object
    channels: int
    ways: tuple = ()
    summed: object = None

    @property
    def macs(self):
        """Multiplications of a frame."""
        return self.pixels * self.groups * self.neurons * self.inputs

    @property
    def bits(self):
        """Bit products of one multiplication."""
        return self.x_format.bits * self.weight_format.bits if self.x_format.integral else _FLOAT_BIT_PRODUCTS

    def parallel(self, pe):
        """Groups at a time."""
        return max(1, pe // self.neurons) if self.groups > 1 else 1

    def abreast(self, pe):
        """Pixels at a time."""
        return max(1, pe // self.neurons) if self.groups == 1 else 1

    @cached_property
    def packing(self):
        """How products share DSPs (`hw.xilinx.dsp_packing.Packing`), or None if they cannot be in them."""
        try:
            return best_packing(self.ways[0].lane_format, *map(int, self.weight_range))
        except (ValueError, IndexError):
            return None

    @cached_property
    def heap_bits(self):
        """Of the largest sum of a neuron's products, as a PE of plain products counts them."""
        return max(1, int(self.ways[0].bounds[1].max()).bit_length())

    def dsps(self, pe, simd):
        """DSPs that its products take."""
        parallel = self.parallel(pe) * self.abreast(pe)
        return parallel * -(-pe // parallel // self.packing.weights) * simd

    def pes(self):
        """Every PE that is legal."""
        if self.groups > 1:
            several = [n for n in range(2, self.groups + 1) if self.groups % n == 0]
        else:
            several = legal_abreast(self.window and self.window.window, self.source.size)[1:]
        return list(range(1, self.neurons + 1)) + [self.neurons * n for n in several]

    def simds(self, pe):
        """Every SIMD that is legal with this PE."""
        parallel = pe > self.neurons
        if self.window is not None:
            return simd_of_window(self.window, self.source, parallel=parallel)
        return [self.inputs] if parallel else list(range(1, self.inputs + 1))

    def cycles(self, pe, simd):
        """Cycles of a frame, those that its window takes in included."""
        parallel, abreast = self.parallel(pe), self.abreast(pe)
        rows = -(-self.neurons * parallel * abreast // pe)
        cycles = self.pixels // abreast * (self.groups // parallel) * rows * -(-self.inputs // simd)
        if self.window is None:
            return cycles
        return max(cycles, cycles_of_window(self.window, self.channels, simd, parallel, abreast))

    def useful(self):
        """Legal (pe, simd) of which no smaller one is as fast."""
        rows = None
        for pe in self.pes():
            if pe <= self.neurons and -(-self.neurons // pe) == rows:
                continue
            rows, steps = -(-self.neurons // pe), None
            for simd in self.simds(pe):
                if -(-self.inputs // simd) != steps:
                    steps = -(-self.inputs // simd)
                    yield pe, simd

    @cached_property
    def options(self):
        """(cost, cycles, PE, SIMD) of all that are useful; the cost is a rough one, to compare them by."""
        options = []
        for pe, simd in self.useful():
            uneven = (self.inputs % simd > 0) * simd * 4 + (self.neurons % pe > 0 and pe < self.neurons) * pe * 4
            cost = pe * simd * self.bits * 1.3 + pe * 20 + simd * self.parallel(pe) * 4 + uneven
            options.append((cost, self.cycles(pe, simd), pe, simd))
        return options


def layers_of(network):
    """The `FoldableLayer` of every dense node, by name."""
    edges = network.edges()
    windows = {n.y: n for n in network.nodes if isinstance(n, Windows)}
    layers = {}
    for node in network.nodes:
        if isinstance(node, Dense | FloatDense):
            x, window = edges[node.x], windows.get(node.x)
            inputs = node.weights.shape[1]
            after = [n for n in network.nodes if n.x == node.y and isinstance(n, Threshold | Rescale)]
            layers[node.name] = FoldableLayer(
                name=node.name, pixels=x.pixels, groups=node.groups, neurons=len(node.weights) // node.groups,
                inputs=inputs, x_format=x.format, weight_format=node.weight_format,
                weight_range=(node.weights.min(), node.weights.max()),
                accumulator_bits=edges[node.y].format.bits, levels=after[0].format.levels if after else 2,
                window=window, source=x if window is None else edges[window.x],
                channels=inputs if window is None else inputs // window.window.taps_count,
                ways=tuple(options_of(node, x.format)) if isinstance(node, Dense) else (),
                summed=Summed(node, x.format) if _alone(network, node, after) else None,
            )  # fmt: skip
    return layers


def _alone(network, node, after):
    """Whether an activation, and nothing else, reads the sums of an integer layer."""
    return isinstance(node, Dense) and bool(after) and len(network.readers(node.y)) == 1


def fold(network, cycles):
    """The cheapest folding in which no layer takes more than ``cycles``, as ``{name: (pe, simd)}``.

    The cost is that of products, accumulators and stream lanes, and of a PE or SIMD that does not divide the layer.
    """
    return fold_layers(layers_of(network), cycles)


def fold_layers(layers, cycles):
    """`fold` of what `layers_of` gives."""
    return {name: _fold_layer(layer, cycles) for name, layer in layers.items()}


def _fold_layer(layer, cycles):
    best = min((option for option in layer.options if option[1] <= cycles), default=None)
    if best is None:
        least = min(option[1] for option in layer.options)
        raise FoldingError(f"layer {layer.name} cannot be folded to {cycles} cycles a frame; it takes at least {least}")
    return best[2:]


def least_cycles(network):
    """Cycles a frame of the layer that takes the longest when all are unfolded as far as they can be."""
    return max(min(option[1] for option in layer.options) for layer in layers_of(network).values())


def default_folding(network):
    """The fastest folding, in powers of two of cycles, within `DEFAULT_BIT_PRODUCTS` a cycle."""
    total = sum(layer.macs * layer.bits for layer in layers_of(network).values())
    cycles, least = 1, least_cycles(network)
    while total > cycles * DEFAULT_BIT_PRODUCTS or cycles < least:
        cycles *= 2
    return fold(network, cycles)


def write_folding(folding):
    """The folding as JSON text, for a person to edit."""
    layers = {n: {"pe": pe, "simd": simd} | _written(*products) for n, (pe, simd, *products) in folding.items()}
    return json.dumps({"layers": layers}, indent=2) + "\n"


def _written(products=None):
    if products is None:
        return {}
    return {"dsp": {"dsp": True}, "sums": {"dsp": "sums"}}.get(products, {"products": products})


def read_folding(path, network):
    """The folding in the file at ``path``; `FoldingError` if it does not fit the network."""
    return parse_folding(folding_bytes(path), path, network)


def folding_bytes(path):
    """What the file at ``path`` holds, read once; `FoldingError` if it is no file or too large."""
    try:
        return read_bounded(path, _MOST_BYTES, what="a folding file")
    except FileError as error:
        raise FoldingError(error) from None


def parse_folding(content, path, network):
    """As `read_folding`, of the file's bytes; errors name ``path``."""
    layers = layers_of(network)
    given = layers_written(content, path)
    for name in sorted(layers.keys() ^ given.keys()):
        problem = "is missing" if name in layers else "is not in the model"
        raise FoldingError(f"{path}: layer {name!r} {problem}; the model has {', '.join(layers)}")
    for name, (pe, simd, *products) in given.items():
        _check(f"{path}: {name}: pe", pe, layers[name].pes())
        _check(f"{path}: {name}: simd", simd, layers[name].simds(pe))
        _check_products(f"{path}: {name}", products, layers[name])
    return given


def _check_products(where, products, layer):
    if products == ["dsp"]:
        if layer.packing is None:
            raise FoldingError(f"{where}: dsp: products in DSPs take activations and weights of 2 to 8 bits")
    elif products == ["sums"]:
        if layer.summed is None:
            raise FoldingError(f"{where}: dsp: sums in DSPs take a layer of integers with an activation behind it")
    elif products and products[0] not in [way.name for way in layer.ways]:
        ways = _listed([way.name for way in layer.ways]) if layer.ways else "left out"
        raise FoldingError(f"{where}: products must be {ways} of this layer, not {short(products[0])}")


def _check(what, value, legal):
    if not isinstance(value, int) or isinstance(value, bool) or value not in legal:
        run = next((n for n, v in enumerate(legal) if v != n + 1), len(legal))  # as many count up from 1
        values = [f"from 1 to {run}", *legal[run:]] if run > 2 else ["of " + str(legal[0]), *legal[1:]]
        raise FoldingError(f"{what} must be a whole number {_listed(values)}, not {short(value)}")


def _listed(values):
    return ", ".join(map(str, values[:-1])) + f" or {values[-1]}" if len(values) > 1 else str(values[0])
