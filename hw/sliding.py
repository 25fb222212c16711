"""The patches of a convolution or a pool, from an image that streams in: the line buffer."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .slidingplan import SlidingPlan
from .streams import code_stream, counter

__all__ = ["SlidingPlan", "SlidingWindow", "looked_up"]


class SlidingWindow(wiring.Component):
    """Windows of images, one tap a beat: for each output pixel, block, tap row, tap column and chunk, ``lanes`` codes.

    The image is written into a ring of ``plan.depth`` words; what no window will read any more is overwritten, so rows
    of one window, and frames, overlap. Taps outside the image are ``plan.pad_code``. Latency 2 cycles from the last
    pixel of a window to its first beat; throughput one beat a cycle, in and out.

    Members
    -------
    i : ``In(code_stream(bits, plan.lanes_in))``
        Pixels row by row, channels innermost.
    o : ``Out(code_stream(out_bits, plan.lanes_out))``
    """

    def __init__(self, plan):
        self.plan = plan
        super().__init__({
            "i": In(code_stream(plan.bits, plan.lanes_in)), "o": Out(code_stream(plan.out_bits, plan.lanes_out)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.memory = memory = Memory(shape=p.bits * p.lanes, depth=p.depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        accept, issue, full = Signal(), Signal(), Signal()
        place, _ = counter(m, "place", p.depth, accept)
        loops = self._loops(m, issue)
        first, done = Signal(), Signal()
        m.d.comb += [
            first.eq((loops["chunk"] == 0) & (loops["kx"] == 0) & (loops["ky"] == 0) & (loops["block"] == 0)),
            done.eq(issue & loops["pixel_last"]),
        ]  # fmt: skip
        there = self._there(m, accept, done, loops)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), self.i.ready.eq(self._room(m, accept, done, loops)),
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            issue.eq((there | ~first) & (~full | self.o.ready)),
            read.addr.eq(self._address(m, issue, loops)), read.en.eq(issue),
            self.o.valid.eq(full),
        ]  # fmt: skip
        with m.If(issue):
            m.d.sync += full.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        pad = Signal()
        with m.If(issue):
            m.d.sync += pad.eq(self._outside(m, issue, loops))
        for k in range(p.lanes):
            code = read.data[k * p.bits : (k + 1) * p.bits]
            if p.recode is not None:
                code = Array(Const(c, p.out_bits) for c in p.recode)[code]
            m.d.comb += self.o.p[k].eq(Mux(pad, p.pad_code, code) if p.padded else code)
        return m

    def _loops(self, m, issue):
        """Counters of all loops, innermost first, and where each of them ends."""
        p, loops, enable = self.plan, {}, issue
        sizes = {"chunk": p.chunks, "kx": p.window.kernel[1], "ky": p.window.kernel[0], "block": p.blocks,
                 "ox": p.window.out_size[1], "oy": p.window.out_size[0]}  # fmt: skip
        ends = []
        for name, size in sizes.items():
            if name == "ox":
                loops["pixel_last"] = all_of(m, "pixel_last", ends)
                enable = issue & loops["pixel_last"]
                ends = []
            loops[name], loops[f"{name}_last"] = counter(m, name, size, enable)
            ends.append(loops[f"{name}_last"])
            enable = enable & loops[f"{name}_last"]
        return loops

    def _there(self, m, accept, done, loops):
        """Whether all words of the output pixel's window have been written.

        ``have`` counts the words that have been written of the frame that is being read, and of those behind it.
        """
        p = self.plan
        frame = p.words_frame
        have, need = Signal(range(-frame, 2 * frame + p.depth + 1)), Signal(range(-1, frame + 1))
        m.d.comb += need.eq(looked_up(m, "need_row", loops["oy"], p.need_row)
                            + looked_up(m, "need_column", loops["ox"], p.need_column))  # fmt: skip
        there = Signal()
        over = done & loops["ox_last"] & loops["oy_last"]
        m.d.comb += there.eq(have >= need)
        m.d.sync += have.eq(have + accept - Mux(over, frame, 0))
        return there

    def _room(self, m, accept, done, loops):
        """Whether a word may be written. Whenever an output pixel is done, what only it still needed becomes free."""
        p = self.plan
        room = Signal(range(p.depth + p.words_frame + 1), init=p.depth)
        inside = looked_up(m, "free_row", loops["oy"], p.free_row)
        freed = Mux(
            loops["ox_last"],
            inside,
            Mux(
                looked_up(m, "advances", loops["oy"], p.advances),
                looked_up(m, "free_column", loops["ox"], p.free_column),
                0,
            ),
        )
        m.d.sync += room.eq(room - accept + Mux(done, freed, 0))
        return room != 0

    def _address(self, m, issue, loops):
        """Where the tap lies in the ring: a pointer for each loop whose start must be returned to."""
        p = self.plan
        line, pixel, block, row, at = (_Pointer(m, n, p) for n in ("line", "pixel_at", "block_at", "row_at", "at"))
        with m.If(issue):
            with m.If(~loops["chunk_last"]):
                at.set(at.plus(1))
            with m.Elif(~loops["kx_last"]):
                at.set(at.plus(p.step_x - (p.chunks - 1)))
            with m.Elif(~loops["ky_last"]):
                _all([row, at], row.plus(p.step_y))
            with m.Elif(~loops["block_last"]):
                _all([block, row, at], block.plus(p.chunks))
            with m.Elif(~loops["ox_last"]):
                _all([pixel, block, row, at], pixel.plus(p.stride_x))
            with m.Elif(~loops["oy_last"]):
                _all([line, pixel, block, row, at], line.plus(p.stride_y))
            with m.Else():
                _all([line, pixel, block, row, at], line.plus(p.next_frame))
        return at.value

    def _outside(self, m, issue, loops):
        """Whether the tap lies outside the image."""
        p = self.plan
        if not p.padded:
            return Const(0)
        outside = []
        for axis, (out, tap) in enumerate((("oy", "ky"), ("ox", "kx"))):
            size, pad = p.window.size[axis], p.window.pads[axis]
            stride, dilation = p.window.stride[axis], p.window.dilation[axis]
            lists = [n * stride - pad for n in range(p.window.out_size[axis])]
            taps = [n * dilation for n in range(p.window.kernel[axis])]
            start, offset = (
                looked_up(m, f"start{axis}", loops[out], lists),
                looked_up(m, f"tap{axis}", loops[tap], taps),
            )
            position = Signal(range(min(lists) - 1, max(lists) + max(taps) + 2), name=f"position{axis}")
            m.d.comb += position.eq(start + offset)
            outside.append((position < 0) | (position >= size))
        return outside[0] | outside[1]


def all_of(m, name, conditions):
    """A signal that is high where all conditions are."""
    signal = Signal(name=name)
    value = Const(1)
    for condition in conditions:
        value = value & condition
    m.d.comb += signal.eq(value)
    return signal


def looked_up(m, name, index, values):
    """``values[index]``: a constant, a counter's multiple as far as it goes, or a small table."""
    if len(set(values)) == 1:
        return Const(values[0])
    signal = Signal(range(min(values), max(values) + 1), name=name)
    common = max(set(values), key=values.count)
    m.d.comb += signal.eq(common)
    with m.Switch(index):
        for value in sorted(set(values) - {common}):
            with m.Case(*[n for n, v in enumerate(values) if v == value]):
                m.d.comb += signal.eq(value)
    return signal


class _Pointer:
    """A register that holds a place in the ring."""

    def __init__(self, m, name, plan):
        self._m, self._depth = m, plan.depth
        self.value = Signal(range(plan.depth), init=plan.start, name=name)

    def plus(self, amount):
        """The place ``amount`` words further on, from behind the ring's end to its beginning."""
        amount %= self._depth
        if amount == 0:
            return self.value
        if self._depth & (self._depth - 1) == 0:
            return (self.value + amount)[: len(self.value)]
        total = Signal(range(2 * self._depth))
        self._m.d.comb += total.eq(self.value + amount)
        return Mux(total >= self._depth, total - self._depth, total)[: len(self.value)]

    def set(self, place):
        self._m.d.sync += self.value.eq(place)


def _all(pointers, place):
    for pointer in pointers:
        pointer.set(place)
