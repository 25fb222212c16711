"""The streams inside an accelerator."""

from amaranth.hdl import Signal, unsigned
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout

__all__ = ["at_least", "code_stream", "counter", "credit"]


def code_stream(bits, lanes):
    """Signature of a stream of ``lanes`` codes of ``bits`` bits a beat, lane 0 in the lowest bits."""
    return stream.Signature(ArrayLayout(unsigned(bits), lanes))


def counter(m, name, size, enable, *, domain="sync"):
    """A register that counts ``enable`` cycles modulo ``size``; returns it and whether it is at its last value.

    The latter is a register too: no comparator stands in front of what it enables.
    """
    count = Signal(range(max(2, size)), name=name)
    at_end = Signal(name=f"{name}_last", init=size == 1)
    if size > 1:
        with m.If(enable):
            m.d[domain] += [count.eq(count + 1), at_end.eq(count == size - 2)]
            with m.If(at_end):
                m.d[domain] += count.eq(0)
    return count, at_end


def at_least(m, name, needed, *, most, init, change):
    """Whether a number from 0 to ``most``, ``init`` at first, that grows by ``change`` a cycle, is ``needed`` or more.

    Its register holds the number less what is needed: its sign is the answer, without a comparator in front of what
    waits for it.
    """
    left = Signal(range(-needed, max(1, most - needed + 1)), name=name, init=init - needed)
    m.d.sync += left.eq(left + change)
    return ~left[-1]


def credit(m, needed, *, depth, taken, given):
    """Whether at least ``needed`` of ``depth`` places are free: ``taken`` of them are taken in this cycle, and one that
    is ``given`` back counts from the cycle after the next, so that what waits for the reader ends in a register.
    """
    back = Signal(name="given_back")
    m.d.sync += back.eq(given)
    return at_least(m, "credit", needed, most=depth, init=depth, change=back - taken)
