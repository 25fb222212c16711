"""The streams inside an accelerator, and the memories that feed them."""

from amaranth.hdl import Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

__all__ = ["Rom", "beats", "code_stream", "counter", "is_large", "pack"]


def code_stream(bits, lanes):
    """Signature of a stream of ``lanes`` codes of ``bits`` bits a beat, lane 0 in the lowest bits."""
    return stream.Signature(ArrayLayout(unsigned(bits), lanes))


def beats(length, lanes):
    """Beats that ``length`` codes take, the last one padded."""
    return -(-length // lanes)


class Rom(wiring.Component):
    """``data = words[address]``, ``LATENCY`` cycles later; a constant where all words are the same.

    Parameters
    ----------
    width : int
        Bits of a word.
    words : list of int
    latency : int
        1 or 2. The second register is behind what becomes a block RAM, whose output is late, and in front of what
        becomes LUTs.

    Members
    -------
    address : ``In(range(len(words)))``
    data : ``Out(width)``
    """

    LARGE = 2048  # bits, from which on it is taken for a block RAM

    def __init__(self, *, width, words, latency=1):
        if not words:
            raise ValueError("Words must not be empty")
        if latency not in (1, 2):
            raise ValueError(f"Latency must be 1 or 2, not {latency!r}")
        self._words = [int(w) for w in words]
        self.LATENCY = latency
        bad = [w for w in self._words if w not in range(1 << width)]
        if bad:
            raise ValueError(f"Words must fit {width} bits, not {bad[0]!r}")
        super().__init__({"address": In(range(max(2, len(words)))), "data": Out(width)})

    def elaborate(self, platform):
        m = Module()
        if len(set(self._words)) == 1:
            m.d.comb += self.data.eq(Const(self._words[0], len(self.data)))
            return m
        m.submodules.memory = memory = Memory(shape=len(self.data), depth=len(self._words), init=self._words)
        port = memory.read_port()
        address, data = self.address, port.data
        if self.LATENCY == 2 and is_large(len(self.data), self._words):
            data = Signal.like(self.data, name="late", reset_less=True)
            m.d.sync += data.eq(port.data)
        elif self.LATENCY == 2:
            address = Signal.like(self.address, name="early", reset_less=True)
            m.d.sync += address.eq(self.address)
        m.d.comb += [port.addr.eq(address), port.en.eq(1), self.data.eq(data)]
        return m


def is_large(width, words):
    """Whether a ROM is taken for a block RAM."""
    return width * len(words) >= Rom.LARGE


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
