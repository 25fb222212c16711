"""Functions of single codes in a stream: what stands in front of the first dense layer, say."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from fewbit.hw.memory.loadable import LoadableUnit
from fewbit.hw.plan import component_of
from fewbit.hw.streams import OutputFifo, StreamUnit

from .pointwise_plan import PointwisePlan

__all__ = ["LoadablePointwise", "Pointwise"]


class Pointwise(StreamUnit):
    """A unit that applies a function to each code of a stream, by a free-running pipeline that is entered by credit.

    Latency ``plan.latency + 1``, throughput one beat a cycle.

    Members
    -------
    i : ``In(code_stream(x bits, lanes))``
    o : ``Out(code_stream(y bits, lanes))``
    """

    def __init__(self, plan: PointwisePlan, **more: wiring.Member):
        super().__init__(plan, i=(plan.x_format.bits, plan.lanes), o=(plan.format.bits, plan.lanes), **more)

    def _function(self, m):
        """Return the hardware of the function."""
        return self.plan.function.make()

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.function = function = self._function(m)
        fifo = OutputFifo(m, self.o, depth=p.depth)
        accept = Signal()
        m.d.comb += [
            self.i.ready.eq(fifo.room(1, taken=accept)), accept.eq(self.i.valid & self.i.ready),
            function.i_valid.eq(accept),
            *(function.i[k].eq(self.i.p[k] ^ p.flip) for k in range(p.lanes)),
            fifo.data.eq(function.o), *fifo.write(function.o_valid),
        ]  # fmt: skip
        return m


class LoadablePointwise(LoadableUnit, Pointwise):
    """A `Pointwise` unit whose function has loadable memories.

    Members
    -------
    i, o : as of `Pointwise`
    load, load_on : as of `hw.memory.loadable.LoadableUnit`
    """

    def __init__(self, plan: PointwisePlan):
        super().__init__(plan, **self.LOADING)

    def _function(self, m):
        function = super()._function(m)
        self.connect_part(m, function.writes, "function.")
        return function


@component_of(PointwisePlan)
def _(plan):
    """Make a `Pointwise` unit, or one whose memories are written, if its function has such."""
    return LoadablePointwise(plan) if plan.memories else Pointwise(plan)
