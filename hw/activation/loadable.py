"""Activations whose constants are loadable, where these do more than those of the bitstream."""

from .affine import Affine
from .units import Search

__all__ = ["LoadableAffine", "LoadableSearch"]


class LoadableSearch(Search):
    """A `Search` whose neurons' codes rise or fall, as a loaded bit of each says.

    Parameters
    ----------
    plan : hw.activation.loadable_plans.LoadableSearchPlan
    """

    def _turned(self, m, beat):
        flips = self.numbers(m, "flips", self.delayed(m, beat, self.plan.steps - 1, "flip_beat"))
        return [flip.replicate(self.plan.depth) ^ self.plan.xor for flip in flips]


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
