"""What the plans of all arrays share: how a row is folded, and the checks of that."""

__all__ = ["ArrayPlan"]


class ArrayPlan:
    """The numbers of ``pe`` dot products at a time, ``simd`` products each per cycle, over ``steps`` cycles: a row.

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
        Dot product ``p`` reads the lanes of group ``p // (pe / groups)``.

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

    dsps = 0
    latency = None

    def __init__(self, *, pe, simd, steps, lanes, groups=1):
        for name, value in ("PE", pe), ("SIMD", simd), ("Steps", steps), ("Lanes", lanes):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if pe % lanes or pe // lanes > steps:
            raise ValueError(f"Lanes must divide PE ({pe}) into at most {steps} beats (steps), not {lanes!r}")
        if groups < 1 or pe % groups:
            raise ValueError(f"Groups must divide PE ({pe}), not {groups!r}")
        self.pe, self.simd, self.steps, self.lanes, self.groups = pe, simd, steps, lanes, groups

    def make(self):
        """Return the hardware."""
        raise NotImplementedError
