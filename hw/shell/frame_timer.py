"""Latency and interval of frames, measured as they pass."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

__all__ = ["FrameTimer"]

_MEMBERS = ("latency", "latency_min", "latency_max", "interval", "interval_min", "interval_max")
_LEAST = (1 << 32) - 1  # before there is a least one


class FrameTimer(wiring.Component):
    """A timer of frames: the last, the least and the greatest latency and interval, two cycles after ``end``.

    The latency is the cycles from ``begin`` to the ``end`` that belongs to it, first in, first out. The interval is the
    cycles from one ``end`` to the next, and 0 with the first.

    Parameters
    ----------
    depth : int
        Frames that may have begun and not ended.

    Raises
    ------
    ValueError
        If the depth is below 1.

    Members
    -------
    begin, end : ``In(1)``
    forget : ``In(1)``
        What has begun will not end; the next interval is a first one.
    clear : ``In(1)``
        Set all figures back; the next interval is a first one.
    cycles : ``Out(32)``
        Cycles since reset.
    inside : ``Out(1)``
        Something has begun and not ended.
    latency, latency_min, latency_max, interval, interval_min, interval_max : ``Out(32)``
    """

    def __init__(self, *, depth: int):
        if depth < 1:
            raise ValueError(f"Depth must be at least 1, not {depth!r}")
        self._depth = depth
        super().__init__(
            {name: In(1) for name in ("begin", "end", "forget", "clear")}
            | {"cycles": Out(32), "inside": Out(1)}
            | {name: Out(32, init=_LEAST if name.endswith("min") else 0) for name in _MEMBERS}
        )

    def elaborate(self, platform):
        m = Module()
        now, first, since = self.cycles, Signal(init=1), Signal(32)
        m.submodules.begun = begun = ResetInserter(self.forget)(SyncFIFO(width=32, depth=self._depth))
        m.d.comb += [
            begun.w_data.eq(now), begun.w_en.eq(self.begin), begun.r_en.eq(self.end), self.inside.eq(begun.r_rdy),
        ]  # fmt: skip
        m.d.sync += now.eq(now + 1)
        with m.If(self.end):
            m.d.sync += [
                self.latency.eq(now - begun.r_data), self.interval.eq(Mux(first, 0, now - since)), since.eq(now),
                first.eq(0),
            ]  # fmt: skip
        with m.If(self.forget | self.clear):
            m.d.sync += first.eq(1)
        self._extremes(m, "latency", self.end)
        self._extremes(m, "interval", self.end & ~first)
        return m

    def _extremes(self, m, name, measured):
        value, least, greatest = (getattr(self, name + end) for end in ("", "_min", "_max"))
        fresh = Signal(name=f"fresh_{name}")
        m.d.sync += fresh.eq(measured)
        with m.If(fresh & (value < least)):
            m.d.sync += least.eq(value)
        with m.If(fresh & (value > greatest)):
            m.d.sync += greatest.eq(value)
        with m.If(self.clear):
            m.d.sync += [value.eq(0), least.eq(_LEAST), greatest.eq(0), fresh.eq(0)]
