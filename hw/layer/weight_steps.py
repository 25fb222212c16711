"""The input side of a layer whose weights come as a stream: a step is codes and weights together."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.streams import code_stream, counter

from .external import ExternalPlan
from .layout import MEMORY_LATENCY
from .matrix_vector_unit import MatrixVectorUnit

__all__ = ["ExternalUnit", "WeightSteps"]


class WeightSteps(wiring.Component):
    """Steps of a matrix-vector product whose codes and weights are both streams.

    A step is issued when both are there, and the first one of a row only when ``credit`` is high. One step a cycle;
    ``LATENCY`` cycles from its issue to ``x`` and ``w``.

    Parameters
    ----------
    bits, lanes : int
        Bits of a code; codes of a beat.
    width : int
        Bits of all weights of a step.
    steps, rows, tile : int
        Steps of a row; rows; vectors for each of which a row comes before the next one.

    Raises
    ------
    ValueError
        If steps, rows or tile are below 1.

    Members
    -------
    i : ``In(code_stream(bits, lanes))``, weights : ``In(code_stream(width, 1))``
    credit, begin, row_last, row, x, valid, first, last : as of `hw.layer.replay.Replay`
    w : ``Out(width)``
        Weights of the step of ``x``.
    """

    LATENCY = MEMORY_LATENCY

    def __init__(self, *, bits: int, lanes: int, width: int, steps: int, rows: int, tile: int = 1):
        for name, value in ("Steps", steps), ("Rows", rows), ("Tile", tile):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self._steps, self._rows, self._tile = steps, rows, tile
        signature = code_stream(bits, lanes)
        super().__init__({
            "i": In(signature), "weights": In(code_stream(width, 1)), "credit": In(1), "begin": Out(1),
            "row_last": Out(1), "row": Out(range(max(2, rows))),
            "x": Out(signature.members["payload"].shape), "w": Out(width),
            "valid": Out(1), "first": Out(1), "last": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        issue, at_begin = Signal(), Signal(init=1)
        _, step_last = counter(m, "step", self._steps, issue)
        _, tile_last = counter(m, "vector", self._tile, issue & step_last)
        row, row_last = counter(m, "row_count", self._rows, issue & step_last & tile_last)
        m.d.comb += [
            issue.eq(self.i.valid & self.weights.valid & (self.credit | ~at_begin)),
            self.i.ready.eq(issue), self.weights.ready.eq(issue),
            self.begin.eq(issue & at_begin), self.row_last.eq(row_last), self.row.eq(row),
        ]  # fmt: skip
        with m.If(issue):
            m.d.sync += at_begin.eq(step_last)
        flags = [(issue, self.valid), (at_begin, self.first), (step_last, self.last)]
        for k, (now, out) in enumerate(flags):
            between = Signal(name=f"flag{k}")
            m.d.sync += [between.eq(now), out.eq(between)]
        for name, now, out in (("x", self.i.p, self.x), ("w", self.weights.p, self.w)):
            # Without a reset, whose wire would go to every lane; nor a shift register, LUTs instead of flip-flops.
            read = Signal(len(Value.cast(out)), name=f"{name}_read", reset_less=True, attrs={"keep": 1})
            late = Signal.like(read, name=f"{name}_late")
            m.d.sync += [read.eq(Value.cast(now)), late.eq(read)]
            m.d.comb += Value.cast(out).eq(late)
        return m


@component_of(ExternalPlan)
class ExternalUnit(MatrixVectorUnit):
    """A `MatrixVectorUnit` whose weights are a stream too.

    Parameters
    ----------
    plan : hw.layer.external.ExternalPlan

    Members
    -------
    i0 : ``In(code_stream(x bits, plan.lanes_in))``
        Row by row: the vectors of a tile once for each row of neurons.
    i1 : ``In(code_stream(plan.channel.width, 1))``
        The weights of each step.
    o : ``Out(code_stream(y bits, plan.lanes))``
        ``plan.row_beats`` beats for each row of each vector, in the same order; of a tile of one, only those that are
        not padding.
    """

    def __init__(self, plan: ExternalPlan):
        self.plan = plan
        wiring.Component.__init__(self, {
            "i0": In(code_stream(plan.x_format.bits, plan.lanes_in)), "i1": In(code_stream(plan.channel.width, 1)),
            "o": Out(code_stream(plan.out_bits, plan.lanes)),
        })  # fmt: skip

    @property
    def _codes(self):
        return self.i0

    def _front(self):
        p = self.plan
        return WeightSteps(
            bits=p.numbers.lane_format.bits, lanes=p.lanes_in, width=p.channel.width, steps=p.steps, rows=p.rows,
            tile=p.tile,
        )  # fmt: skip

    def _weights(self, m, replay, array):
        wiring.connect(m, wiring.flipped(self.i1), replay.weights)
        row = Signal.like(replay.row)
        m.d.comb += row.eq(replay.row)
        m.submodules.init = init = self._memory(m, "init", self.plan.starts)
        m.d.comb += [
            init.address.eq(row), Value.cast(array.w).eq(replay.w), Value.cast(array.init).eq(init.data),
        ]  # fmt: skip
