"""The numbers of the float32 baseline's array, before there is any hardware."""

from fewbit.hw.float32.timing import ADD, BIAS, MULTIPLY, float_sum_time

from .array_plan import ArrayPlan

__all__ = ["FloatArrayPlan"]


class FloatArrayPlan(ArrayPlan):
    """An array of float32 products.

    The ``min(steps, ADD)`` partial sums of a processing element (PE) are captured at the end of a row. Where rows are
    long enough (``4 * pe + 11`` steps), one adder then sums them and the bias, in four cycles a PE. Otherwise
    ``reducers`` adder trees, the fewest that keep up, take one PE each per cycle.

    Parameters
    ----------
    pe, simd, steps, lanes, groups : as of `hw.arrays.array_plan.ArrayPlan`
    dsp : bool
        Whether multipliers take DSPs.

    Attributes
    ----------
    accumulates : bool
        Whether a PE adds the sums of its steps; else each is a partial sum.
    sum_latency, partial_latency : int
        Cycles from operands to the sum of their products, and to the partial sum that includes it.
    partials : int
        Partial sums of a row.
    serial : bool
        Whether one adder sums the partials of all PEs.
    reducers, interval : int
        Adders, or trees, for partial sums; cycles from a PE to the next one of an adder.
    end, selected, biased, result, read : int, or list of them
        Cycles after ``last`` was presented, each for the first PE of a reducer: when its first partial sum leaves it,
        when the partial sums are there, when the bias is added, when the result is there and when it is read.
    reorders : bool
        Whether results wait in registers until they are read.
    """

    def __init__(self, *, dsp: bool = True, **folding: int):
        super().__init__(**folding)
        pe, steps = self.pe, self.steps
        self.dsp, self.accumulates = dsp, steps > ADD
        self.sum_latency = float_sum_time([MULTIPLY] * self.simd)
        self.partial_latency = self.sum_latency + ADD * self.accumulates
        self.reducers = next(n for n in range(1, pe + 1) if pe % n == 0 and pe // n <= steps)
        self.partials = min(steps, ADD)
        self.end = self.partial_latency - self.partials + 1
        self.selected = [self.end + 2 + i for i in range(self.partials)]
        # The last addition of a row, of the bias of the last PE, must precede the first word of the next row.
        self.serial = 4 * (pe - 1) + BIAS < steps
        self.interval = 4 if self.serial else 1
        self.biased = self.selected[0] + BIAS if self.serial else float_sum_time(self.selected)
        self.result = self.biased + ADD
        # Reducers fill, and lanes empty, a register per PE: the last one filled must not be read too early.
        wait = max(p // self.reducers * self.interval - p // self.lanes for p in range(pe))
        self.read = self.result + 1 + wait
        self.reorders = self.reducers != self.lanes or (self.serial and pe > 1)

    @property
    def latency(self) -> int:
        return self.read + 1 if self.reorders else self.result

    @property
    def dsps(self) -> int:
        """DSPs that it takes: two for a multiplier."""
        return 2 * self.pe * self.simd if self.dsp else 0
