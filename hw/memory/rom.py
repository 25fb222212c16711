"""Read-only memories, each where it costs least: in LUTs, or in block RAM."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.hw.target import Luts
from fewbit.hw.xilinx.instances import place
from fewbit.hw.xilinx.netlist import Netlist

__all__ = ["Placement", "Rom", "is_large", "placement", "placement_of"]

_LUT = 64  # words of which a LUT holds one bit; of half as many it holds two
_BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))  # words by bits of 18 Kbit
_BLOCK_WORTH = 200  # LUTs: a 7-series device has 184 to 235 for every block RAM of 18 Kbit


@dataclass(frozen=True)
class Placement:
    """Where a memory goes: ``"constant"``, ``"luts"`` or ``"block"``, and what it takes there."""

    where: str
    luts: int = 0
    bram18: int = 0


def placement(width, words):
    """Return the cheapest `Placement` of these words of ``width`` bits.

    Distributed RAM is never it: 46 bits a LUT against 64 of a truth table. Bits that are equal in all words are
    stored once, constant ones not at all.
    """
    return placement_of(len(_columns(width, words)[0]), len(words))


def placement_of(columns, depth):
    """Return the cheapest `Placement` of ``depth`` words in which so many bits are neither constant nor equal to
    another.
    """
    if not columns:
        return Placement("constant")
    luts, blocks = _luts(columns, depth), _blocks(columns, depth)
    return Placement("luts", luts) if luts <= blocks * _BLOCK_WORTH else Placement("block", bram18=blocks)


def _blocks(columns, depth):
    return min(-(-columns // bits) * -(-depth // words) for words, bits in _BLOCKS)


def _luts(columns, depth):
    if depth <= _LUT // 2:
        return -(-columns // 2)
    blocks = _tables_of(depth)
    muxes = -(-(-(-blocks // 4) - 1) // 3) if blocks > 4 else 0  # the device's own join four
    return columns * (blocks + muxes)


def _tables_of(depth):
    """Return the LUTs of a bit: an even number where there are several, as the device's multiplexers take two."""
    blocks = -(-depth // _LUT)
    return blocks + blocks % 2 if blocks > 1 else 1


def _columns(width, words):
    """Return the different columns of bits, bit n that of word n; and of each bit its column in a tuple, or its
    constant.

    An inverse bit is stored again: behind LUTs that are instances, an inverter would take a LUT too.
    """
    everything, columns, uses = (1 << len(words)) - 1, {}, []
    for k in range(width):
        column = sum((word >> k & 1) << n for n, word in enumerate(words))
        uses.append(column & 1 if column in (0, everything) else (columns.setdefault(column, len(columns)),))
    return list(columns), uses


def is_large(width, words):
    """Return whether a ROM of operators is taken for block RAM, whose output is late."""
    return width * len(words) >= Rom.LARGE * _blocks(width, len(words))


class Rom(wiring.Component):
    """``data = words[address]``, ``LATENCY`` cycles later; constant bits are constants.

    Parameters
    ----------
    width : int
        Bits of a word.
    words : list of int
    latency : int
        1 or 2. The second register is behind a block RAM, and in front of LUTs.
    luts : hw.target.Luts
        With operators it is a memory, with a wish where it should be; else what goes into LUTs is made of them.

    Raises
    ------
    ValueError
        If there is no word, a word does not fit, or the latency is neither 1 nor 2.

    Members
    -------
    address : ``In(range(len(words)))``
    data : ``Out(width)``
    """

    LARGE = 2048  # bits for each block RAM that it takes, from which on synthesis puts a memory of operators there

    def __init__(self, *, width, words, latency=1, luts=Luts.OPERATORS):
        if not words:
            raise ValueError("Words must not be empty")
        if latency not in (1, 2):
            raise ValueError(f"Latency must be 1 or 2, not {latency!r}")
        self.LATENCY = latency
        self._words, self._luts = [int(w) for w in words], luts
        bad = [w for w in self._words if w not in range(1 << width)]
        if bad:
            raise ValueError(f"Words must fit {width} bits, not {bad[0]!r}")
        self._columns, self._uses = _columns(width, self._words)
        self._MustUse__silence = True  # some are made for their placement only
        super().__init__({"address": In(range(max(2, len(words)))), "data": Out(width)})

    @property
    def placement(self):
        return placement(len(self.data), self._words)

    def elaborate(self, platform):
        m = Module()
        memory = self.placement.where == "block" or self._luts is Luts.OPERATORS
        behind = self.placement.where == "block" or (memory and is_large(len(self._columns), self._words))
        address = self.address
        if self.LATENCY == 2 and not behind and self._columns:
            address = Signal.like(self.address, name="early", reset_less=True)
            m.d.sync += address.eq(self.address)
        stored = [] if not self._columns else list(self._memory(m, address) if memory else self._tables(m, address))
        if self.LATENCY == 2 and behind and stored:
            late = Signal(len(stored), name="late", reset_less=True)
            m.d.sync += late.eq(Cat(*stored))
            stored = list(late)
        bits = [stored[use[0]] if isinstance(use, tuple) else Const(use, 1) for use in self._uses]
        m.d.comb += self.data.eq(Cat(*bits))
        return m

    def _memory(self, m, address):
        words = [sum((column >> n & 1) << k for k, column in enumerate(self._columns)) for n in range(len(self._words))]
        attrs = {"rom_style": "block"} if self.placement.where == "block" else {}
        m.submodules.memory = memory = Memory(shape=len(self._columns), depth=len(words), init=words, attrs=attrs)
        port = memory.read_port()
        m.d.comb += [port.addr.eq(address), port.en.eq(1)]
        return port.data

    def _tables(self, m, address):
        net = Netlist()
        inputs = net.input(len(address))
        outputs = _tabled(net, inputs, self._columns, len(self._words))
        bits = {0: Const(0, 1), 1: Const(1, 1)} | {bit: address[k] for k, bit in enumerate(inputs)}
        place(m, net, bits, self._luts)
        held = Signal(len(outputs), reset_less=True)
        m.d.sync += held.eq(Cat(*(bits[bit] for bit in outputs)))
        return held


def _tabled(net, address, columns, depth):
    """Return a bit for each column, in LUTs."""

    def table(column, block):
        return lambda *bits: column >> (block * _LUT + sum(bit << k for k, bit in enumerate(bits))) & 1

    low, high = address[:6], address[6:]
    if depth <= _LUT // 2:
        pairs = [columns[n : n + 2] for n in range(0, len(columns), 2)]
        return [bit for pair in pairs for bit in net.lut(low, *(table(column, 0) for column in pair))]
    return [
        _selected(net, high, [net.lut(low, table(column, b))[0] for b in range(_tables_of(depth))])
        for column in columns
    ]


def _selected(net, address, bits):
    """Return one of ``bits`` by ``address``: two levels of the device's own multiplexers, four ways in a LUT beyond
    them.
    """
    level = 0
    while len(bits) > 1:
        pairs = [bits[n : n + 2] for n in range(0, len(bits), 2)]
        if level < 2:
            bits = [net.mux(address[level], *pair) if len(pair) == 2 else pair[0] for pair in pairs]
            level += 1
        else:
            fours, select = [bits[n : n + 4] for n in range(0, len(bits), 4)], address[level : level + 2]
            bits = [_one_of(net, four, select) for four in fours]
            level += 2
    return bits[0]


def _one_of(net, bits, select):
    count = len(bits)

    def chosen(*values):
        number = sum(bit << k for k, bit in enumerate(values[count:]))
        return values[min(number, count - 1)]

    return net.lut([*bits, *select], chosen)[0] if count > 1 else bits[0]
