"""Joins of two branches: a function of a code of each, channel by channel."""

from collections.abc import Sequence

import numpy as np
from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.loadable import LoadableUnit
from fewbit.hw.memory.rom import Rom
from fewbit.hw.plan import component_of
from fewbit.hw.streams import OutputFifo, code_stream

from .join_plan import JoinPlan, is_one_number, words_of_beats

__all__ = ["Join", "LoadableJoin", "numbers_of_beat"]


class Join(wiring.Component):
    """A join: ``o`` is a function of ``i0`` and ``i1``, channel by channel.

    Its pipeline runs freely and is entered by credit.

    Latency ``plan.latency + 1``, throughput one beat a cycle.

    Members
    -------
    i0, i1 : ``In(code_stream(bits of the input, lanes))``
    o : ``Out(code_stream(bits, lanes))``
    """

    def __init__(self, plan: JoinPlan, **more: wiring.Member):
        self.plan = plan
        super().__init__(
            {f"i{k}": In(code_stream(f.bits, plan.lanes)) for k, f in enumerate(plan.formats)}
            | {"o": Out(code_stream(plan.format.bits, plan.lanes))}
            | more
        )

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        fifo = OutputFifo(m, self.o, depth=p.depth)
        accept, valid = Signal(), Signal(p.latency)
        m.d.comb += [
            accept.eq(self.i0.valid & self.i1.valid & fifo.room(1, taken=accept)),
            self.i0.ready.eq(accept), self.i1.ready.eq(accept),
            *fifo.write(valid[-1]),
        ]  # fmt: skip
        m.d.sync += valid.eq((valid << 1) | accept)
        results = self._results(m, accept)
        m.d.comb += [fifo.data[k * p.format.bits : (k + 1) * p.format.bits].eq(y) for k, y in enumerate(results)]
        return m

    def _results(self, m, accept):
        """Return the results of the lanes."""
        return self.plan.function.make().results(m, self.i0.p, self.i1.p, accept)


class LoadableJoin(LoadableUnit, Join):
    """A `Join` whose function has loadable memories: its ``loaded`` takes what makes them, besides what ``results``
    takes.

    Members
    -------
    i0, i1, o : as of `Join`
    load, load_on : as of `hw.memory.loadable.LoadableUnit`
    """

    def __init__(self, plan: JoinPlan):
        super().__init__(plan, **self.LOADING)

    def _results(self, m, accept):
        return self.plan.function.make().loaded(
            m, self.i0.p, self.i1.p, accept, lambda name: self.loadable_memory(m, name)
        )


def numbers_of_beat(m: Module, name: str, beat: Signal, numbers: np.ndarray, lanes: int) -> Sequence:
    """Return the numbers of a beat's channels, by lane, one cycle after the number of the ``beat``.

    ``numbers`` are one a channel; equal ones are a constant.
    """
    if is_one_number(numbers):
        return [Const(int(numbers[0]))] * lanes
    width, words = words_of_beats(numbers, lanes)
    bits = width // lanes
    m.submodules[name] = rom = Rom(width=width, words=words)
    m.d.comb += rom.address.eq(beat)
    return [rom.data[k * bits : (k + 1) * bits].as_signed() for k in range(lanes)]


@component_of(JoinPlan)
def _(plan):
    """Make a `Join`, or one whose memories are written, if its function has such."""
    return LoadableJoin(plan) if plan.memories else Join(plan)
