"""What formats cost in hardware: LUTs by the formulas of `flow.folding.cost`, at one folding that all candidates
share."""

from collections.abc import Mapping
from dataclasses import replace

from fewbit.flow.folding.folding import default_folding, fold
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.flow.folding.search import estimate_all
from fewbit.golden.network.graph import Network
from fewbit.ptq.quantize import Bits, Options, quantize

from .float_model import FloatProject
from .results import Hardware

__all__ = ["FormatCost"]


class FormatCost:
    """Costs of a float model in formats, a candidate after the other.

    Every candidate is made QONNX and imported, so what is estimated is the network that would be built. All have the
    PE and SIMD of the reference: the model with ``reference`` bits everywhere, folded to ``cycles`` a frame (or to the
    default). So all take the same cycles, and LUTs differ by formats alone.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
    options : ptq.quantize.Options
    reference : int
        Bits of the reference.
    cycles : int or None
        Cycles a frame of the reference's slowest layer, at most.

    Attributes
    ----------
    folding : hw.folding.Folding
    cycles : int
        Cycles a frame of the slowest layer.
    contents : tuple
        All that it is made from, as `flow.cache.digest` takes it.

    Raises
    ------
    golden.model_file.file.ModelError
        If the reference cannot be built.
    hw.folding.FoldingError
        If it cannot be folded to so few cycles.
    """

    def __init__(self, project: FloatProject, options: Options, *, reference: int, cycles: int | None = None):
        self.project = project
        self.contents = project.contents, options.__dict__, reference, cycles
        self.options = replace(options, correct=False)  # a bias changes no width
        self.raw = {name for site in project.sites if site.raw for name in site.layers}
        self._known: dict[tuple[Bits, ...], Hardware] = {}
        network = self._network(self.uniform(reference))
        layers = layers_of(network)
        self.folding = fold(layers, cycles) if cycles else default_folding(layers)
        self.cycles = slowest(layers, self.folding)

    def uniform(self, bits: int) -> dict[str, Bits]:
        """Return ``bits`` of weights and activations for every layer; declared integers stay."""
        return {layer.name: self.of(layer.name, bits, bits) for layer in self.project.model.layers}

    def of(self, layer: str, weights: int, activations: int) -> Bits:
        """Return the bits of a layer; declared integers that it reads stay."""
        return Bits(weights, None if layer in self.raw else activations)

    def weight_bits(self, bits: Mapping[str, Bits]) -> int:
        """Return the bits of memory that all weights take; 32 each where they stay float."""
        layers = self.project.model.layers
        return sum(int(layer.weights.size) * (bits.get(layer.name, Bits()).weights or 32) for layer in layers)

    def hardware(self, bits: Mapping[str, Bits]) -> Hardware:
        """Return what the accelerator takes by the estimate; every layer must be in ``bits``.

        Raises
        ------
        golden.model_file.file.ModelError
            If the network cannot be built in these formats.
        """
        key = tuple(bits[layer.name] for layer in self.project.model.layers)
        if key not in self._known:
            self._known[key] = self.hardware_of(self._network(bits))
        return self._known[key]

    def hardware_of(self, network: Network) -> Hardware:
        """Return what `hardware` returns, of a network that is imported already."""
        layers = layers_of(network)
        folding = self.folding if layers.keys() == self.folding.keys() else fold(layers, self.cycles)
        cost = estimate_all(layers, folding)
        return Hardware(luts=round(cost.lut), dsps=cost.dsp, bram18=cost.bram18)

    def _network(self, bits: Mapping[str, Bits]) -> Network:
        plan = quantize(self.project.model, self.project.calibration, dict(bits), self.options)
        return self.project.qonnx(plan)[1]
