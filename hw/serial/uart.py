"""A serial port: eight bits, no parity, one stop bit, lowest bit first."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["UartReceiver", "UartTransmitter", "bit_cycles"]

FEWEST = 8  # cycles of a bit, so that an eighth of it is one


def bit_cycles(clock: float, baud: float) -> int:
    """Return the cycles of a bit for a clock and a baud rate in Hz.

    Ten bits are sampled from one edge, so both sides together may be off by 2 %.

    Raises
    ------
    ValueError
        If no whole number of cycles, of at least 8, is within 1 % of the baud rate.
    """
    if not (clock > 0 and baud > 0):
        raise ValueError(f"Clock and baud rate must be more than 0, not {clock!r} and {baud!r}")
    cycles = round(clock / baud)
    if cycles < FEWEST or abs(clock / baud / cycles - 1) > 0.01:
        near = ", ".join(f"{clock / max(FEWEST, n):,.0f}" for n in (cycles, cycles + 1))
        raise ValueError(
            f"Baud rate must be the clock divided by a whole number of at least {FEWEST}, within 1 %; at "
            f"{clock / 1e6:g} MHz {baud:,} is not. Near it are: {near}"
        )
    return cycles


class UartReceiver(wiring.Component):
    """A receiver of the bytes of a line. Every bit is the majority of three samples, an eighth of a bit apart, around
    its middle.

    Glitches that are shorter than an eighth of a bit cost nothing. A byte whose stop bit is low is dropped, and
    ``broken`` is high for one cycle; then the line must be high before the next byte begins.

    Parameters
    ----------
    cycles : int
        Cycles of a bit, as `bit_cycles` gives them.

    Raises
    ------
    ValueError
        If a bit has fewer than 8 cycles.

    Members
    -------
    rx : ``In(1)``
        Asynchronous.
    o : ``Out(stream.Signature(8, always_ready=True))``
        A byte, in the middle of its stop bit.
    broken : ``Out(1)``
    """

    def __init__(self, *, cycles: int):
        if cycles < FEWEST:
            raise ValueError(f"Cycles of a bit must be at least {FEWEST}, not {cycles!r}")
        self._cycles = cycles
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8, always_ready=True)), "broken": Out(1)})

    def elaborate(self, platform):
        m = Module()
        line, samples = Signal(init=1), Signal(2, init=0b11)
        m.submodules.cdc = FFSynchronizer(self.rx, line, init=1)
        n = self._cycles
        times = (n // 2 - n // 8, n // 2, n // 2 + n // 8)
        time, bit, data = Signal(range(n)), Signal(range(10)), Signal(8)
        voted = (samples[0] & samples[1]) | ((samples[0] | samples[1]) & line)
        for k, at in enumerate(times[:2]):
            with m.If(time == at):
                m.d.sync += samples[k].eq(line)
        decide = Signal()
        m.d.comb += [decide.eq(time == times[2]), self.o.p.eq(data)]
        m.d.sync += time.eq(time + 1)
        with m.If(time == n - 1):
            m.d.sync += [time.eq(0), bit.eq(bit + 1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [time.eq(1), bit.eq(0)]  # the cycle in which the line falls is the first one of the bit
                with m.If(~line):
                    m.next = "BITS"
            with m.State("BITS"):
                with m.If(decide & (bit == 0) & voted):
                    m.next = "IDLE"  # a glitch
                with m.If(decide & (bit > 0) & (bit < 9)):
                    m.d.sync += data.eq(Cat(data[1:], voted))
                # The next byte may begin early: our clock may be the slower one.
                with m.If(decide & (bit == 9)):
                    m.d.comb += [self.o.valid.eq(voted), self.broken.eq(~voted)]
                    m.next = "RELEASE"
                    with m.If(voted):
                        m.next = "IDLE"
            with m.State("RELEASE"):
                with m.If(line):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """A transmitter of bytes on a line. A byte takes ten bits; the next one follows without a gap.

    Parameters
    ----------
    cycles : int
        Cycles of a bit.

    Raises
    ------
    ValueError
        If a bit has fewer than 2 cycles.

    Members
    -------
    i : ``In(stream.Signature(8))``
    tx : ``Out(1)``
    """

    def __init__(self, *, cycles: int):
        if cycles < 2:
            raise ValueError(f"Cycles of a bit must be at least 2, not {cycles!r}")
        self._cycles = cycles
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        time, left, shift = Signal(range(self._cycles)), Signal(range(11)), Signal(9, init=0x1FF)
        next_bit = Signal()
        m.d.comb += [
            next_bit.eq(time == self._cycles - 1),
            self.i.ready.eq((left == 0) | (next_bit & (left == 1))),
            self.tx.eq(shift[0]),
        ]
        m.d.sync += time.eq(time + 1)
        with m.If(next_bit):
            m.d.sync += [time.eq(0), shift.eq(Cat(shift[1:], 1))]
            with m.If(left > 0):
                m.d.sync += left.eq(left - 1)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [time.eq(0), left.eq(10), shift.eq(Cat(0, self.i.p))]
        return m
