"""The numbers of a multiplication, addition and shift behind an accumulator, before there is any hardware."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from fewbit.hw.memory.mapped import MappedMemory, table_of
from fewbit.hw.memory.placement import Contents
from fewbit.hw.shapes import IntShape
from fewbit.hw.xilinx.dsp_packing import DSP_BITS

from .exception_table import ExceptionTable
from .plans import ActivationPlan

__all__ = ["AffinePlan"]


class AffinePlan(ActivationPlan):
    """``y = (acc*multiplier + addend) >> shift``, clipped to ``lo .. hi``.

    With ``kinks``, a neuron's own is taken off in front of the shift where y would else be ``level`` or less. With
    ``ties``, y is taken down by one where all bits that are shifted out are zero and its lowest bit is not ``ties``.
    ``exceptions`` are single accumulators of a neuron, to whose y something is added behind the clip.

    Parameters
    ----------
    multipliers, addends : lists of int
        Multiplier and addend of each neuron.
    shift : int
        Bits by which a sum is shifted to the right.
    lo, hi : int or None
        Least and greatest y; ``None`` where y always fits.
    kinks : list of int or None
        What is taken off, of each neuron, not negative.
    level : int
        The largest y that a kink is taken off from.
    ties : int or None
        Lowest bit of a y that halves are rounded to, 0 or 1; ``None`` where they are not told apart.
    exceptions : list of (int, int, int)
        Neuron, accumulator, and what is added to the y of that accumulator.
    factor_shape : hw.shapes.IntShape or None
        Shape of a multiplier, if it is not to be the least that holds them all; there is then always a multiplication.
    others : as of `hw.activation.plans.ActivationPlan`

    Attributes
    ----------
    scales : bool
        Whether there is a multiplication: not where all multipliers are one power of two, ``2**left``.
    left : int
        Bits by which an accumulator is shifted to the left, where there is no multiplication.
    factor_shape : hw.shapes.IntShape
        Shape of a multiplier. Where none is given, the least that holds them all.
    acc_starts, factor_starts : list of int
        First bit of every part of an accumulator and of a multiplier, each for one port of a DSP block.
    sum_levels, product_latency : int
        Levels of the tree that adds up the parts of a product; cycles that products take.
    kink_bit : int
        Lowest bit that any kink has.
    tables : list of hw.activation.exception_table.ExceptionTable or None
        Exceptions of each lane; empty where no lane has any.
    wait : int
        Cycles that codes wait for what is added to them.

    Raises
    ------
    ValueError
        If the shift or a kink is negative, ties have nothing that is shifted out, an exception is of no neuron, or as
        `hw.activation.plans.ActivationPlan`.
    """

    LOOK_CYCLES = 4  # from an accumulator to what an exception adds
    PART_BITS = 17  # bits of an unsigned operand for the narrow port of a DSP block, which has 18 with sign

    def __init__(
        self,
        *,
        multipliers: list[int],
        addends: list[int],
        shift: int = 0,
        lo: int | None = None,
        hi: int | None = None,
        kinks: list[int] | None = None,
        level: int = 0,
        ties: int | None = None,
        exceptions: Sequence[tuple[int, int, int]] = (),
        factor_shape: IntShape | None = None,
        **common: Any,
    ):
        super().__init__(**common)
        if shift < 0:
            raise ValueError(f"Shift must not be negative, not {shift!r}")
        self.multipliers = self.per_neuron("Multipliers", multipliers)
        self.addends = self.per_neuron("Addends", addends)
        self.shift, self.lo, self.hi = shift, lo, hi
        self.kinks: list[int] | None = None
        self.level = level
        kinks = None if kinks is None else self.per_neuron("Kinks", kinks)
        if kinks is not None and any(kinks):
            if min(kinks) < 0:
                raise ValueError(f"Kinks must not be negative, not {min(kinks)!r}")
            self.kinks = [int(k) for k in kinks]
            self.kink_bit = min(shift, *((k & -k).bit_length() - 1 for k in self.kinks if k))
        if ties is not None and (ties not in (0, 1) or shift < 1):
            raise ValueError(f"Ties must be 0 or 1, behind a shift of 1 or more, not {ties!r} and {shift!r}")
        self.ties = ties
        first = int(self.multipliers[0])
        self.scales = first < 1 or bool(first & (first - 1)) or any(m != first for m in self.multipliers)
        self.scales |= factor_shape is not None
        self.left = 0 if self.scales else first.bit_length() - 1
        signed = min(self.multipliers) < 0
        size = max(1, *(int(abs(w)).bit_length() for w in self.multipliers))
        self.factor_shape = factor_shape or IntShape(size + signed, signed)
        self.acc_starts, self.factor_starts = self._starts()
        count = len(self.acc_starts) * len(self.factor_starts)
        self.sum_levels = (count - 1).bit_length()
        self.product_latency = 2 + self.sum_levels if self.scales else 0
        self.latency = 2 + self.product_latency + (lo is not None) + (self.kinks is not None) + (ties is not None)
        self.tables = self._tables(exceptions) if exceptions else []
        self.wait = max(0, self.LOOK_CYCLES - self.latency) if self.tables else 0
        self.latency += self.wait + bool(self.tables)

    @cached_property
    def memories(self) -> dict[str, Contents]:
        found = {}
        if self.scales:
            found["multipliers"] = self._memory(self.multipliers, self.factor_shape.width, 2)
        found["addends"] = self._memory(self.addends, self.addend_bits)
        if self.kinks is not None:
            words = [kink >> self.kink_bit for kink in self.kinks]
            found["kinks"] = self.by_beat(words, max(words).bit_length())
        return found

    def _memory(self, numbers: Sequence[int], width: int, latency: int = 1) -> Contents:
        """Return a memory of numbers in two's complement."""
        return self.by_beat([int(n) & ((1 << width) - 1) for n in numbers], width, latency)

    @property
    def addend_bits(self) -> int:
        """Bits of an addend, its sign included."""
        return max(max(abs(a), 1).bit_length() for a in self.addends) + 1

    @property
    def dsps(self) -> int:
        """DSP blocks of its multipliers, at most: synthesis makes what gives less than `DSP_BITS` bits of LUTs."""
        if not self.scales:
            return 0
        accs = _sizes(self.acc_shape, self.acc_starts)
        factors = _sizes(self.factor_shape, self.factor_starts)
        return self.lanes * sum(min(a, f) > 1 and a + f >= DSP_BITS for a in accs for f in factors)

    def mapped(self) -> Iterator[MappedMemory]:
        yield from super().mapped()
        for table in self.tables:
            if table is not None:
                yield table_of(table.bits, table.displacements, self.target)
                yield table_of(table.acc_bits + table.beat_bits + table.by_bits, table.words, self.target)

    def _tables(self, exceptions: Sequence[tuple[int, int, int]]) -> list[ExceptionTable | None]:
        """Return the exceptions of each lane."""
        entries: list[list[tuple[int, int, int]]] = [[] for _ in range(self.lanes)]
        mask = (1 << self.acc_shape.width) - 1
        for neuron, acc, by in exceptions:
            if not 0 <= neuron < self.lanes * self.beats:
                raise ValueError(f"Exceptions must be of neurons 0 to {self.lanes * self.beats - 1}, not {neuron!r}")
            entries[neuron % self.lanes].append((neuron // self.lanes, acc & mask, by))
        return [ExceptionTable.of(lane, self.beats, self.acc_shape.width) if lane else None for lane in entries]

    def _starts(self) -> tuple[list[int], list[int]]:
        """Return where parts begin: with the wider port for either operand, or for none, whatever gives the fewest."""
        narrow, wide = self.PART_BITS, self.target.multiplier_port - 1
        ways = [
            (_starts_of(self.acc_shape, acc), _starts_of(self.factor_shape, factor))
            for acc, factor in ((narrow, narrow), (narrow, wide), (wide, narrow))
        ]
        return min(ways, key=lambda way: len(way[0]) * len(way[1]))


def _starts_of(shape: IntShape, bits: int) -> list[int]:
    """Return the first bit of every part of an operand, of ``bits`` without sign; the last part has the sign."""
    starts = [0]
    while shape.width - starts[-1] > bits + shape.signed:
        starts.append(starts[-1] + bits)
    return starts


def _sizes(shape: IntShape, starts: list[int]) -> list[int]:
    """Return the bits of every part of an operand."""
    return [end - start for start, end in zip(starts, [*starts[1:], shape.width], strict=True)]
