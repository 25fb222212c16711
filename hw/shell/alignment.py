"""Frames at several inputs that belong together: which of them have begun, and who is behind."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Alignment"]


class Alignment(wiring.Component):
    """An account of the frames that have begun at several inputs, of which those of one number belong together.

    ``new`` is high in the cycle in which a frame begins at some input that has begun at none before. An input is
    ``behind`` as long as a frame has begun at another one, and not at it; latency of a cycle.

    Parameters
    ----------
    inputs : int
    frames : int
        Frames, at most, that an input may be behind another one.

    Raises
    ------
    ValueError
        If one of them is below 1.

    Members
    -------
    begin : ``In(inputs)``
        A frame begins, by input.
    forget : ``In(1)``
        No input is behind any more.
    new : ``Out(1)``
    behind : ``Out(inputs)``
    """

    def __init__(self, *, inputs: int, frames: int):
        for name, value in {"Inputs": inputs, "Frames": frames}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self._frames = frames
        super().__init__({"begin": In(inputs), "forget": In(1), "new": Out(1), "behind": Out(inputs)})

    def elaborate(self, platform):
        m = Module()
        counts = [Signal(range(self._frames + 1), name=f"behind{k}") for k in range(len(self.begin))]
        m.d.comb += [
            self.behind.eq(Cat(count.any() for count in counts)),
            self.new.eq((self.begin & ~self.behind).any()),
        ]
        for count, begin in zip(counts, self.begin, strict=True):
            m.d.sync += count.eq(count + self.new - begin)
            with m.If(self.forget):
                m.d.sync += count.eq(0)
        return m
