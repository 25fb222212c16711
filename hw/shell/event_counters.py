"""Many counters of single cycles, which take little, as their values stand in one memory."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from fewbit.hw.streams import counter

__all__ = ["EventCounters"]


class EventCounters(wiring.Component):
    """``count`` counters of 32 bits, each of the cycles in which its event is high.

    Each has a few bits of its own. They are added to its word in a memory of LUTs, a counter a cycle, round and round.
    So a cycle shows at most ``count + 2`` cycles later, and a counter takes about a fifth of 32 flip-flops and LUTs.
    After a reset or ``clear`` the memory still holds old words, which read as 0 until they are written.

    Raises
    ------
    ValueError
        If the count is below 1.

    Members
    -------
    events : ``In(count)``
    clear : ``In(1)``
        All counters are 0 with the next cycle; events of this one still count.
    number : ``In``, value : ``Out(32)``
        Value of a counter, in the same cycle.
    """

    def __init__(self, *, count: int):
        if count < 1:
            raise ValueError(f"Count must be at least 1, not {count!r}")
        self._count = count
        super().__init__({
            "events": In(count), "clear": In(1), "number": In(bits_for(count - 1)), "value": Out(32),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        n = self._count
        m.submodules.memory = memory = Memory(shape=32, depth=n, init=[])
        write, own, other = memory.write_port(), memory.read_port(domain="comb"), memory.read_port(domain="comb")

        turn, _ = counter(m, "turn", n, 1)
        recent = Array(Signal(bits_for(n), name=f"recent{k}") for k in range(n))
        for k, some in enumerate(recent):
            m.d.sync += some.eq(Mux((turn == k) | self.clear, 0, some) + self.events[k])

        # The next cycle: what was recent goes into the memory.
        amount, slot, stale = Signal(bits_for(n)), Signal.like(turn), Signal(n, init=-1)
        m.d.sync += [amount.eq(Mux(self.clear, 0, recent[turn])), slot.eq(turn)]
        m.d.comb += [
            own.addr.eq(slot), write.addr.eq(slot), write.en.eq(1),
            write.data.eq(Mux(stale.bit_select(slot, 1), 0, own.data) + amount),
            other.addr.eq(self.number), self.value.eq(Mux(stale.bit_select(self.number, 1), 0, other.data)),
        ]  # fmt: skip
        with m.If(self.clear):
            m.d.sync += stale.eq(-1)
        with m.Else():
            m.d.sync += stale.bit_select(slot, 1).eq(0)
        return m
