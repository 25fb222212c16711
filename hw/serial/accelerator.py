"""An accelerator behind a serial port: line, link, beats, and the generated Verilog as it is."""

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.gearbox import Gearbox
from fewbit.hw.streams import counter

from .link import Link, LinkPlan
from .uart import UartReceiver, UartTransmitter

__all__ = ["SerialAccelerator"]


class SerialAccelerator(wiring.Component):
    """The module ``accelerator`` with a serial port. Everything runs in the domain ``sync``.

    Parameters
    ----------
    plan : hw.serial.link.LinkPlan
    cycles : int
        Cycles of a bit, as `hw.serial.uart.bit_cycles` gives them.

    Members
    -------
    rx : ``In(1)``, tx : ``Out(1)``
    answered, damaged : ``Out(1)``
        High for one cycle with a result, and with a damaged packet.
    """

    def __init__(self, plan: LinkPlan, *, cycles: int):
        self.plan, self._cycles = plan, cycles
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "answered": Out(1), "damaged": Out(1)})

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        m.submodules.link = link = Link(p)

        m.submodules.receiver = receiver = UartReceiver(cycles=self._cycles)
        wiring.connect(m, receiver.o, link.i)
        m.d.comb += [receiver.rx.eq(self.rx), link.broken.eq(receiver.broken)]

        m.submodules.wide = wide = Gearbox(bits=8, a=1, b=p.bytes_in, length=p.frame)
        _connect_bytes(m, link.frames, wide.i)
        sent = Signal()
        _, at_end = counter(m, "beat", p.frame // p.bytes_in, sent)
        m.d.comb += sent.eq(wide.o.valid & wide.o.ready)

        m.submodules.narrow = narrow = Gearbox(bits=8, a=p.bytes_out, b=1, length=p.result)
        m.submodules.accelerator = Instance(
            "accelerator",
            i_aclk=ClockSignal(), i_aresetn=~ResetSignal(),
            i_s_axis_tdata=Value.cast(wide.o.p), i_s_axis_tvalid=wide.o.valid, o_s_axis_tready=wide.o.ready,
            i_s_axis_tlast=at_end,
            o_m_axis_tdata=Value.cast(narrow.i.p), o_m_axis_tvalid=narrow.i.valid, i_m_axis_tready=narrow.i.ready,
        )  # fmt: skip
        _connect_bytes(m, narrow.o, link.results)

        m.submodules.transmitter = transmitter = UartTransmitter(cycles=self._cycles)
        wiring.connect(m, link.o, transmitter.i)
        m.d.comb += [self.tx.eq(transmitter.tx), self.answered.eq(link.answered), self.damaged.eq(link.reported)]
        return m


def _connect_bytes(m, source, sink):
    """Connect a stream of bytes to another, of which one has them as a lane."""
    m.d.comb += [Value.cast(sink.p).eq(Value.cast(source.p)), sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
