"""The best folding within all limits at once: resources of a part, speed, and one goal.

Each layer has its ways: PE and SIMD, products in LUTs or DSPs, weights in LUTs or block RAM, or outside, where the
beats of the port that they take are one resource more. `flow.folding.knapsack` takes one of each so that all limits
hold; the fewest cycles for which it can are found by bisection. Ways are weighed by formulas. Then the design is
planned, and what the plan takes beyond the formulas is set apart; with that the search is repeated, until the plan
itself keeps every limit.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding, FoldingError
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.parts import ListedPart
from fewbit.hw.targets.target import Target
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.cycles.timing import SteadyTiming

from .design import DesignCost
from .formulas import FormulaSearch
from .layers import FoldableNetwork, layers_of, slowest
from .limits import FoldingLimits
from .next_step import NextStep, next_step, reason_why_none
from .planned import FoldingPlanner, PlannedFolding
from .ways import LUTS, WORDS, LayerWays

__all__ = ["BestFolding", "best_folding"]

_ROUNDS = 6  # of planning
_MOST_CHOICES, _MOST_PLANS = 40_000, 200  # of a network so small that its plans can be compared
_BEYOND = 1.6  # times the limits, of what formulas say of a folding that is planned all the same
_SLACK = 1.1  # of what is left out in favour of what formulas say of another
_PACES = 1, 1.15, 1.4, 2, 4  # times the fewest cycles a frame, at which the least latency is looked for


@dataclass(frozen=True)
class BestFolding:
    """A folding within all limits, its plan, what it takes, its timing, and what keeps it from being better.

    ``limiting`` is None where nothing is: no layer can be faster, or the goal is fewest LUTs.
    """

    folding: Folding
    plan: AcceleratorPlan
    depths: dict[str, int]
    design: DesignCost
    timing: SteadyTiming
    limiting: NextStep | None


def best_folding(
    network: Network | FoldableNetwork, limits: FoldingLimits, target: Target, listed: Sequence[ListedPart] = (),
    weights: str = "fixed", bus: int | None = None,
) -> BestFolding:  # fmt: skip
    """Return the folding of a network that is best in the goal of ``limits`` and keeps all of them; ``weights`` is one
    of `hw.folding.WEIGHTS`.

    With ``"external"`` those weights are outside of which that is the better choice, through a port of ``bus`` data
    bits, which is asked for at most `flow.folding.external.PORT_SHARE` of the cycles.

    Where no folding fits a part, the message names the smallest of the ``listed`` ones that one fits, in the same
    share.

    Raises
    ------
    FoldingError
        If there is none; the message says which limit cannot be kept.
    """
    return _Goals(layers_of(network), limits, target, listed, weights, bus).best()


class _Goals:
    """The search for one network, its limits and its goal."""

    def __init__(
        self, layers: FoldableNetwork, limits: FoldingLimits, target: Target, listed: Sequence[ListedPart],
        weights: str, bus: int | None,
    ):  # fmt: skip
        self.layers, self.limits, self.listed = layers, limits, listed
        self.ways = LayerWays(layers, limits, weights, bus)
        self.formulas = FormulaSearch(self.ways, limits)
        self.planner = FoldingPlanner(self.formulas, target)

    def best(self) -> BestFolding:
        """Return the best folding."""
        built = self._faster(self._fastest())
        if self.limits.goal == "luts":
            built = self._least(built)
            built = min([built, *self._planned(self._slowest, LUTS)], key=lambda one: one.design.total.lut)
        limiting = next_step(self.formulas, built)
        built = self.planner.sized(built)
        timing = predict_steady(built.plan)
        if self.limits.goal == "latency":
            every = [(predict_steady(one.plan), one) for one in self._planned(self._slowest, WORDS)]
            timing, built = min([(timing, built), *every], key=lambda one: one[0].latency)
        if self.limits.goal == "latency" or (self.limits.latency is not None and timing.latency > self.limits.latency):
            built, timing = self._soonest(built, timing)
        if self.limits.latency is not None and timing.latency > self.limits.latency:
            raise FoldingError(
                f"a latency of {self.limits.latency:,} cycles cannot be met within the limits; the least found is "
                f"{timing.latency:,}"
            )
        if self.limits.cycles is not None and timing.interval > self.limits.cycles:
            entry = max(built.plan.entries, key=lambda entry: entry.beats)
            raise FoldingError(
                f"{self.limits.cycles:,} cycles a frame cannot be met: the input, {entry.beats:,} beats of "
                f"{entry.lanes} codes, or what stands between layers takes {timing.interval:g}"
            )
        return BestFolding(built.folding, built.plan, built.depths, built.design, timing, limiting)

    def _fastest(self) -> PlannedFolding:
        """Return the best of foldings that by formulas have the fewest cycles, and whose plans keep all limits."""
        best, seen = None, set()
        for _ in range(_ROUNDS):
            found = self.formulas.fastest(self.formulas.most())
            if found is None or found.folding in seen:
                break
            seen.add(found.folding)
            built = self.planner.learn(found)
            if not self.limits.over(built.design.total) and (best is None or self._speed(built) < self._speed(best)):
                best = built
        if best is None:
            raise FoldingError(reason_why_none(self.formulas, self.listed))
        return best

    def _faster(self, best: PlannedFolding) -> PlannedFolding:
        """Return the folding, or a faster one of a small network, which plans alone show to keep all limits."""
        misses = 0
        for cycles in reversed([c for c in self.formulas.speeds if self.formulas.floor <= c < self._speed(best)[0]]):
            found = min(self._planned(cycles), key=self._speed, default=None)
            misses = misses + 1 if found is None else 0
            best = best if found is None else found
            if misses == 2:
                break
        return best

    def _planned(self, cycles: int, column: int | None = None) -> list[PlannedFolding]:
        """Return foldings of a small network that take no more than ``cycles``, and whose plans keep all limits.

        They are looked for among all choices of options that formulas say are within limits or little beyond, those
        with least in a ``column`` first, or else those that are least full.
        """
        for slack in _SLACK, 1:
            given = [way for name in self.layers if (way := self.ways.within(name, cycles, slack)) is not None]
            if len(given) < len(self.layers):
                return []
            if math.prod(len(found.foldings) for found in given) <= _MOST_CHOICES:
                break
        else:
            return []
        picked = np.array(list(itertools.product(*(range(len(found.foldings)) for found in given))))
        totals = self.formulas.fixed(cycles) + sum(found.costs[picked[:, k]] for k, found in enumerate(given))
        fullest = (totals / np.maximum(self.formulas.with_port(self.formulas.most(), cycles), 0.5)).max(axis=1)
        order = np.argsort(fullest if column is None else totals[:, column], kind="stable")
        found = []
        for row in order[fullest[order] <= _BEYOND][:_MOST_PLANS]:
            chosen = zip(self.layers, given, picked[row], strict=True)
            built = self.planner.plan(self.formulas.folding_of({name: one.foldings[k] for name, one, k in chosen}))
            if not self.limits.over(built.design.total):
                found.append(built)
                if column is None:
                    break
        return found

    def _speed(self, built: PlannedFolding) -> tuple[int, float]:
        return max(built.plan.bound, slowest(self.layers, built.folding)), built.design.total.lut

    @property
    def _slowest(self) -> int:
        """The most cycles a frame that are asked for, or that something between layers takes."""
        return max(self.formulas.speeds[-1], self.formulas.floor)

    def _least(self, built: PlannedFolding) -> PlannedFolding:
        """Return the folding that takes the fewest LUTs and keeps all limits."""
        best, seen = built, set()
        for _ in range(_ROUNDS):
            found = self.formulas.fewest(self._slowest, best.design.total.lut + 1, "lut")
            if found is None or found.folding in seen:
                break
            seen.add(found.folding)
            now = self.planner.learn(found)
            if not self.limits.over(now.design.total) and now.design.total.lut < best.design.total.lut:
                best = now
        return best

    def _soonest(self, built: PlannedFolding, timing: SteadyTiming) -> tuple[PlannedFolding, SteadyTiming]:
        """Return the folding of the least latency; with a latency as a limit alone, the first that keeps it.

        Cycles of a pixel add up to the latency, but for what windows and the slowest layer make wait: so they are one
        more limit, which is lowered as long as that helps.
        """
        best, when = built, timing
        enough = self.limits.latency if self.limits.goal != "latency" else None
        for cycles in self._paces(built):
            found = self.formulas.shortest(cycles, best.words)
            if found is None:
                continue
            candidate = self.planner.learn(found)
            if self.limits.over(candidate.design.total):
                continue
            predicted = predict_steady(candidate.plan)
            if self.limits.cycles is not None and predicted.interval > self.limits.cycles:
                continue
            if predicted.latency < when.latency:
                best, when = candidate, predicted
            if enough is not None and when.latency <= enough:
                break
        return best, when

    def _paces(self, built: PlannedFolding) -> list[int]:
        """Return cycles a frame at which the least latency may be, rising."""
        now = max(slowest(self.layers, built.folding), self.formulas.floor)
        paces = [c for c in self.formulas.speeds if c >= self.formulas.floor]
        return sorted({min(paces, key=lambda c: abs(c - now * k)) for k in _PACES} | {paces[-1]})
