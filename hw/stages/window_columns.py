"""The parallel form of a line buffer: a column of a window, a whole window, or several, in one beat."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.hw.memory.buffers import ram_attributes
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter, keep_flag

from .line_buffer import LineBuffer, ReadPlace, looked_up
from .window_columns_plan import ColumnsPlan
from .window_plan import steps_of

__all__ = ["WindowColumns"]


@component_of(ColumnsPlan)
class WindowColumns(LineBuffer):
    """A line buffer that gives columns of windows, or whole windows: a memory for each row of it.

    All rows are read at the same place, held by a register, and turned into the order of the kernel. Latency from the
    last pixel of a column to its beat 3 cycles, 4 for whole windows; throughput a column a cycle, and a pixel in.
    Parameters and members are those of `LineBuffer`, of a `ColumnsPlan`.
    """

    def elaborate(self, platform):
        m = Module()
        p, w = self.plan, self.plan.window
        accept, issue, onward, moves = Signal(), Signal(), Signal(), Signal()
        read, held = Signal(), Signal()  # a column is at the memories' outputs, in the registers behind them
        column, row_end = counter(m, "column", p.row_cycles, issue)
        oy, frame_end = counter(m, "oy", w.out_size[0], issue & row_end)
        place = ReadPlace(column, oy, row_end, done=issue)
        there = self._there(m, accept, place, self._needed(m, place))
        room = self._room(m, accept, place, ("frees", p.frees), ("free_end", p.free_end))
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), self.i.ready.eq(room),
            issue.eq(there & (~read | onward)), onward.eq(read & (~held | moves)),
        ]  # fmt: skip
        x = Signal(range(w.size[1]))
        m.d.comb += x.eq(looked_up(m, "x", column, [c - 1 for c in p.column_need]))
        words = self._rows(m, accept, x, issue)
        slot = self._slot(m, issue, row_end, frame_end)
        # What belongs to the column that is read in this cycle, and goes with it.
        about = {"slot": slot, "inside": looked_up(m, "inside", column, p.inside),
                 "emits": looked_up(m, "emits", column, p.emits)}  # fmt: skip
        about |= {f"row{ky}": looked_up(m, f"row_inside{ky}", oy, p.row_inside[ky]) for ky in range(w.kernel[0])}
        about = _registered(m, issue, about, "read")
        about |= {f"word{r}": word for r, word in enumerate(words)}
        about = _registered(m, onward, about, "held")
        for flag, comes, goes in (read, issue, onward), (held, onward, moves):
            keep_flag(m, flag, comes=comes, goes=goes)
        words = [about[f"word{r}"] for r in range(p.rows)]
        taps = [self._tap(m, ky, words, about) for ky in range(w.kernel[0])]
        if p.whole:
            self._shift(m, taps, held, moves, about["emits"])
        else:
            m.d.comb += [moves.eq(self.o.ready), self.o.valid.eq(held), self.o.p.as_value().eq(Cat(*taps))]
        return m

    def _needed(self, m, place):
        """Return minus the words that the next column needs beyond this one, and one more than that."""
        within, at_end = steps_of(self.plan.need_row, self.plan.column_need, self.plan.words_frame)
        return [
            Mux(place.x_last, looked_up(m, f"need_y{k}", place.y, [k - n for n in at_end]),
                looked_up(m, f"need_x{k}", place.x, [k - n for n in within]))
            for k in (0, 1)
        ]  # fmt: skip

    def _rows(self, m, accept, x, issue):
        """Return the word at column ``x`` of every row's memory, one cycle later."""
        p = self.plan
        place, line_end = counter(m, "place", p.window.size[1], accept)
        line, _ = counter(m, "line", p.rows, accept & line_end)
        words = []
        for r in range(p.rows):
            m.submodules[f"row{r}"] = memory = Memory(
                shape=p.bits * p.lanes, depth=p.window.size[1], init=[], attrs=ram_attributes(p.ram)
            )  # fmt: skip
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept & (line == r)),
                read.addr.eq(x), read.en.eq(issue),
            ]  # fmt: skip
            words.append(read.data)
        return words

    def _slot(self, m, issue, row_end, frame_end):
        """Return the memory that holds the first row of the window."""
        p, w = self.plan, self.plan.window
        slot = Signal(range(max(2, p.rows)), init=-w.pads[0] % p.rows)
        steps = w.stride[0] % p.rows, (w.size[0] - (w.out_size[0] - 1) * w.stride[0]) % p.rows
        with m.If(issue & row_end):
            for end, step in zip((~frame_end, frame_end), steps, strict=True):
                with m.If(end):
                    m.d.sync += slot.eq(Array([(n + step) % p.rows for n in range(p.rows)])[slot])
        return slot

    def _tap(self, m, ky, words, about):
        """Return the codes of tap row ``ky`` of the column that was read."""
        p = self.plan
        order = [words[(slot + ky * p.window.dilation[0]) % p.rows] for slot in range(p.rows)]
        word = Signal.like(order[0], name=f"word{ky}")
        m.d.comb += word.eq(Array(order)[about["slot"]])
        tap = Signal(p.out_bits * p.lanes, name=f"tap{ky}")
        codes = []
        for k in range(p.lanes):
            codes.append(self._recoded(word[k * p.bits : (k + 1) * p.bits]))
        m.d.comb += tap.eq(Cat(*codes))
        if p.padded:
            with m.If(~(about["inside"] & about[f"row{ky}"])):
                m.d.comb += tap.eq(Cat(Const(p.pad_code, p.out_bits) for _ in range(p.lanes)))
        return tap

    def _shift(self, m, taps, held, moves, emits):
        """Move columns through registers, and give those that the kernels cover."""
        p, w = self.plan, self.plan.window
        full = Signal()
        m.d.comb += [moves.eq(held & (~full | self.o.ready)), self.o.valid.eq(full)]
        with m.If(moves):
            m.d.sync += full.eq(emits)
        with m.Elif(self.o.ready):
            m.d.sync += full.eq(0)
        rows = []
        for ky, tap in enumerate(taps):
            past = [Signal.like(tap, name=f"past{ky}_{n}", reset_less=True) for n in range(w.span[1])]
            with m.If(moves):
                m.d.sync += [after.eq(before) for before, after in zip([tap, *past], past, strict=False)]
            rows.append(past[::-1])
        bits = len(taps[0]) // p.columns
        m.d.comb += self.o.p.as_value().eq(
            Cat(
                row[word][column * bits : (column + 1) * bits]
                for n in range(0, len(p.seen), p.taps_row)
                for row in rows
                for word, column in p.seen[n : n + p.taps_row]
            )
        )


def _registered(m, enable, values, suffix):
    """Return a register behind each of ``values``, by name."""
    after = {}
    for name, value in values.items():
        after[name] = Signal(Value.cast(value).shape(), name=f"{name}_{suffix}", reset_less=True)
        with m.If(enable):
            m.d.sync += after[name].eq(value)
    return after
