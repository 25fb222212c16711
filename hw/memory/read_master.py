"""The read side of an AXI4 master: bursts for several readers, in turn, and their beats to whom they are for."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from fewbit.hw.streams import at_least
from fewbit.hw.wires import members_of

from .external_plan import WeightPortPlan
from .read_ports import ADDRESS_BITS, axi_read_ports

__all__ = ["ReadMaster"]

_UNIT = 10  # bits of an address below which bursts do not begin: a burst is of 1 KiB, unless it is a region's only one
_INCR, _CACHED, _PROT = 1, 0b0011, 0b000  # bursts of rising addresses; normal memory; unprivileged, secure, data


class ReadMaster(wiring.Component):
    """Bursts of an AXI4 memory for readers that ask in turn.

    Of the readers that ask, the next one behind the one that was served last is served, one a cycle;
    ``plan.outstanding`` bursts may be under way. All have one ID, so beats come in the order of the bursts, and
    ``rready`` is always high: who asks has room. Two cycles from a grant to ``arvalid``, one from a beat on the bus to
    ``write``; every output to the bus is a register.

    Parameters
    ----------
    plan : hw.memory.external_plan.WeightPortPlan

    Members
    -------
    start : ``In(1)``
        Bursts may be asked for; those that were will come in any case.
    base : ``In(ADDRESS_BITS)``
        Where the image begins, a multiple of `hw.memory.external_plan.ALIGNED`; it does not change while ``start`` is
        high.
    asks, granted : ``In(readers)``, ``Out(readers)``
        See `hw.memory.weight_buffer.WeightBuffer`.
    index0, length0, … : ``In``
        The burst that each reader asks for.
    write : ``Out(readers)``, data : ``Out(plan.bus)``
        A beat comes for a reader.
    failed : ``Out(1)``
        A beat came with an error; it stays high.
    axi : ``Out(Signature(members_of(axi_read_ports(plan.bus))))``
    """

    def __init__(self, plan: WeightPortPlan):
        self.plan, count = plan, len(plan.channels)
        readers: dict[str, wiring.Member] = {}
        for k, channel in enumerate(plan.channels):
            readers |= {f"index{k}": In(range(max(2, channel.bursts))), f"length{k}": In(8)}
        super().__init__(readers | {
            "start": In(1), "base": In(ADDRESS_BITS), "asks": In(count), "granted": Out(count),
            "write": Out(count), "data": Out(plan.bus), "failed": Out(1),
            "axi": Out(wiring.Signature(members_of(axi_read_ports(plan.bus)))),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        p, bus = self.plan, self.axi
        done, grants, free = Signal(), Signal(), Signal()
        slots = at_least(m, "slots", 1, most=p.outstanding, init=p.outstanding, change=done - grants)
        chosen = self._in_turn(m, grants)
        number = Signal(range(max(2, len(p.channels))))
        for k in range(len(p.channels)):
            with m.If(chosen[k]):
                m.d.comb += number.eq(k)
        m.d.comb += [grants.eq(self.start & slots & free & self.asks.any()), self.granted.eq(Mux(grants, chosen, 0))]

        # The burst that was granted, then its address on the bus.
        units = Signal(range(max(2, p.size >> _UNIT)), reset_less=True)
        length, held, onward = Signal(8, reset_less=True), Signal(), Signal()
        m.d.comb += [onward.eq(held & (~bus.arvalid | bus.arready)), free.eq(~held | onward)]
        with m.If(free):
            m.d.sync += held.eq(grants)
        with m.If(grants):
            places = [(offset >> _UNIT) + getattr(self, f"index{k}") for k, offset in enumerate(p.offsets)]
            lengths = [getattr(self, f"length{k}") for k in range(len(p.channels))]
            m.d.sync += [units.eq(Array(places)[number]), length.eq(Array(lengths)[number])]
        with m.If(onward):
            m.d.sync += [bus.arvalid.eq(1), bus.araddr.eq(self.base + (units << _UNIT)), bus.arlen.eq(length)]
        with m.Elif(bus.arready):
            m.d.sync += bus.arvalid.eq(0)
        m.d.comb += [
            bus.arsize.eq((p.bus // 8).bit_length() - 1), bus.arburst.eq(_INCR), bus.arcache.eq(_CACHED),
            bus.arprot.eq(_PROT), bus.rready.eq(1),
        ]  # fmt: skip

        m.submodules.readers = readers = SyncFIFO(width=len(number), depth=p.outstanding)
        m.d.comb += [
            readers.w_data.eq(number), readers.w_en.eq(grants), readers.r_en.eq(done),
            done.eq(bus.rvalid & bus.rlast),
        ]  # fmt: skip
        beat = Signal(p.bus, reset_less=True)
        m.d.sync += [beat.eq(bus.rdata), self.write.eq(0)]
        with m.If(bus.rvalid):
            m.d.sync += [self.write.bit_select(readers.r_data, 1).eq(1), self.failed.eq(self.failed | bus.rresp[1])]
        m.d.comb += self.data.eq(beat)
        return m

    def _in_turn(self, m, grants):
        """Return which reader is next, a bit for each: the first that asks behind the last one, or the first of all."""
        count = len(self.asks)
        behind = Signal(count, init=-1)  # readers behind the one that was served last
        later, chosen = self.asks & behind, Signal(count)
        of = Signal(count, name="of")
        m.d.comb += [of.eq(Mux(later.any(), later, self.asks)), chosen.eq(of & (~of + 1))]
        with m.If(grants):
            m.d.sync += behind.eq(~(chosen | (chosen - 1)))
        return chosen
