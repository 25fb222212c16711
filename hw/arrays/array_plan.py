"""What the plans of all arrays share: how a row is folded, and the checks of that."""

from fewbit.hw.plan import Plan

__all__ = ["ArrayPlan"]


class ArrayPlan(Plan):
    """The numbers of an array: ``pe`` dot products at a time, ``simd`` products of each a cycle.

    Parameters
    ----------
    pe, simd : int
        Dot products at a time; products of each per cycle.
    steps : int
        Steps of a row. With one there is no accumulator feedback.
    lanes : int
        Results per beat. It must divide ``pe``, and ``pe / lanes`` must not exceed ``steps``, so that the results of a
        row have left before those of the next one.
    groups : int
        Groups of dot products, each of which reads lanes of its own: dot product ``p`` those of group
        ``p // (pe / groups)``.

    Attributes
    ----------
    latency : int
        Cycles from the last step of a row to the first beat of its results.
    dsps : int
        DSP blocks that the array takes.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(self, *, pe: int, simd: int, steps: int, lanes: int, groups: int = 1):
        for name, value in ("PE", pe), ("SIMD", simd), ("Steps", steps), ("Lanes", lanes):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if pe % lanes or pe // lanes > steps:
            raise ValueError(f"Lanes must divide PE ({pe}) into at most {steps} beats (steps), not {lanes!r}")
        if groups < 1 or pe % groups:
            raise ValueError(f"Groups must divide PE ({pe}), not {groups!r}")
        self.pe, self.simd, self.steps, self.lanes, self.groups = pe, simd, steps, lanes, groups

    @property
    def latency(self) -> int:
        raise NotImplementedError

    @property
    def dsps(self) -> int:
        return 0
