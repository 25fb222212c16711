"""The index of the largest value of a vector."""

from amaranth.hdl import Module, Mux, Shape, Signal

from fewbit.hw.codes import code_shape
from fewbit.hw.plan import component_of
from fewbit.hw.streams import StreamUnit, counter

from .argmax_plan import ArgMaxPlan
from .comparison import greater

__all__ = ["ArgMax"]


@component_of(ArgMaxPlan)
class ArgMax(StreamUnit):
    """A unit that gives the index of the largest value of a vector, the first of equals, in one beat.

    Values are unsigned, two's complement or float32 (no NaN). Latency one cycle from a vector's last beat; a beat a
    cycle, without a gap between vectors as long as the output is taken.

    Members
    -------
    i : ``In(code_stream(x bits, lanes))``
    o : ``Out(code_stream(y bits, 1))``
    """

    def __init__(self, plan: ArgMaxPlan):
        super().__init__(plan, i=(plan.x_format.bits, plan.lanes_in), o=(plan.format.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept = Signal()
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), accept.eq(self.i.valid & self.i.ready)]
        beat, last = counter(m, "beat", p.beats_in, accept)
        index_shape = Shape.cast(range(max(2, p.beats_in * p.lanes_in)))
        best, best_at = Signal(self._shape), Signal(index_shape)
        # A tournament of the beat's lanes and the best so far; on equality the left one, the earlier, wins.
        entries = [(best, best_at, beat != 0)]
        for k in range(p.lanes_in):
            there = 1 if (p.beats_in - 1) * p.lanes_in + k < p.length else ~last
            entries.append((self._value(m, k), beat * p.lanes_in + k, there))
        while len(entries) > 1:
            pairs = [self._better(m, *entries[i : i + 2]) for i in range(0, len(entries) - 1, 2)]
            entries = pairs + entries[2 * len(pairs) :]
        value, at, _ = entries[0]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(accept):
            m.d.sync += [best.eq(value), best_at.eq(at)]
            with m.If(last):
                m.d.sync += [self.o.p[0].eq(at), self.o.valid.eq(1)]
        return m

    @property
    def _shape(self):
        return code_shape(self.plan.x_format)

    def _value(self, m, k):
        value = Signal(self._shape, name=f"value{k}")
        m.d.comb += value.eq(self.i.p[k])
        return value

    def _better(self, m, a, b):
        larger = greater(self.plan.x_format, b[0], a[0])
        right = Signal()
        places = 2 * max(2, self.plan.beats_in * self.plan.lanes_in)
        value, at, there = Signal(self._shape), Signal(range(places)), Signal()
        m.d.comb += [
            right.eq(b[2] & (~a[2] | larger) if not isinstance(a[2], int) else b[2] & larger),
            value.eq(Mux(right, b[0], a[0])), at.eq(Mux(right, b[1], a[1])), there.eq(a[2] | b[2]),
        ]  # fmt: skip
        return value, at, there
