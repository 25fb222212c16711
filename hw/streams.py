"""The streams inside an accelerator."""

from amaranth.hdl import Signal, unsigned
from amaranth.lib import stream
from amaranth.lib.data import ArrayLayout

__all__ = ["beats", "code_stream", "counter", "pack"]


def code_stream(bits, lanes):
    """Signature of a stream of ``lanes`` codes of ``bits`` bits a beat, lane 0 in the lowest bits."""
    return stream.Signature(ArrayLayout(unsigned(bits), lanes))


def beats(length, lanes):
    """Beats that ``length`` codes take, the last one padded."""
    return -(-length // lanes)


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


def pack(words, bits):
    """``words`` as one integer, the first in the lowest bits."""
    total = 0
    for i, word in enumerate(words):
        total |= (int(word) & ((1 << bits) - 1)) << (i * bits)
    return total
