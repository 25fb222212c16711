"""What formats cost in hardware: LUTs by the formulas of `flow.folding.cost`, at one folding that all candidates
share."""

from dataclasses import replace

from fewbit.flow.folding.folding import default_folding, fold
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.flow.folding.search import estimate_all
from fewbit.ptq.quantize import Bits, quantize

__all__ = ["FormatCost"]


class FormatCost:
    """Costs of a float model in formats, a candidate after the other.

    Every candidate is made QONNX and imported, so what is estimated is the network that would be built. All have the
    PE and SIMD of the reference: the model with ``reference`` bits everywhere, folded to ``cycles`` a frame (or to the
    default). So all take the same cycles, and LUTs differ by formats alone.

    Attributes
    ----------
    folding : hw.folding.Folding
    cycles : int
        Of the slowest layer.
    """

    def __init__(self, project, options, *, reference, cycles=None):
        self.project = project
        self.options = replace(options, correct=False)  # a bias changes no width
        self.raw = {name for site in project.sites if site.raw for name in site.layers}
        self._known = {}
        network = self._network(self.uniform(reference))
        self.folding = fold(network, cycles) if cycles else default_folding(network)
        self.cycles = slowest(layers_of(network), self.folding)

    def uniform(self, bits):
        """`Bits` of every layer: ``bits`` of weights and activations; declared integers stay."""
        return {layer.name: self.of(layer.name, bits, bits) for layer in self.project.model.layers}

    def of(self, layer, weights, activations):
        """`Bits` of a layer; declared integers that it reads stay."""
        return Bits(weights, None if layer in self.raw else activations)

    def weight_bits(self, bits):
        """Bits of memory that all weights take; 32 each where they stay float."""
        layers = self.project.model.layers
        return sum(int(layer.weights.size) * (bits.get(layer.name, Bits()).weights or 32) for layer in layers)

    def hardware(self, bits):
        """``luts``, ``dsps`` and ``bram18`` of the accelerator, about; every layer must be in ``bits``."""
        key = tuple(bits[layer.name] for layer in self.project.model.layers)
        if key not in self._known:
            self._known[key] = self.hardware_of(self._network(bits))
        return self._known[key]

    def hardware_of(self, network):
        """As `hardware`, of a network that is imported already."""
        layers = layers_of(network)
        folding = self.folding if layers.keys() == self.folding.keys() else fold(network, self.cycles)
        cost = estimate_all(network, layers, folding)
        return {"luts": round(cost.lut), "dsps": cost.dsp, "bram18": cost.bram18}

    def _network(self, bits):
        plan = quantize(self.project.model, self.project.calibration, bits, self.options)
        return self.project.qonnx(plan)[1]
