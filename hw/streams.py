"""The streams inside an accelerator."""

from typing import Any

from amaranth.hdl import Module, Signal, Value, ValueLike, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from fewbit.hw.wires import Lanes

__all__ = ["OutputFifo", "StreamUnit", "at_least", "code_stream", "counter", "credit", "give_from", "keep_flag"]


def code_stream(bits: int, lanes: int) -> stream.Signature:
    """Return the signature of a stream of ``lanes`` codes of ``bits`` bits a beat, lane 0 in the lowest bits."""
    return stream.Signature(Lanes(unsigned(bits), lanes))


class StreamUnit(wiring.Component):
    """A component with a plan, one stream of codes in and one stream of codes out.

    Parameters
    ----------
    plan
        The numbers of the unit, kept as ``plan``.
    i, o : (int, int)
        Bits of a code and lanes of a beat, of the stream in and of the stream out, which is like that by default.
    more
        Members beside these.

    Members
    -------
    i : ``In(code_stream(*i))``
    o : ``Out(code_stream(*o))``
    """

    def __init__(self, plan: Any, *, i: tuple[int, int], o: tuple[int, int] | None = None, **more: wiring.Member):
        self.plan = plan
        super().__init__({"i": In(code_stream(*i)), "o": Out(code_stream(*(o or i))), **more})


def counter(m: Module, name: str, size: int, enable: ValueLike, *, domain: str = "sync") -> tuple[Signal, Signal]:
    """Return a register that counts the cycles of ``enable`` modulo ``size``, and whether it is at its last value.

    The latter is a register too, so that no comparator stands in front of what it enables.
    """
    count = Signal(range(max(2, size)), name=name)
    at_end = Signal(name=f"{name}_last", init=size == 1)
    if size > 1:
        with m.If(enable):
            m.d[domain] += [count.eq(count + 1), at_end.eq(count == size - 2)]
            with m.If(at_end):
                m.d[domain] += count.eq(0)
    return count, at_end


def at_least(m: Module, name: str, needed: int, *, most: int, init: int, change: ValueLike) -> Value:
    """Return whether a number from 0 to ``most``, ``init`` at first and growing by ``change`` a cycle, is at least
    ``needed``.

    Its register holds the number less what is needed: its sign is the answer, without a comparator in front of what
    waits for it.
    """
    left = Signal(range(-needed, max(1, most - needed + 1)), name=name, init=init - needed)
    m.d.sync += left.eq(left + change)
    return ~left[-1]


def credit(m: Module, needed: int, *, depth: int, taken: ValueLike, given: ValueLike) -> Value:
    """Return whether at least ``needed`` of ``depth`` places are free.

    In this cycle ``taken`` of them are taken; one that is ``given`` back counts from the cycle after the next, so that
    what waits for the reader ends in a register.
    """
    back = Signal(name="given_back")
    m.d.sync += back.eq(given)
    return at_least(m, "credit", needed, most=depth, init=depth, change=back - taken)


def keep_flag(m: Module, flag: Signal, *, comes: ValueLike, goes: ValueLike) -> None:
    """Let the register ``flag`` say whether something is held: set by ``comes``, else cleared by ``goes``."""
    with m.If(comes):
        m.d.sync += flag.eq(1)
    with m.Elif(goes):
        m.d.sync += flag.eq(0)


def give_from(fifo: SyncFIFO, o: wiring.PureInterface) -> list:
    """Return the statements by which the stream ``o`` gives the words of ``fifo``."""
    return [Value.cast(o.p).eq(fifo.r_data), o.valid.eq(fifo.r_rdy), fifo.r_en.eq(o.ready)]


class OutputFifo:
    """The FIFO in front of a stream ``o``, behind a pipeline that runs freely: a word enters that pipeline only when
    `room` says that the FIFO will have a place for what comes of it, so no ready reaches the pipeline.

    It is the submodule ``fifo`` of module ``m``. Latency one cycle, throughput one word a cycle.

    Parameters
    ----------
    m : Module
    o : stream of codes
    depth : int
        Words of the FIFO: those that may be inside the pipeline, and two more if it is never to wait.
    """

    def __init__(self, m: Module, o: wiring.PureInterface, *, depth: int):
        self._m, self._o, self._depth = m, o, depth
        m.submodules.fifo = self._fifo = SyncFIFO(width=len(Value.cast(o.p)), depth=depth)
        self.data = self._fifo.w_data

    def write(self, enable: ValueLike) -> list:
        """Return the statements that write `data` where ``enable`` is high, and give what is written to ``o``."""
        return [self._fifo.w_en.eq(enable), *give_from(self._fifo, self._o)]

    def room(self, needed: int, *, taken: ValueLike) -> Value:
        """Return whether ``needed`` words have a place each; ``taken`` are promised to the pipeline in this cycle."""
        given = self._o.valid & self._o.ready
        return credit(self._m, needed, depth=self._depth, taken=taken, given=given)
