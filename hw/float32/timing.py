"""Cycles of float32 arithmetic, in plain Python: plans add them up."""

from fewbit.hw.latency import Meeting

__all__ = ["ADD", "BIAS", "MULTIPLY", "float_sum_time", "operands", "pairwise"]

ADD = 4  # of an adder
MULTIPLY = 4  # of a multiplier
BIAS = 14  # from the first of four words to the bias that is added to their sum, in `hw.float32.sums.FloatSumOfFour`


def pairwise(values, combine):
    """Combine neighbours until one is left; an odd last one waits for the next round."""
    while len(values) > 1:
        pairs = [combine(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)]
        values = pairs + values[len(values) // 2 * 2 :]
    return values[0]


def operands(a, b):
    """Return the `Meeting` of an adder's operands, "a" and "b", by the cycles in which they arrive."""
    return Meeting("a float32 adder", {"a": a, "b": b})


def float_sum_time(times):
    """Return the cycle in which the pairwise sum of operands that arrive at ``times`` is ready."""
    return pairwise(times, lambda a, b: operands(a, b).latency + ADD)
