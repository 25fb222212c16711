"""Foldings of a whole network by formulas: one way of each layer, so that all limits hold at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewbit.hw.cost import Cost
from fewbit.hw.folding import Folding, FoldingError, LayerFolding

from .cost import FLATTENED, OVERHEAD, OVERHEAD_FF
from .external import PORT_SHARE
from .knapsack import choose
from .limits import RESOURCES, FoldingLimits
from .search import costs_beside
from .ways import BEATS, COLUMNS, WORDS, LayerWays

__all__ = ["FormulaFolding", "FormulaSearch"]

_HALVINGS = 14  # of a resource's limit, to find the fewest
_NEAR = 0.005  # of it, that is near enough
_PIXEL_HALVINGS, _PIXEL_NEAR = 9, 0.01  # the same of the cycles of a pixel


@dataclass(frozen=True)
class FormulaFolding:
    """A folding as formulas weigh it.

    Attributes
    ----------
    cycles : int
        That no layer exceeds.
    folding : Folding
    fullest : float
        How full the fullest resource is: at most 1 where all limits hold.
    taken : float (len(COLUMNS),)
        What it takes.
    """

    cycles: int
    folding: Folding
    fullest: float
    taken: np.ndarray

    @property
    def fits(self) -> bool:
        """Whether all limits hold."""
        return self.fullest <= 1


class FormulaSearch:
    """The choice of one way of each layer.

    Attributes
    ----------
    ways : LayerWays
    limits : FoldingLimits
    beyond : float (len(COLUMNS),)
        What the last plan took beyond formulas, which is set apart: whoever plans says so.
    floor : int
        Cycles a frame that something else than layers takes at least, as plans have shown.
    """

    def __init__(self, ways: LayerWays, limits: FoldingLimits):
        self.ways, self.layers, self.limits = ways, ways.layers, limits
        self.beyond, self.floor = np.zeros(len(COLUMNS)), 0
        self._beside: dict[int, np.ndarray] = {}

    @cached_property
    def speeds(self) -> list[int]:
        """Cycles between frames that a folding can have, rising, where no more are asked for.

        Raises
        ------
        FoldingError
            If a layer cannot be as fast as is asked for.
        """
        least = max(cycles[0] for cycles in self.ways.cycles.values())
        found = sorted({c for cycles in self.ways.cycles.values() for c in cycles if c >= least})
        if self.limits.cycles is not None:
            within = [c for c in found if c <= self.limits.cycles]
            if not within:
                slow = max(self.ways.cycles, key=lambda name: self.ways.cycles[name][0])
                raise FoldingError(
                    f"layer {slow} cannot be folded to {self.limits.cycles} cycles a frame; it takes at least {least}"
                )
            found = within
        return found

    def most(self, **more: float) -> np.ndarray:
        """Return the limits as a row; ``more`` are further ones by column."""
        row = np.array([self.limits.most(name) for name in RESOURCES] + [np.inf, np.inf])
        for name, value in more.items():
            k = COLUMNS.index(name)
            row[k] = min(row[k], value)
        return row

    def with_port(self, most: np.ndarray, cycles: int) -> np.ndarray:
        """Return limits with the beats that the port for weights may be asked for in these cycles."""
        if not self.ways.outside:
            return most
        row = most.copy()
        row[BEATS] = PORT_SHARE * cycles
        return row

    def fixed(self, cycles: int) -> np.ndarray:
        """Return what is taken beside layers where none is slower than ``cycles``."""
        if cycles not in self._beside:
            found = sum(costs_beside(self.layers, cycles), Cost())
            self._beside[cycles] = np.array([
                FLATTENED * found.lut + OVERHEAD, found.ff + OVERHEAD_FF, found.lutram, found.bram18, found.uram,
                found.dsp, 0, 0,
            ])  # fmt: skip
        return self._beside[cycles] + self.beyond

    def folding_of(self, found: dict[str, LayerFolding]) -> Folding:
        """Return a folding of layers, with the port for weights if there are some outside."""
        if all(layer.weights != "external" for layer in found.values()):
            return Folding(found)
        return Folding(found, bus=self.ways.port.bus, ultra_ram=self.ways.port.ultra)

    def chosen(self, cycles: int, most: np.ndarray) -> FormulaFolding | None:
        """Return a folding of no more than ``cycles`` a frame that is within ``most`` or near it; None if a layer is
        slower in every way."""
        given = [way for name in self.layers if (way := self.ways.within(name, cycles)) is not None]
        if len(given) < len(self.layers):
            return None
        fixed = self.fixed(cycles)
        found = choose([ways.costs for ways in given], self.with_port(most, cycles), fixed)
        pairs = list(zip(given, found.options, strict=True))
        folding = self.folding_of({name: ways.foldings[k] for name, (ways, k) in zip(self.layers, pairs, strict=True)})
        return FormulaFolding(cycles, folding, found.fullest, fixed + sum(ways.costs[k] for ways, k in pairs))

    def fastest(self, most: np.ndarray) -> FormulaFolding | None:
        """Return a folding within ``most`` of the fewest cycles; None if there is none."""
        speeds = [c for c in self.speeds if c >= self.floor] or self.speeds[-1:]
        low, high = 0, len(speeds) - 1
        best = self.chosen(speeds[high], most)
        if best is None or not best.fits:
            return None
        while low < high:
            middle = (low + high) // 2
            found = self.chosen(speeds[middle], most)
            if found is not None and found.fits:
                high, best = middle, found
            else:
                low = middle + 1
        return best

    def fewest(self, cycles: int, most: float, column: str) -> FormulaFolding | None:
        """Return a folding of at most ``cycles`` a frame that takes the fewest of a resource, and at most ``most``;
        None if there is none."""
        low, high, best = 0.0, most, None
        for _ in range(_HALVINGS):
            found = self.chosen(cycles, self.most(**{column: high if best is None else (low + high) / 2}))
            if found is not None and found.fits:
                best, high = found, float(found.taken[COLUMNS.index(column)])
            elif best is None:
                return None
            else:
                low = (low + high) / 2
            if high - low < _NEAR * high:
                break
        return best

    def shortest(self, cycles: int, words: float) -> FormulaFolding | None:
        """Return a folding of no more than ``cycles`` a frame whose cycles of a pixel add up to the least, ``words`` at
        most; None if there is none."""
        best = self.chosen(cycles, self.most(words=words))
        if best is None or not best.fits:
            return None
        low, high = 0.0, float(best.taken[WORDS])
        for _ in range(_PIXEL_HALVINGS):
            if high - low < max(0.5, _PIXEL_NEAR * high):
                break
            middle = (low + high) / 2
            found = self.chosen(cycles, self.most(words=middle))
            if found is not None and found.fits:
                best, high = found, float(found.taken[WORDS])
            else:
                low = middle
        return best
