"""What a search of formats looks for, and which candidates keep it."""

from collections.abc import Iterable
from dataclasses import dataclass

from .results import FormatCandidate, Measured

__all__ = ["Goal", "pareto"]


@dataclass(frozen=True)
class Goal:
    """What is looked for; without any limit it is the Pareto set alone.

    Attributes
    ----------
    luts, bits : int or None
        Budgets of LUTs and of bits of weights: the most accurate candidate within them is looked for.
    drop : float or None
        Percentage points of accuracy: the candidate of the least cost that loses at most so many is looked for.
    """

    luts: int | None = None
    bits: int | None = None
    drop: float | None = None

    @property
    def given(self) -> bool:
        """Whether anything is looked for."""
        return (self.luts, self.bits, self.drop) != (None, None, None)

    @property
    def cost(self) -> str:
        """What candidates are compared by: ``luts`` or ``weight_bits``."""
        return "weight_bits" if self.bits is not None and self.luts is None else "luts"

    @property
    def budget(self) -> int | None:
        """The most that a candidate may cost."""
        return self.bits if self.cost == "weight_bits" else self.luts

    def fits(self, candidate: FormatCandidate) -> bool:
        """Return whether a candidate is within the budgets."""
        return (self.luts is None or candidate.luts <= self.luts) and (
            self.bits is None or candidate.weight_bits <= self.bits
        )

    def met(self, candidate: FormatCandidate, floats: Measured) -> bool:
        """Return whether an evaluated candidate keeps every limit; ``floats`` is what the float model does."""
        return self.fits(candidate) and (
            self.drop is None or 100 * (floats.accuracy - candidate.accuracy) <= self.drop + 1e-9
        )

    def promising(self, candidates: Iterable[FormatCandidate], floats: Measured) -> list[FormatCandidate]:
        """Return the candidates that could become the one to take if training made them more accurate.

        They are within the budgets, and with a drop cost no more than the one that keeps it without training.
        """
        best = self.best(candidates, floats) if self.drop is not None else None
        return [c for c in candidates if self.fits(c) and (best is None or c.cost(self.cost) <= best.cost(self.cost))]

    def best(self, candidates: Iterable[FormatCandidate], floats: Measured) -> FormatCandidate | None:
        """Return the candidate to take; None if none keeps the limits."""
        kept = [c for c in candidates if self.met(c, floats)]
        if self.drop is not None:
            return min(kept, key=lambda c: (c.cost(self.cost), -c.accuracy, c.noise_or_most), default=None)
        return min(kept, key=lambda c: (-c.accuracy, c.cost(self.cost), c.noise_or_most), default=None)


def pareto(candidates: Iterable[FormatCandidate], cost: str) -> list[FormatCandidate]:
    """Return the candidates that no other one dominates, the cheapest first; of equals the one of least noise."""
    found: list[FormatCandidate] = []
    for c in sorted(candidates, key=lambda c: (c.cost(cost), -c.accuracy, c.noise_or_most)):
        if not found or c.accuracy > found[-1].accuracy:
            found.append(c)
    return found
