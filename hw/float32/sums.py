"""Sums of several float32 values: a tree of adders for all at once, one adder for four in a row."""

from collections.abc import Sequence

from amaranth.hdl import Module, Value
from amaranth.lib.wiring import In, Out

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.shared import SharedComponent

from .timing import BIAS, operands, pairwise
from .units import FloatAdd, pipe

__all__ = ["FloatSumOfFour", "float_sum"]


def float_sum(m: Module, values: Sequence[Value], times: Sequence[int]) -> Value:
    """Return the pairwise sum of ``values`` that arrive at ``times``, ready at `hw.float32.timing.float_sum_time` of
    them.
    """

    def combine(a, b):
        (a, time_a), (b, time_b) = a, b
        m.submodules += (adder := FloatAdd())
        met = operands(time_a, time_b)
        m.d.comb += [adder.a.eq(pipe(m, a, met.wait("a"))), adder.b.eq(pipe(m, b, met.wait("b")))]
        return adder.o, met.latency + FloatAdd.LATENCY

    return pairwise(list(zip(values, times, strict=True)), combine)[0]


class FloatSumOfFour(SharedComponent):
    """``o = ((a + b) + (c + d)) + bias`` of four words in consecutive cycles, with one adder.

    Groups of four follow each other every four cycles or after a pause. The adder takes a + b, c + d, then the two
    sums, then the bias, each when what it needs has left the adder; it is busy in every cycle. So a pause must be
    ``BIAS - 3`` cycles or longer: what starts at another multiple of four would meet the last group on its way.

    Members
    -------
    word : ``In(32)``
    count : ``In(2)``
        Number of the word in its group. It must run on during a pause until the last group has left.
    bias : ``In(32)``
        Presented ``BIAS`` cycles after the first word of its group.
    o : ``Out(32)``
        The sum, ``LATENCY`` cycles after the first word.
    """

    BIAS = BIAS
    LATENCY = BIAS + FloatAdd.LATENCY

    def __init__(self) -> None:
        super().__init__({"word": In(32), "count": In(2), "bias": In(32), "o": Out(32)})

    @property
    def definition(self) -> ModuleDefinition:
        return ModuleDefinition.of("float_sum_of_four", "", latency=self.LATENCY)

    def circuit(self) -> Module:
        m = Module()
        m.submodules.adder = adder = FloatAdd()
        previous = pipe(m, self.word)
        after = [adder.o]
        for _ in range(3):
            after.append(pipe(m, after[-1]))
        with m.Switch(self.count):
            with m.Case(1, 3):
                m.d.comb += [adder.a.eq(previous), adder.b.eq(self.word)]
            with m.Case(0):
                m.d.comb += [adder.a.eq(after[3]), adder.b.eq(after[1])]
            with m.Case(2):
                m.d.comb += [adder.a.eq(after[2]), adder.b.eq(self.bias)]
        m.d.comb += self.o.eq(adder.o)
        return m
