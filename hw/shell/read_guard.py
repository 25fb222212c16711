"""Reads of AXI4 that outlive a reset of who asked for them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.read_ports import axi_read_ports
from fewbit.hw.wires import members_of

__all__ = ["ReadGuard"]


class ReadGuard(wiring.Component):
    """A guard around the read port of a core that may be reset while bursts are under way.

    Without a reset everything passes in the same cycle. After one, a burst that was on offer stays until it is taken,
    beats of bursts from before are dropped, and a new burst passes only when all of these have come.

    Parameters
    ----------
    bus : int
        Data bits.
    outstanding : int
        Bursts, at most, that are asked for and have not come.

    Raises
    ------
    ValueError
        If no burst may be outstanding.

    Members
    -------
    core : ``In(ports)``, axi : ``Out(ports)``, a signature of `hw.memory.read_ports.axi_read_ports`
    reset : ``In(1)``
        The core is in reset: what it offers is gone behind this cycle.
    busy : ``Out(1)``
        Bursts are under way.
    """

    def __init__(self, *, bus: int, outstanding: int):
        if outstanding < 1:
            raise ValueError(f"Outstanding must be at least 1, not {outstanding!r}")
        self._outstanding = outstanding
        ports = wiring.Signature(members_of(axi_read_ports(bus)))
        super().__init__({"core": In(ports), "axi": Out(ports), "reset": In(1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        core, axi = self.core, self.axi
        held, dropping, passes, asked, done = Signal(), Signal(), Signal(), Signal(), Signal()
        under_way = Signal(range(self._outstanding + 2))
        kept = {name: Signal.like(getattr(axi, name), name=f"kept_{name}") for name in ("araddr", "arlen")}
        m.d.comb += [
            passes.eq(~held & ~dropping), asked.eq(axi.arvalid & axi.arready), done.eq(axi.rvalid & axi.rlast),
            axi.arvalid.eq(held | (core.arvalid & passes)), core.arready.eq(axi.arready & passes),
            axi.rready.eq(1), core.rvalid.eq(axi.rvalid & ~dropping),
            core.rdata.eq(axi.rdata), core.rresp.eq(axi.rresp), core.rlast.eq(axi.rlast),
            self.busy.eq(under_way != 0),
        ]  # fmt: skip
        for name in ("arsize", "arburst", "arcache", "arprot"):  # constants
            m.d.comb += getattr(axi, name).eq(getattr(core, name))
        m.d.sync += under_way.eq(under_way + asked - done)
        with m.If(axi.arready):
            m.d.sync += held.eq(0)
        with m.If(self.reset & core.arvalid & passes & ~axi.arready):
            m.d.sync += held.eq(1)
        for name, keeps in kept.items():
            with m.If(held):
                m.d.comb += getattr(axi, name).eq(keeps)
            with m.Else():
                m.d.comb += getattr(axi, name).eq(getattr(core, name))
                m.d.sync += keeps.eq(getattr(core, name))
        with m.If(self.reset):
            m.d.sync += dropping.eq(1)
        with m.Elif(~held & (under_way == 0)):
            m.d.sync += dropping.eq(0)
        return m
