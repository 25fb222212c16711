"""The input side of a matrix-vector unit: each vector is read once and replayed for every group of neurons."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.buffers import ram_attributes
from fewbit.hw.streams import at_least, code_stream, counter

from .layout import MEMORY_LATENCY

__all__ = ["Replay"]


class Replay(wiring.Component):
    """Steps of a matrix-vector product: vectors of ``steps`` beats, each vector presented ``rows`` times.

    The next vector is written while the last is replayed, so that steps follow each other without a gap whenever the
    input keeps up: one step a cycle. A row begins only when ``credit`` is high. With ``whole`` a row's steps come in
    consecutive cycles: it begins when its vector is complete. Latency one cycle from a beat to its first step's issue,
    ``LATENCY`` more to ``x``: as many as the weights take.

    Parameters
    ----------
    bits, lanes : int
        Bits of a code; codes of a beat.
    steps, rows : int
        Beats of a vector; times that it is replayed.
    vectors : int
        Vectors until the weights repeat.
    whole : bool
        Whether a row begins only when its vector is complete.
    ram : str or None
        The ``ram_style`` of its memory; None leaves it to synthesis.

    Raises
    ------
    ValueError
        If steps, rows or vectors are below 1.

    Members
    -------
    i : ``In(code_stream(bits, lanes))``
    credit : ``In(1)``
        Another row may begin in this cycle.
    begin : ``Out(1)``
        A row begins in this cycle.
    row_last : ``Out(1)``
        The row of this cycle is the vector's last one.
    address : ``Out(range(vectors * rows * steps))``
        Number of the step that is issued in this cycle, for the weight memories.
    row : ``Out(range(vectors * rows))``
    x : ``Out(code_stream.payload)``, valid, first, last : ``Out(1)``
        The step that was issued ``LATENCY`` cycles before.
    """

    LATENCY = MEMORY_LATENCY

    def __init__(
        self, *, bits: int, lanes: int, steps: int, rows: int, vectors: int = 1, whole: bool = False,
        ram: str | None = None,
    ):  # fmt: skip
        for name, value in ("Steps", steps), ("Rows", rows), ("Vectors", vectors):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self._bits, self._lanes, self._steps, self._rows, self._vectors = bits, lanes, steps, rows, vectors
        self.whole, self._ram = whole, ram
        self.direct = rows == 1 and not (whole and steps > 1)
        signature = code_stream(bits, lanes)
        super().__init__({
            "i": In(signature), "credit": In(1), "begin": Out(1), "row_last": Out(1),
            "address": Out(range(max(2, vectors * rows * steps))), "row": Out(range(max(2, vectors * rows))),
            "x": Out(signature.members["payload"].shape), "valid": Out(1), "first": Out(1), "last": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        issue, there, at_begin = Signal(), Signal(), Signal(init=1)
        step, step_last = counter(m, "step", self._steps, issue)
        row, row_last = counter(m, "row_count", self._rows, issue & step_last)
        address, _ = counter(m, "address_count", self._vectors * self._rows * self._steps, issue)
        number = row
        if self._vectors > 1:
            number, _ = counter(m, "row_number", self._vectors * self._rows, issue & step_last)
        m.d.comb += [
            issue.eq(there & (self.credit | ~at_begin)),
            self.begin.eq(issue & at_begin),
            self.row_last.eq(row_last), self.row.eq(number), self.address.eq(address),
        ]  # fmt: skip
        with m.If(issue):
            m.d.sync += at_begin.eq(step_last)
        issued, at_first, at_last = Signal(), Signal(), Signal()
        m.d.sync += [
            issued.eq(issue), at_first.eq(at_begin), at_last.eq(step_last),
            self.valid.eq(issued), self.first.eq(at_first), self.last.eq(at_last),
        ]  # fmt: skip
        # Two registers of their own: the member's would be reset, and the wire for that to every lane slows the clock.
        # Without `keep` Xilinx's synthesis makes shift registers of the two, LUTs instead of flip-flops.
        read = Signal(len(Value.cast(self.x)), reset_less=True, attrs={"keep": 1})
        x = Signal.like(read)
        if self.direct:
            m.d.comb += [there.eq(self.i.valid), self.i.ready.eq(issue)]
            m.d.sync += read.eq(Value.cast(self.i.p))
        else:
            self._buffered(m, issue, there, at_begin, step, step_last, row_last, read)
        m.d.sync += x.eq(read)
        m.d.comb += Value.cast(self.x).eq(x)
        return m

    def _buffered(self, m, issue, there, at_begin, step, step_last, row_last, out):
        depth = 2 * self._steps
        m.submodules.memory = memory = Memory(
            shape=self._bits * self._lanes, depth=depth, init=[], attrs=ram_attributes(self._ram)
        )  # fmt: skip
        write, read = memory.write_port(), memory.read_port()
        accept, release = Signal(), Signal()  # a beat is written, is read for the last time
        half, first_row = Signal(), Signal(init=1)  # which half of the memory holds the vector that is being replayed
        place, _ = counter(m, "place", depth, accept)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), release.eq(issue & row_last),
            self.i.ready.eq(at_least(m, "free", 1, most=depth, init=depth, change=release - accept)),
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            read.addr.eq(step + Mux(half, self._steps, 0)), read.en.eq(1),
            out.eq(read.data),
        ]  # fmt: skip
        # Beats that are there and have not been read once: the rows behind the first one find theirs.
        ahead = at_least(
            m, "ahead", self._steps if self.whole else 1, most=depth, init=0, change=accept - (issue & first_row)
        )
        m.d.comb += there.eq(~first_row | ahead | (~at_begin if self.whole else 0))
        with m.If(issue & step_last):
            m.d.sync += first_row.eq(row_last)
            with m.If(row_last):
                m.d.sync += half.eq(~half)
        return m
