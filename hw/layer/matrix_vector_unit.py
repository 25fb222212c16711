"""The matrix-vector unit: one dense layer, from a stream of codes to a stream of codes."""

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring

from fewbit.hw.memory.rom import Rom
from fewbit.hw.streams import OutputFifo, StreamUnit, counter

from .plan import LayerPlan
from .replay import Replay

__all__ = ["MatrixVectorUnit"]


class MatrixVectorUnit(StreamUnit):
    """``y = activation(weights @ x)`` for a stream of vectors, ``pe`` neurons by ``simd`` inputs a cycle.

    The array and the activation run freely; a row enters only when the output FIFO has room for what it will give, so
    no enable reaches them. A vector takes ``plan.steps * plan.rows`` cycles and the next one follows without a gap.

    Parameters
    ----------
    plan : hw.layer.plan.LayerPlan

    Members
    -------
    i : ``In(code_stream(x bits, plan.lanes_in))``
        Padded lanes are zero codes.
    o : ``Out(code_stream(y bits, plan.lanes))``
        ``plan.beats_out`` beats a vector; padded lanes hold anything.
    """

    def __init__(self, plan: LayerPlan, **more: wiring.Member):
        super().__init__(plan, i=(plan.x_format.bits, plan.lanes_in), o=(plan.out_bits, plan.lanes), **more)

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.replay = replay = self._front()
        self._enter(m, replay)
        m.submodules.array = array = p.array.make()
        m.d.comb += [
            array.x.eq(replay.x), array.valid.eq(replay.valid),
            array.first.eq(replay.first), array.last.eq(replay.last),
        ]  # fmt: skip
        if not p.numbers.constant:
            self._weights(m, replay, array)

        sums = array
        if p.combine is not None:
            m.submodules.combine = sums = p.combine.make()
            m.d.comb += [Value.cast(sums.i).eq(array.o), sums.i_valid.eq(array.o_valid)]
        m.submodules.activation = act = self._activation(m)
        m.d.comb += [Value.cast(act.i).eq(sums.o), act.i_valid.eq(sums.o_valid)]

        fifo = OutputFifo(m, self.o, depth=p.depth)
        beat, _ = counter(m, "beat_out", p.rows * p.row_beats, act.o_valid)
        m.d.comb += [fifo.data.eq(act.o), *fifo.write(act.o_valid & (beat < p.beats_out))]
        takes = Mux(replay.row_last, p.last_row_beats, p.row_beats)
        m.d.comb += replay.credit.eq(fifo.room(p.row_beats, taken=Mux(replay.begin, takes, 0)))
        return m

    @property
    def _codes(self):
        """The stream of codes."""
        return self.i

    def _front(self):
        """Return what gives the array its steps."""
        p = self.plan
        return Replay(
            bits=p.numbers.lane_format.bits,
            lanes=p.lanes_in,
            steps=p.steps,
            rows=p.rows,
            vectors=p.vectors,
            whole=p.whole,
            ram=p.ram,
        )

    def _activation(self, m):
        """Return what makes codes of accumulators."""
        return self.plan.activation.make()

    def _enter(self, m, replay):
        """Connect the input: codes of levels become the integers, or the signs, that the array takes."""
        table, codes = self.plan.numbers.x_table, self._codes
        if table is None:
            wiring.connect(m, wiring.flipped(codes), replay.i)
            return
        words = Array(Const(word, self.plan.numbers.lane_format.bits) for word in table)
        m.d.comb += [replay.i.valid.eq(codes.valid), codes.ready.eq(replay.i.ready)]
        m.d.comb += [replay.i.p[k].eq(words[code]) for k, code in enumerate(codes.p)]

    def _weights(self, m, replay, array):
        """Connect the memories of weights, and of what accumulators start with, to the array."""
        p = self.plan
        row = Signal.like(replay.row)
        m.d.comb += row.eq(replay.row)
        m.submodules.weights = weights = self._memory(m, "weights", p.weights)
        m.submodules.init = init = self._memory(m, "init", p.starts)
        m.d.comb += [
            weights.address.eq(replay.address), init.address.eq(row),
            Value.cast(array.w).eq(weights.data), Value.cast(array.init).eq(init.data),
        ]  # fmt: skip

    def _memory(self, m, name, contents):
        """Return a memory that is read while `Replay` reads the codes of a step."""
        return Rom.of(contents, self.plan.target)
