"""The hold: whether further frames may enter, and whether any is inside."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameHold"]


class FrameHold(wiring.Component):
    """A hold that lets no frame begin while ``hold`` is high; every one that has begun still comes in whole.

    A beat that is on offer when ``hold`` rises is taken all the same, and so is the rest of its frame, at every input.

    Parameters
    ----------
    inputs : int
        Streams of frames, of which each has as many frames as the others.
    frames : int
        Frames, at most, that have begun at an input and have not left as a result.

    Members
    -------
    hold : ``In(1)``
    offered, taken, last : ``In(inputs)``
        At each input a beat is offered in this cycle; it is taken; it is the last of its frame.
    ended : ``In(1)``
        The last beat of a result is taken.
    open : ``Out(inputs)``
        A beat may enter in this cycle. Without it, ``taken`` must be low.
    drained : ``Out(1)``
        ``hold`` is high, no frame is inside, and none can enter.

    Raises
    ------
    ValueError
        If ``inputs`` or ``frames`` is less than 1.
    """

    def __init__(self, *, inputs: int, frames: int):
        if inputs < 1 or frames < 1:
            raise ValueError(f"Inputs and frames must be at least 1, not {inputs!r} and {frames!r}")
        self._inputs, self._frames = inputs, frames
        super().__init__({
            "hold": In(1), "offered": In(inputs), "taken": In(inputs), "last": In(inputs), "ended": In(1),
            "open": Out(inputs), "drained": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        counts = [Signal(range(self._frames + 1), name=f"inside{k}") for k in range(self._inputs)]
        within, waiting = Signal(self._inputs), Signal(self._inputs)  # in mid-frame; with a beat that was not taken
        for k, count in enumerate(counts):
            begins = self.taken[k] & ~within[k]
            m.d.sync += count.eq(count + Mux(begins, 1, 0) - Mux(self.ended, 1, 0))
            with m.If(self.taken[k]):
                m.d.sync += within[k].eq(~self.last[k])
            late = reduce(or_, [other > count for other in counts if other is not count], within[k])
            m.d.comb += self.open[k].eq(~self.hold | late | waiting[k])
        m.d.sync += waiting.eq(self.offered & self.open & ~self.taken)
        m.d.comb += self.drained.eq(self.hold & ~self.open.any() & ~Cat(*counts).any())
        return m
