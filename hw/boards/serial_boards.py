"""Boards with a serial port: which parts of amaranth-boards a design takes, and its top level."""

from dataclasses import dataclass

from amaranth.build import Attrs, Pins, Resource
from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import io

from fewbit.hw.serial.accelerator import SerialAccelerator
from fewbit.hw.serial.link import LinkPlan
from fewbit.hw.serial.uart import bit_cycles
from fewbit.hw.targets.target import Target

from .pll import Pll, PllFamily, PllPlan

__all__ = ["SerialBoard", "SerialTop"]


@dataclass(frozen=True)
class SerialBoard:
    """A board with a serial port, of those that amaranth-boards has.

    Attributes
    ----------
    title : str
        The board's name in messages.
    platform : type
        Platform of amaranth-boards, with resources ``uart`` and ``led``.
    family : hw.boards.pll.PllFamily
        Family of the FPGA's PLL.
    clock : float
        Clock in MHz, if no other one is asked for.
    target : hw.targets.target.Target
        Target of the design.
    open_tools : bool
        Whether its bitstream is made without a vendor's tools (`flow.boards.bitstream`).
    high : tuple of str
        Pins that must be held high, and what amaranth-boards has no output for.
    """

    title: str
    platform: type
    family: PllFamily
    clock: float
    target: Target
    open_tools: bool
    high: tuple[str, ...] = ()

    @property
    def oscillator(self) -> float:
        """Frequency of the board's oscillator in MHz."""
        return self.platform().default_clk_constraint.frequency / 1e6

    def pll(self, clock: float) -> PllPlan | None:
        """Return the `PllPlan` for ``clock`` MHz; ``None`` where the oscillator has that.

        Raises
        ------
        ValueError
            If the PLL cannot make that clock.
        """
        return None if clock == self.oscillator else PllPlan(self.family, oscillator=self.oscillator, clock=clock)


class SerialTop(Elaboratable):
    """The whole design of a board: clock, serial port, accelerator, and two LEDs.

    LED 0 changes with every result, LED 1 with every damaged packet.

    Parameters
    ----------
    board : SerialBoard
    link : hw.serial.link.LinkPlan
    clock : float
        Clock in MHz.
    baud : int
        Bits per second on the serial port.

    Raises
    ------
    ValueError
        If the clock cannot be made, or not be divided to the baud rate.
    """

    def __init__(self, board: SerialBoard, link: LinkPlan, *, clock: float, baud: int):
        self._board, self._pll = board, board.pll(clock)
        self._serial = SerialAccelerator(link, cycles=bit_cycles(clock * 1e6, baud))

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.pll = pll = Pll(self._pll)

        def pin(name, number, direction):
            return io.Buffer(direction, platform.request(name, number, dir="-"))

        m.submodules.oscillator = oscillator = pin(platform.default_clk, 0, "i")
        m.d.comb += pll.oscillator.eq(oscillator.i)
        if platform.default_rst:
            m.submodules.button = button = pin(platform.default_rst, 0, "i")
            m.d.comb += pll.reset.eq(button.i)

        m.submodules.serial = serial = self._serial
        port = platform.request("uart", 0, dir={"rx": "-", "tx": "-"} | _unused(platform, "uart"))
        m.submodules.rx, m.submodules.tx = rx, tx = io.Buffer("i", port.rx), io.Buffer("o", port.tx)
        m.d.comb += [serial.rx.eq(rx.i), tx.o.eq(serial.tx)]

        for number, event in enumerate((serial.answered, serial.damaged)):
            m.submodules[f"led{number}"] = led = pin("led", number, "o")
            state = Signal(name=f"led{number}_state")
            with m.If(event):
                m.d.sync += state.eq(~state)
            m.d.comb += led.o.eq(state)
        for number, name in enumerate(self._board.high):
            platform.add_resources([Resource("high", number, Pins(name, dir="o"), Attrs(IO_TYPE="LVCMOS33"))])
            m.submodules[f"high{number}"] = buffer = pin("high", number, "o")
            m.d.comb += buffer.o.eq(1)
        return m


def _unused(platform, name):
    """Return the directions of the further lines of a port, which are left alone."""
    lines = platform.lookup(name, 0).ios
    return {line.name: "-" for line in lines if line.name not in ("rx", "tx")}
