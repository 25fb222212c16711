"""Foldings that are planned: what their hardware takes, with queues and buffers, and where formulas were off."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fewbit.hw.folding import Folding, FoldingError
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.target import Target
from fewbit.sim.cycles.queue_bounds import bounding_depths, steps_of_frame
from fewbit.sim.cycles.queues import size_queues

from .design import DesignCost, cost_of_design
from .formulas import FormulaFolding, FormulaSearch
from .layers import slowest
from .ways import BEATS, WORDS

__all__ = ["FoldingPlanner", "PlannedFolding"]

_WORTH = 8  # block RAMs that an UltraRAM must save where block RAM is not short
_LARGE = 5_000_000  # steps of the cycle model for a frame, from which on queues take many seconds


@dataclass(frozen=True)
class PlannedFolding:
    """A folding with its plan, the depths of its queues, what it takes, and ``words``, the sum of cycles a pixel."""

    folding: Folding
    plan: AcceleratorPlan
    depths: dict[str, int]
    design: DesignCost
    words: int


class FoldingPlanner:
    """Plans foldings for one search, which it tells what formulas leave out."""

    def __init__(self, search: FormulaSearch, target: Target):
        self.search, self.target = search, target
        self.layers, self.limits = search.layers, search.limits
        self._last: dict[str, int] | None = None  # depths of the queues of the last plan

    def plan(
        self, folding: Folding, ultra: Sequence[str] = (), depths: dict[str, int] | None = None
    ) -> PlannedFolding:  # fmt: skip
        """Return the plan of a folding, with queues of these ``depths`` or else as deep as they must be.

        Raises
        ------
        FoldingError
            If there is no hardware for it.
        """
        folding = folding.with_ultra(ultra)
        try:
            plan = AcceleratorPlan(self.layers.network, folding, target=self.target)
        except ValueError as error:
            raise FoldingError(str(error)) from None
        found = self._depths(plan) if depths is None else depths
        plan = plan.with_depths(found)
        design = cost_of_design(self.layers, folding, plan, self.limits.family)
        words = sum(self.layers[name].shape(folded).words for name, folded in folding.items())
        return PlannedFolding(folding, plan, found, design, words)

    @staticmethod
    def _depths(plan: AcceleratorPlan) -> dict[str, int]:
        """Return depths of queues: of large networks those that a run needs, and beside external weights, which take
        minutes to step through, those that are known to be enough. The folding that is chosen gets its own (`sized`).
        """
        if plan.weight_port is not None:
            return bounding_depths(plan)
        return size_queues(plan, cheapest=not _is_large(plan))

    def sized(self, built: PlannedFolding) -> PlannedFolding:
        """Return a folding that is chosen with queues as deep as they must be."""
        if not built.depths or (built.plan.weight_port is None and not _is_large(built.plan)):
            return built
        return self.plan(built.folding, sorted(built.folding.ultra), size_queues(built.plan))

    def learn(self, weighed: FormulaFolding) -> PlannedFolding:
        """Plan a folding, and tell the search what it takes beyond formulas.

        Queues are as deep as those of the folding before; where limits are kept with these, they get their own depths,
        which deep networks take seconds for.
        """
        folding = weighed.folding
        found = self.plan(folding, depths=self._last)
        ultra = self._ultra(found)
        if ultra:
            found = self.plan(folding, ultra, found.depths)
        if not self.limits.over(found.design.total) and found.depths is self._last:
            found = self.plan(folding, ultra)
        self._last = found.depths
        now = found.design.total
        row = np.array([now.lut, now.ff, now.lutram, now.bram18, now.uram, now.dsp, found.words, 0])
        self.search.beyond = self.search.beyond + row - weighed.taken
        self.search.beyond[[WORDS, BEATS]] = 0
        if found.plan.bound > slowest(self.layers, folding):
            self.search.floor = max(self.search.floor, found.plan.bound)
        return found

    def _ultra(self, found: PlannedFolding) -> list[str]:
        """Return the stages whose buffers are better in UltraRAM, the most block RAMs for one first."""
        most, short = self.limits.most("uram"), found.design.total.bram18 - self.limits.most("bram18")
        if self.limits.part is None or not most:
            return []
        moves = []
        for stage in found.plan.stages:
            if not hasattr(stage.plan, "ram"):
                continue
            buffers = [m for m in found.design.buffers.get(stage.name, []) if isinstance(m, Buffer)]
            saved = sum(m.cost(self.limits.family).bram18 for m in buffers)
            if saved:
                moves.append((saved, sum(m.ultra_blocks for m in buffers), stage.name))
        picked, used = [], 0
        for saved, ultra, name in sorted(moves, key=lambda move: move[0] / move[1], reverse=True):
            if used + ultra <= most and (saved >= _WORTH * ultra or short > 0):
                picked.append(name)
                used, short = used + ultra, short - saved
        return picked


def _is_large(plan: AcceleratorPlan) -> bool:
    """Return whether the queues of a network are not to be made as cheap as they can be for every folding."""
    return steps_of_frame(plan) > _LARGE
