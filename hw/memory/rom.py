"""Read-only memories as hardware, each where it costs least: in LUTs, or in block RAM."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.shared import SharedComponent
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target
from fewbit.hw.xilinx.module_text import ModuleText, bits_of
from fewbit.hw.xilinx.netlist import Netlist

from .placement import (
    LUT_WORDS,
    Contents,
    Placement,
    columns_of,
    contents_digest,
    is_large,
    placement_of,
    tables_of,
    transposed,
)

__all__ = ["Rom"]


class Rom(SharedComponent):
    """A ROM: ``data = words[address]``, ``LATENCY`` cycles later; constant bits are constants.

    Parameters
    ----------
    width : int
        Bits of a word.
    words : list of int
    latency : int
        Cycles from an address to its word, 1 or 2. The second register is behind a block RAM, and in front of LUTs.
    target : hw.targets.target.Target
        With netlists what goes into LUTs is made of them; else it is a memory, with a wish where it should be.
    where : str or None
        ``"luts"`` or ``"block"``; None is where it costs least.

    Raises
    ------
    ValueError
        If there is no word, one does not fit the width, or the latency is another one.

    Members
    -------
    address : ``In(range(len(words)))``
    data : ``Out(width)``
    """

    def __init__(
        self, *, width: int, words: Sequence[int], latency: int = 1, target: Target = DEFAULT, where: str | None = None
    ):  # fmt: skip
        if not words:
            raise ValueError("Words must not be empty")
        if latency not in (1, 2):
            raise ValueError(f"Latency must be 1 or 2, not {latency!r}")
        self.LATENCY = latency
        self._words, self._target, self._where = [int(w) for w in words], target, where
        bad = [w for w in self._words if w not in range(1 << width)]
        if bad:
            raise ValueError(f"Words must fit {width} bits, not {bad[0]!r}")
        self._columns, self._uses = columns_of(width, self._words)
        super().__init__({"address": In(range(max(2, len(words)))), "data": Out(width)})

    @classmethod
    def of(cls, contents: Contents, target: Target) -> "Rom":
        """Return the ROM of a memory's contents."""
        return cls(
            width=contents.width, words=contents.words, latency=contents.latency, target=target, where=contents.where
        )

    @property
    def placement(self) -> Placement:
        """Where the ROM goes, and what it takes there."""
        return placement_of(len(self._columns), len(self._words), self._where)

    @property
    def definition(self):
        if not self._columns:  # constants, which synthesis is to see where they are used
            return None
        width, depth = len(self.data), len(self._words)
        wish = {} if self._where is None else {"where": self._where}
        return ModuleDefinition.of(
            "rom", f"{width}x{depth}", made_of=self._target.made_of, width=width, depth=depth, latency=self.LATENCY,
            contents=contents_digest(self._words), **wish,
        )  # fmt: skip

    def text(self, name):
        if not self._target.instances or self.placement.where != "luts":
            return None
        width, count, stored = len(self.data), len(self._columns), "held"
        uses = [use[0] if isinstance(use, tuple) else None for use in self._uses]
        if uses == list(range(count)):
            stored = "data"  # it is what leaves, as it is
        ports = {"clk": (1, False), "address": (len(self.address), False), "data": (width, True)}
        module = ModuleText(name, ports, starts=("data",) if stored == "data" else ())
        address = bits_of("address", len(self.address))
        if self.LATENCY == 2:
            early = module.wire("early", len(address), begins=True)
            module.register("early", address)
            address = early
        net = Netlist()
        inputs = net.input(len(address))
        outputs = _tabled(net, inputs, self._columns, len(self._words))
        bits = dict(zip(inputs, address, strict=True))
        module.place(net, bits)
        held = module.wire("held", count, begins=True)
        module.register(stored, [bits[bit] for bit in outputs])
        if stored == "data":
            module.connect("held", bits_of("data", count))
        else:
            data = [f"1'{use}" if k is None else held[k] for k, use in zip(uses, self._uses, strict=True)]
            module.connect("data", data)
        return str(module)

    def circuit(self):
        m = Module()
        memory = self.placement.where == "block" or not self._target.netlists
        large = self._where is None and is_large(len(self._columns), self._words)
        behind = self.placement.where == "block" or (memory and large)
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
        words = transposed(self._columns, len(self._words))
        attrs = {"rom_style": "block"} if self.placement.where == "block" else {}
        if self._where == "luts":
            attrs = {"rom_style": "distributed"}
        m.submodules.memory = memory = Memory(shape=len(self._columns), depth=len(words), init=words, attrs=attrs)
        port = memory.read_port()
        m.d.comb += [port.addr.eq(address), port.en.eq(1)]
        return port.data

    def _tables(self, m, address):
        net = Netlist()
        inputs = net.input(len(address))
        outputs = _tabled(net, inputs, self._columns, len(self._words))
        bits = {0: Const(0, 1), 1: Const(1, 1)} | {bit: address[k] for k, bit in enumerate(inputs)}
        self._target.place(m, net, bits)
        held = Signal(len(outputs), reset_less=True)
        m.d.sync += held.eq(Cat(*(bits[bit] for bit in outputs)))
        return held


def _tabled(net, address, columns, depth):
    """Return a bit for each column, in LUTs."""

    def table(column, block):
        return column >> block * LUT_WORDS & ((1 << LUT_WORDS) - 1)

    low, high = address[:6], address[6:]
    if depth <= LUT_WORDS // 2:
        pairs = [columns[n : n + 2] for n in range(0, len(columns), 2)]
        return [bit for pair in pairs for bit in net.tables(low, *(table(column, 0) for column in pair))]
    return [
        _selected(net, high, [net.tables(low, table(column, b))[0] for b in range(tables_of(depth))])
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
