"""The ways in which each layer can be made, with what formulas say that each takes."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fewbit.hw.folding import FoldingError, LayerFolding
from fewbit.hw.layer.external import tiles_of
from fewbit.hw.memory.external_plan import DEFAULT_BUS, check_bus

from .cost import FLATTENED, WeightBus, cost_of_layer
from .external import beats_of, reason_against
from .knapsack import undominated
from .layer import FoldableLayer
from .layers import FoldableNetwork
from .limits import RESOURCES, FoldingLimits

__all__ = ["BEATS", "COLUMNS", "LUTS", "LayerWays", "WORDS", "WeighedWays"]

COLUMNS = (*RESOURCES, "words", "beats")
"""Of a row: what a way takes, the cycles of a pixel, which add up to latency, and beats of the weights' port."""
LUTS, WORDS, BEATS = COLUMNS.index("lut"), COLUMNS.index("words"), COLUMNS.index("beats")

_TILES = 5  # of external weights that are looked at for one PE and SIMD
_SIZES = 1000  # of PE and SIMD that are looked at for one number of cycles, of all layers together
_FEWEST_SIZES, _MOST_SIZES = 6, 150  # of one layer
_MOST_CONSTANT = 1 << 17  # bit products of a layer whose weights are constants: planning more takes minutes
_UNEVEN = 4.0  # LUTs of a bit of a stream whose lanes do not divide it


@dataclass(frozen=True)
class WeighedWays:
    """Foldings of one layer, with what each takes, ``(n, len(COLUMNS))``."""

    foldings: list[LayerFolding]
    costs: np.ndarray


class LayerWays:
    """The ways of each layer of a network: PE and SIMD, products in LUTs or DSPs, weights in LUTs, block RAM, outside.

    Attributes
    ----------
    layers : FoldableNetwork
    outside : bool
        Whether weights may stay outside, behind the ``port``.

    Raises
    ------
    FoldingError
        If the port cannot have ``bus`` data bits.
    """

    def __init__(self, layers: FoldableNetwork, limits: FoldingLimits, weights: str = "fixed", bus: int | None = None):
        self.layers, self.limits = layers, limits
        self.outside, self.weights = weights == "external", "fixed" if weights == "external" else weights
        try:
            self.port = WeightBus(check_bus(bus or DEFAULT_BUS), 0 < limits.most("uram") < math.inf)
        except ValueError as error:
            raise FoldingError(str(error)) from None
        self._known: dict[tuple[str, int, float], WeighedWays] = {}
        self._costs: dict[tuple[str, LayerFolding], np.ndarray] = {}
        self._sizes = min(_MOST_SIZES, max(_FEWEST_SIZES, _SIZES // len(layers)))

    def within(self, name: str, cycles: int, slack: float = 1) -> WeighedWays | None:
        """Return the ways of a layer that take no more than ``cycles`` a frame; None if there is none.

        Left out are those of which another takes less of everything, even ``slack`` times as much as formulas say.
        """
        layer = self.layers[name]
        reached = min((c for c in self.cycles[name] if c <= cycles), key=lambda c: cycles - c, default=None)
        if reached is None:
            return None
        if (name, reached, slack) not in self._known:
            self._known[name, reached, slack] = self._weighed(layer, reached, slack)
        return self._known[name, reached, slack]

    @cached_property
    def cycles(self) -> dict[str, list[int]]:
        """Cycles a frame that each layer can have, rising."""
        return {name: sorted({option.cycles for option in layer.options}) for name, layer in self.layers.items()}

    def _weighed(self, layer: FoldableLayer, cycles: int, slack: float) -> WeighedWays:
        within = sorted(option for option in layer.options if option.cycles <= cycles)
        sizes = {(o.pe, o.simd): o for o in within[: self._sizes]}
        fastest = [
            o for k, o in enumerate(within) if all(o.cycles < other.cycles for other in within[max(0, k - 8) : k])
        ]
        step = max(1, len(fastest) // self._sizes)
        sizes |= {(o.pe, o.simd): o for o in fastest[::step]}
        foldings, rows = [], []
        for pe, simd in sizes:
            for folding in self._ways(layer, pe, simd):
                row = self._row(layer, folding)
                if row is not None:
                    foldings.append(folding)
                    rows.append(row)
        costs = np.array(rows)
        kept = undominated(costs, slack)
        return WeighedWays([foldings[k] for k in kept], costs[kept])

    def _ways(self, layer, pe, simd):
        """Yield the ways in which a layer of this size can be made."""
        shape = layer.shape(LayerFolding(pe, simd))
        products: list[str | None] = [None]
        fixed = self.weights == "fixed"
        products_of_bits = layer.inputs * layer.neurons * layer.groups * layer.bits
        if fixed and shape.words == 1 and layer.x_format.integral and products_of_bits > _MOST_CONSTANT:
            products = ["plain"]
        if "dsp" in self.limits.resources:
            if layer.summed is not None:
                products.append("sums")
            # Of constant weights synthesis makes products of LUTs, whatever they are described as.
            if layer.packing is not None and pe > shape.together and shape.words > 1 and layer.dsps(shape) > 0:
                products.append("dsp")
        for made in products:
            yield LayerFolding(pe, simd, made, weights=self.weights)
            if fixed and shape.words > 1 and "bram18" in self.limits.resources:
                for memory in ("luts", "block"):
                    yield LayerFolding(pe, simd, made, memory)
        if self.outside and reason_against(layer, LayerFolding(pe, simd)) is None:
            least = layer.channel(LayerFolding(pe, simd, weights="external"), self.port.bus).tile
            tiles = [tile for tile in tiles_of(shape) if tile >= least]
            picked = {round(k * (len(tiles) - 1) / (_TILES - 1)) for k in range(_TILES)}
            yield from (LayerFolding(pe, simd, weights="external", tile=tiles[k]) for k in sorted(picked))

    def _row(self, layer, folding):
        key = layer.name, folding
        if key not in self._costs:
            found, external = cost_of_layer(layer, folding, self.port), folding.weights == "external"
            beats = beats_of(layer, folding, self.port.bus) if external else 0
            luts = FLATTENED * (found.lut + self._uneven(layer, folding))
            words = layer.shape(folding).words
            self._costs[key] = np.array([
                luts, found.ff, found.lutram, found.bram18, found.uram, found.dsp, words, beats
            ])  # fmt: skip
        row = self._costs[key]
        if folding.memory is not None:  # where it would be anyway, or in the other place
            usual = self._row(layer, replace(folding, memory=None))
            if usual is not None and (row == usual).all():
                return None
        return row

    @staticmethod
    def _uneven(layer, folding):
        """Return about the LUTs that gearboxes take more where lanes do not divide what they carry."""
        shape, luts = layer.shape(folding), 0.0
        if layer.window is None and layer.inputs % shape.simd:
            luts += _UNEVEN * shape.lanes_in * layer.x_format.bits
        if shape.neurons % shape.lanes:
            luts += _UNEVEN * shape.lanes * (layer.levels - 1).bit_length()
        return luts
