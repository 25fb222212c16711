"""The numbers of activations whose constants are loadable: structure follows from formats, never from the constants."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fewbit.hw.memory.placement import Contents, is_large
from fewbit.hw.shapes import IntShape

from .affine_plan import AffinePlan
from .plans import CodeTablePlan, SearchPlan, SignPlan, WholePlan

__all__ = ["LoadableAffinePlan", "LoadableSearchPlan", "LoadableSignPlan", "LoadableTablePlan", "LoadableWholePlan"]


class LoadableSignPlan(SignPlan):
    """A `SignPlan` of any flips."""

    loadable = True

    def __init__(self, *, flips: list[int], **common: Any):
        super().__init__(flips=flips, **common)
        self.latency = 1


class LoadableWholePlan(WholePlan):
    """A `WholePlan` of any rests."""

    loadable = True

    def __init__(self, *, scale: int, rests: list[int], **common: Any):
        super().__init__(scale=scale, rests=rests, **common)
        self.constant = self.scale == 1  # no rest is left
        self.latency = 0 if self.constant else 1


class LoadableSearchPlan(SearchPlan):
    """A `SearchPlan` of any thresholds up to ``2**width - 1``.

    Parameters
    ----------
    width : int
        Bits of a threshold.
    flips : list of int
        Whether all bits of a neuron's index are inverted, 0 or 1, for each neuron: its codes fall. Only without codes.
    others : as of `hw.activation.plans.SearchPlan`

    Raises
    ------
    ValueError
        If a threshold is longer, or as `SearchPlan`.
    """

    loadable = True

    def __init__(self, *, width: int, flips: Sequence[int] = (), **common: Any):
        super().__init__(**common)
        if self.width > width:
            raise ValueError(f"Thresholds must have at most {width} bits, not {self.width}")
        self.width = width
        if not self.parallel:
            self.reads = [1 + is_large(width, self.level(n, 0)) for n in range(self.depth)]
            self.steps = sum(self.reads) + len(self.reads)
            self.latency = self.steps + (self.codes is not None)
        self.flips = self.per_neuron("Flips", list(flips)) if self.codes is None else []

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return super().memories | ({"flips": self.by_beat(self.flips, 1)} if self.codes is None else {})


class LoadableTablePlan(CodeTablePlan):
    """A `CodeTablePlan` of any words; each lane has a memory of its own."""

    loadable = True

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {f"table{k}": Contents(self.bits, self.words) for k in range(self.lanes)}


class LoadableAffinePlan(AffinePlan):
    """An `AffinePlan` of any multipliers of its shape, of addends of so many bits, and of any bounds.

    It has no kinks, ties or exceptions.

    Parameters
    ----------
    addend_bits : int
        Bits of an addend, its sign included.
    limits : (int, int) or None
        Least and greatest y, in ``bits + 1`` bits with sign; ``None`` where y always fits.
    factor_shape, others : as of `hw.activation.affine_plan.AffinePlan`, without ``lo`` and ``hi``

    Raises
    ------
    ValueError
        If a number is longer, or as `AffinePlan`.
    """

    loadable = True

    def __init__(
        self,
        *,
        addend_bits: int,
        factor_shape: IntShape,
        limits: tuple[int, int] | None = None,
        **common: Any,
    ):
        lo, hi = limits or (None, None)
        super().__init__(factor_shape=factor_shape, lo=lo, hi=hi, **common)
        self._addend_bits = addend_bits
        self.limits = limits
        for name, numbers, width in (
            ("Multipliers", self.multipliers, factor_shape.width), ("Addends", self.addends, addend_bits),
            ("Limits", limits or (), self.bits + 1),
        ):  # fmt: skip
            longest = max((max(n, -n - 1).bit_length() + 1 for n in map(int, numbers)), default=0)
            if longest > width:
                raise ValueError(f"{name} must have at most {width} bits, not {longest}")

    @property
    def addend_bits(self) -> int:
        return self._addend_bits

    @cached_property
    def memories(self) -> dict[str, Contents]:
        found = super().memories
        if self.limits is None:
            return found
        width = self.bits + 1
        mask = (1 << width) - 1
        lo, hi = self.limits
        return found | {"limits": Contents(2 * width, [(hi & mask) << width | lo & mask])}
