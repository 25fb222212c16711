"""Cycles of float32 arithmetic, in plain Python: plans add them up."""

from collections.abc import Callable
from typing import TypeVar

from fewbit.hw.latency import Meeting

Term = TypeVar("Term")

__all__ = ["ADD", "BIAS", "MULTIPLY", "float_sum_time", "operands", "pairwise"]

ADD = 4  # cycles of an adder
MULTIPLY = 4  # cycles of a multiplier
# In `hw.float32.sums.FloatSumOfFour`: cycles from the first of four words to the bias that is added to their sum.
BIAS = 14


def pairwise(values: list[Term], combine: Callable[[Term, Term], Term]) -> Term:
    """Combine neighbours until one is left; an odd last one waits for the next round."""
    while len(values) > 1:
        pairs = [combine(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)]
        values = pairs + values[len(values) // 2 * 2 :]
    return values[0]


def operands(a: int, b: int) -> Meeting:
    """Return the `Meeting` of an adder's operands, "a" and "b", by the cycles in which they arrive."""
    return Meeting("a float32 adder", {"a": a, "b": b})


def float_sum_time(times: list[int]) -> int:
    """Return the cycle in which the pairwise sum of operands that arrive at ``times`` is ready."""
    return pairwise(times, lambda a, b: operands(a, b).latency + ADD)
