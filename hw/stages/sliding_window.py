"""The patches of a convolution or a pool, from an image that streams in: the line buffer."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib.memory import Memory

from fewbit.hw.memory.buffers import ram_attributes
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter, keep_flag
from fewbit.hw.wires import register

from .line_buffer import LineBuffer, ReadPlace, looked_up
from .window_plan import SlidingPlan

__all__ = ["SlidingWindow"]


@component_of(SlidingPlan)
class SlidingWindow(LineBuffer):
    """A line buffer that gives windows of images, one tap a beat: for each output pixel, block, tap row, tap column and
    chunk, ``lanes`` codes.

    The image is written into a ring of ``plan.depth`` words; what no window will read any more is overwritten, so rows
    of one window, and frames, overlap. Taps outside the image are ``plan.pad_code``. Latency 3 cycles from the last
    pixel of a window to its first beat, as block RAM has a register behind it; throughput one beat a cycle, in and out.
    Parameters and members are those of `LineBuffer`.
    """

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.memory = memory = Memory(
            shape=p.bits * p.lanes, depth=p.depth, init=[], attrs=ram_attributes(p.ram)
        )  # fmt: skip
        write, read = memory.write_port(), memory.read_port()
        accept, issue, moves = Signal(), Signal(), Signal()
        held, full = Signal(), Signal()  # a word has been read, a beat is in the output register
        place, _ = counter(m, "place", p.depth, accept)
        loops = self._loops(m, issue)
        first, done = Signal(init=1), Signal()  # at a pixel's first beat, at its last
        m.d.comb += done.eq(issue & loops["pixel_last"])
        with m.If(issue):
            m.d.sync += first.eq(loops["pixel_last"])
        place_read = ReadPlace(loops["ox"], loops["oy"], loops["ox_last"], done)
        there = self._there(m, accept, place_read, self._needed(m, loops))
        room = self._room(m, accept, place_read, ("free_column", p.free_column), ("free_row", p.free_row))
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), self.i.ready.eq(room),
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            issue.eq((there | ~first) & (~held | moves)), moves.eq(held & (~full | self.o.ready)),
            read.addr.eq(self._address(m, issue, loops)), read.en.eq(issue),
            self.o.valid.eq(full),
        ]  # fmt: skip
        for flag, comes, goes in (held, issue, moves), (full, moves, self.o.ready):
            keep_flag(m, flag, comes=comes, goes=goes)
        outside, pad = Signal(), Signal()  # the word that has been read lies outside the image, the beat does
        with m.If(issue):
            m.d.sync += outside.eq(self._outside(m, issue, loops))
        # The word as it is, without a reset: so the register is one that a block RAM has inside. What is made of it
        # comes behind.
        word = Signal.like(read.data, reset_less=True)
        with m.If(moves):
            m.d.sync += [word.eq(read.data), pad.eq(outside)]
        for k in range(p.lanes):
            code = self._recoded(word[k * p.bits : (k + 1) * p.bits])
            m.d.comb += self.o.p[k].eq(Mux(pad, p.pad_code, code) if p.padded else code)
        return m

    def _loops(self, m, issue):
        """Return the counters of all loops, innermost first, and where each of them ends."""
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

    def _needed(self, m, loops):
        """Return minus the words that the next output pixel needs beyond this one, and one more than that."""
        within, over = self.plan.need_steps
        steps = []
        for k in (0, 1):
            inside = looked_up(m, f"need_step{k}_x", loops["ox"], [k - n for n in within])
            end = looked_up(m, f"need_step{k}_y", loops["oy"], [k - n for n in over])
            steps.append(self._settled(m, f"need_step{k}", Mux(loops["ox_last"], end, inside)))
        return steps

    def _settled(self, m, name, value):
        """Return ``value``, a function of the output pixel alone: from a register, if there is a cycle to fill it."""
        return value if self.plan.beats_pixel == 1 else register(m, value, name)

    def _address(self, m, issue, loops):
        """Return where the tap lies in the ring: a pointer for each loop whose start must be returned to.

        At the end of a loop, the pointer of the next outer one moves on, and all inside it go where that goes. First it
        is chosen which one moves how far, then there is one addition, whatever the loops.
        """
        p = self.plan
        pointers = [Signal(range(p.depth), name=name, init=p.start)
                    for name in ("at", "row_at", "block_at", "pixel_at", "line_at")]  # fmt: skip
        moves = [  # which loop goes on, which pointer moves, how far
            ("chunk", 0, 1), ("kx", 0, p.step_x - (p.chunks - 1)), ("ky", 1, p.step_y), ("block", 2, p.chunks),
            ("ox", 3, p.stride_x), ("oy", 4, p.stride_y), (None, 4, p.next_frame),
        ]  # fmt: skip
        base, reach = Signal(range(p.depth), name="base"), Signal(len(pointers), name="reach")
        amount, back = Signal(range(p.depth + 1), name="amount"), Signal(range(p.depth + 1), name="back")
        for loop, number, distance in reversed(moves):  # the innermost one that goes on comes last and wins
            with m.If(~loops[f"{loop}_last"] if loop else Const(1)):
                distance %= p.depth
                m.d.comb += [base.eq(pointers[number]), amount.eq(distance), back.eq(p.depth - distance),
                             reach.eq((2 << number) - 1)]  # fmt: skip
        place = Signal(range(p.depth), name="next_at")
        beyond = base - back
        wraps = p.depth & (p.depth - 1) == 0
        m.d.comb += place.eq(base + amount if wraps else Mux(beyond < 0, base + amount, beyond))
        for number, pointer in enumerate(pointers):
            with m.If(issue & reach[number]):
                m.d.sync += pointer.eq(place)
        return pointers[0]

    def _outside(self, m, issue, loops):
        """Return whether the tap lies outside the image."""
        p = self.plan
        if not p.padded:
            return Const(0)
        outside = []
        for axis, (out, tap) in enumerate((("oy", "ky"), ("ox", "kx"))):
            size, pad = p.window.size[axis], p.window.pads[axis]
            stride, dilation = p.window.stride[axis], p.window.dilation[axis]
            beyond = Signal(name=f"outside_{tap}")
            with m.Switch(loops[tap]):
                for k in range(p.window.kernel[axis]):
                    places = (n * stride - pad + k * dilation for n in range(p.window.out_size[axis]))
                    with m.Case(k):
                        table = [int(place not in range(size)) for place in places]
                        m.d.comb += beyond.eq(looked_up(m, f"outside_{tap}{k}", loops[out], table))
            outside.append(beyond)
        return outside[0] | outside[1]


def all_of(m, name, conditions):
    """Return a signal that is high where all conditions are."""
    signal = Signal(name=name)
    value = Const(1)
    for condition in conditions:
        value = value & condition
    m.d.comb += signal.eq(value)
    return signal
