"""How a bit heap is compressed: a plan in plain Python.

Which counters, in which stage, where the registers are: all of it is known before anything is elaborated, so that a
parent can add up latencies in its constructor, and each back end builds the same plan from its own primitives.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Adder", "ColumnCounters", "CompressionPlan", "CompressionStage", "plan_compression"]


@dataclass(frozen=True)
class ColumnCounters:
    """``count`` parallel counters, each of which adds up ``inputs`` (3 or 6) bits of one column."""

    exponent: int
    inputs: int
    count: int

    @property
    def outputs(self) -> int:
        """Bits that each counter gives, one a column from ``exponent`` on."""
        return self.inputs.bit_length()


@dataclass(frozen=True)
class Adder:
    """A carry-propagate adder that takes ``rows[i]`` bits (1 or 2; 3 in the lowest) of column ``exponent + i``."""

    exponent: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class CompressionStage:
    """A stage of one LUT level: counters and adders work side by side, and all other bits pass.

    Attributes
    ----------
    counters : tuple of ColumnCounters
    adders : tuple of Adder
    luts : int
        About the six-input LUTs of the stage.
    heights : dict of int to int
        Bits that it leaves in each column, by exponent.
    registered : bool
        Whether a register follows.
    """

    counters: tuple[ColumnCounters, ...]
    adders: tuple[Adder, ...]
    luts: int
    heights: dict[int, int]
    registered: bool


@dataclass(frozen=True)
class CompressionPlan:
    """How a heap is compressed: ``stages`` from the column ``heights`` to a sum of ``width`` bits."""

    heights: dict[int, int]
    width: int
    stages: tuple[CompressionStage, ...]

    @property
    def latency(self) -> int:
        """Cycles from the heap's bits to their sum."""
        return sum(stage.registered for stage in self.stages)

    @property
    def luts(self) -> int:
        """About the six-input LUTs of all stages."""
        return sum(stage.luts for stage in self.stages)

    @property
    def flip_flops(self) -> int:
        """Flip-flops behind all registered stages."""
        return sum(sum(stage.heights.values()) for stage in self.stages if stage.registered)


def plan_compression(heights: Mapping[int, int], *, fan_in: int = 1, levels: int = 1) -> CompressionPlan:
    """Return the cheapest plan that sums a heap with the given column heights.

    A 6:3 counter takes three six-input LUTs to remove three bits, a full adder two to remove one, a carry chain one
    a bit. So full adders are for the first stage alone, where three products of two signals fill the six inputs, then
    come 6:3 counters, and short carry chains finish. Where to change over is tried out.

    Parameters
    ----------
    heights : dict of int to int
        How many bits each exponent has.
    fan_in : int
        Signals that one bit of the heap depends on: its logic shares the LUTs of the first stage.
    levels : int
        LUT levels between registers. The last level is always registered, so the latency is ``ceil(stages / levels)``.

    Raises
    ------
    ValueError
        If the heap has no bit or a negative exponent, or fan-in or levels are below 1.
    """
    heights = {e: heights[e] for e in sorted(heights) if heights[e]}
    if not heights or min(heights) < 0:
        raise ValueError(f"Heights must have at least one bit and no negative exponent, not {heights!r}")
    for name, value in ("Fan-in", fan_in), ("Levels", levels):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    plans = [_plan(heights, fan_in, levels, limit) for limit in (2, 5, 8, 12)]
    return min(plans, key=lambda plan: 2 * plan.luts + plan.flip_flops)  # a slice has two flip-flops a LUT


def _plan(heights, fan_in, levels, limit):
    width = sum(h << e for e, h in heights.items()).bit_length()
    current, stages = heights, []
    while not stages or max(current.values()) > 1:
        inputs = fan_in if not stages else 1
        counters, adders = _stage(current, inputs, limit)
        after, luts = _outcome(current, counters, adders, inputs, width)
        stages.append((counters, adders, luts, after))
        current = after
    count = len(stages)
    return CompressionPlan(
        heights,
        width,
        tuple(
            CompressionStage(*stage, registered=(n + 1) % levels == 0 or n + 1 == count)
            for n, stage in enumerate(stages)
        ),
    )


def _stage(heights, fan_in, limit):
    """Return the counters and adders of the next stage."""
    tallest = max(heights.values())
    if tallest <= (limit if fan_in == 1 else 2):
        return (), _adders(heights)
    size = {1: 6, 2: 3}.get(fan_in)
    if size is None:  # the products fill their LUTs
        return (), ()
    counters = tuple(ColumnCounters(e, size, h // size) for e, h in heights.items() if h >= size)
    return counters, () if counters or fan_in > 1 else _adders(heights)


def _adders(heights):
    """Return adders over pairs of rows, until no column has two bits left."""
    left, adders = Counter(heights), []
    while any(h > 1 for h in left.values()):
        exponent = min(e for e in left if left[e] > 1)
        rows = [min(left[exponent], 3)]  # the third is the carry in
        while left[exponent + len(rows)]:
            rows.append(min(left[exponent + len(rows)], 2))
        for index, taken in enumerate(rows):
            left[exponent + index] -= taken
        adders.append(Adder(exponent, tuple(rows)))
    return tuple(adders)


def _outcome(heights, counters, adders, fan_in, width):
    """Return the column heights after a stage, and its LUTs. A column beyond ``width`` would always be zero."""
    after, luts = Counter(heights), 0
    for group in counters:
        after[group.exponent] -= group.inputs * group.count
    for adder in adders:
        after.subtract({adder.exponent + index: taken for index, taken in enumerate(adder.rows)})
        luts += len(adder.rows)
    luts += sum(after.values()) if fan_in > 1 else 0  # bits that only pass still need their product
    for group in counters:
        after.update({e: group.count for e in range(group.exponent, group.exponent + group.outputs)})
        luts += group.outputs * group.count
    for adder in adders:
        after.update(range(adder.exponent, adder.exponent + len(adder.rows) + 1))
    return {e: after[e] for e in sorted(after) if after[e] and e < width}, luts
