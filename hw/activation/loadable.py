"""Activations whose constants are loadable, where these do more than those of the bitstream."""

from amaranth.hdl import Module

from fewbit.hw.plan import component_of

from .affine import Affine
from .loadable_plans import LoadableAffinePlan, LoadableSearchPlan, LoadableTablePlan
from .units import Activation, Search

__all__ = ["LoadableAffine", "LoadableSearch", "LoadableTable"]


@component_of(LoadableSearchPlan)
class LoadableSearch(Search):
    """A `Search` whose neurons' codes rise or fall, as a loaded bit of each says.

    Parameters
    ----------
    plan : hw.activation.loadable_plans.LoadableSearchPlan
    """

    def _turned(self, m, beat):
        flips = self.numbers(m, "flips", self.delayed(m, beat, self.plan.steps - 1, "flip_beat"))
        return [flip.replicate(self.plan.depth) ^ self.plan.xor for flip in flips]


@component_of(LoadableAffinePlan)
class LoadableAffine(Affine):
    """An `Affine` of loaded bounds.

    Parameters
    ----------
    plan : hw.activation.loadable_plans.LoadableAffinePlan
    """

    def _limits(self, m, beat):
        if self.plan.limits is None:
            return [(None, None)] * self.plan.lanes
        width = self.plan.bits + 1
        pair = self.read(m, "limits", 0)
        return [(pair[:width].as_signed(), pair[width:].as_signed())] * self.plan.lanes


@component_of(LoadableTablePlan)
class LoadableTable(Activation):
    """``code = words[code]``, one loaded table for every position. Latency 1.

    Parameters
    ----------
    plan : hw.activation.loadable_plans.LoadableTablePlan
    """

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [self.o[k].eq(self.read(m, f"table{k}", self.i[k])) for k in range(self.plan.lanes)]
        self.finish(m)
        return m
