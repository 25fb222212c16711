"""Memories that software writes while no frame is inside, and the way that words take to them.

Words of 32 bits come one after the other along a chain of layers. Each layer's `LoadPort` takes as many as its memories
have and passes the others on. A memory lies in *slices* of up to 32 bits: words fill a slice row by row, then the next
slice, then the next memory.
"""

from typing import Any, ClassVar

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from fewbit.hw.wires import register

from .buffers import LOAD_BITS, writable_placement
from .load_layout import LoadLayout
from .placement import Contents

__all__ = ["LoadPort", "LoadableMemory", "LoadableUnit", "connect_writes", "load_bus", "writes"]


def load_bus() -> wiring.Signature:
    """Return the signature of words on their way: ``start`` in front of the first, each with ``valid``.

    Between any two of these is a cycle without, so that a register may stand between a word and what follows from it.
    """
    return wiring.Signature({"start": Out(1), "valid": Out(1), "data": Out(LOAD_BITS)})


def writes(layout: LoadLayout) -> wiring.Signature:
    """Return the signature of a word that is written: at ``row`` of the slice whose bit of ``enable`` is high."""
    return wiring.Signature({
        "row": Out(range(max(2, layout.rows))), "data": Out(LOAD_BITS), "enable": Out(len(layout.depths)),
    })  # fmt: skip


class LoadableMemory(wiring.Component):
    """A memory that is read while frames pass, and written while none is inside: ``data = words[address]``.

    Latency as of `hw.memory.rom.Rom`: ``contents.latency`` cycles, 1 or 2. Of a single word it is registers, which have
    it always. Until it is written it holds ``contents``.

    Parameters
    ----------
    contents : hw.memory.placement.Contents
        First contents; hardware depends on their width, depth and latency alone.

    Members
    -------
    address : ``In(range(depth))``, data : ``Out(width)``
    writes : ``In(writes(layout))``

    Raises
    ------
    ValueError
        If the contents' latency is another.
    """

    def __init__(self, contents: Contents):
        if contents.latency not in (1, 2):
            raise ValueError(f"Latency must be 1 or 2, not {contents.latency!r}")
        self.contents, self.layout = contents, LoadLayout({"data": contents})
        super().__init__({
            "address": In(range(max(2, len(contents.words)))), "data": Out(contents.width),
            "writes": In(writes(self.layout)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        found, where = self.contents, writable_placement(self.contents.width, len(self.contents.words)).where
        address, behind = self.address, found.latency == 2 and where == "block"
        if found.latency == 2 and not behind and len(found.words) > 1:
            address = Signal.like(self.address, name="early", reset_less=True)
            m.d.sync += address.eq(self.address)
        parts = []
        for k in range(len(self.layout.depths)):
            low = k * LOAD_BITS
            width = min(LOAD_BITS, found.width - low)
            words = [int(word) >> low & ((1 << width) - 1) for word in found.words]
            parts.append((self._registers if len(words) == 1 else self._memory)(m, k, width, words, address, where))
        data = Cat(*parts)
        if behind and len(found.words) > 1:
            late = Signal(found.width, name="late", reset_less=True)
            m.d.sync += late.eq(data)
            data = late
        m.d.comb += self.data.eq(data)
        return m

    def _registers(self, m, k, width, words, address, where):
        held = Signal(width, name=f"word{k}", init=words[0], reset_less=True)
        with m.If(self.writes.enable[k]):
            m.d.sync += held.eq(self.writes.data)
        return held

    def _memory(self, m, k, width, words, address, where):
        style = {"ram_style": "block" if where == "block" else "distributed"}
        m.submodules[f"slice{k}"] = memory = Memory(shape=width, depth=len(words), init=words, attrs=style)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(self.writes.row), write.data.eq(self.writes.data), write.en.eq(self.writes.enable[k]),
            read.addr.eq(address), read.en.eq(1),
        ]  # fmt: skip
        return read.data


class LoadPort(wiring.Component):
    """Where the words of a layer leave their way: the first ones behind ``start`` are this layer's, ``layout.count`` of
    them, and the others are passed on, a cycle later.

    Its registers have no reset, so that one of the data path alone, in the middle of the words, loses none.

    Parameters
    ----------
    layout : LoadLayout

    Members
    -------
    i : ``In(load_bus())``, o : ``Out(load_bus())``
    writes : ``Out(writes(layout))``
        A cycle after the word came.

    Raises
    ------
    ValueError
        If the layout has no memory.
    """

    def __init__(self, layout: LoadLayout):
        if not layout.count:
            raise ValueError("Layout must have a memory")
        self._layout = layout
        super().__init__({"i": In(load_bus()), "o": Out(load_bus()), "writes": Out(writes(layout))})

    def elaborate(self, platform):
        m = Module()
        depths = self._layout.depths
        count = len(depths)
        at = Signal(count + 1, init=1 << count, reset_less=True)  # the slice to fill; the highest bit: none is left
        row = Signal(range(max(2, self._layout.rows)), reset_less=True)
        ends = [
            Cat(at[k] for k in range(count) if depths[k] == depth).any() & (row == depth - 1)
            for depth in sorted(set(depths))
        ]
        at_end = register(m, Cat(*ends).any(), "at_end")
        data = register(m, self.i.data, "word")
        m.d.comb += [
            self.writes.row.eq(register(m, row, "row_written")), self.writes.data.eq(data),
            self.writes.enable.eq(register(m, Mux(self.i.valid, at[:count], 0), "slice_written")),
            self.o.start.eq(register(m, self.i.start, "start_on")), self.o.data.eq(data),
            self.o.valid.eq(register(m, self.i.valid & at[count], "valid_on")),
        ]  # fmt: skip
        with m.If(self.i.valid & ~at[count]):
            m.d.sync += row.eq(row + 1)
            with m.If(at_end):
                m.d.sync += [row.eq(0), at.eq(at << 1)]
        with m.If(self.i.start):
            m.d.sync += [row.eq(0), at.eq(1)]
        return m


def connect_writes(m: Module, target: wiring.PureInterface, source: wiring.PureInterface, place: slice) -> None:
    """Let what writes the slices of ``place`` write those of ``target``."""
    m.d.comb += [
        Value.cast(target.row).eq(source.row), target.data.eq(source.data),
        target.enable.eq(Value.cast(source.enable)[place]),
    ]  # fmt: skip


class LoadableUnit:
    """What a unit of the pipeline has beside its own, whose plan has loadable ``memories``: a mixin, in front of the
    unit's class, whose constructor takes `LOADING`.

    Members
    -------
    load : ``In(load_bus())``, load_on : ``Out(load_bus())``
        Words for this unit and those behind it; words for those behind it.
    """

    LOADING: ClassVar[dict[str, wiring.Member]] = {"load": In(load_bus()), "load_on": Out(load_bus())}
    plan: Any
    load: Any
    load_on: Any

    def elaborate(self, platform):
        self._places = LoadLayout(self.plan.memories).places
        self._port = LoadPort(LoadLayout(self.plan.memories))
        m = super().elaborate(platform)
        m.submodules.load_port = self._port
        wiring.connect(m, wiring.flipped(self.load), self._port.i)
        wiring.connect(m, self._port.o, wiring.flipped(self.load_on))
        return m

    def loadable_memory(self, m: Module, name: str) -> LoadableMemory:
        """Return one of the plan's memories, connected to what writes it."""
        memory = LoadableMemory(self.plan.memories[name])
        connect_writes(m, memory.writes, self._port.writes, self._places[name])
        return memory

    def connect_part(self, m: Module, writes: wiring.PureInterface, prefix: str) -> None:
        """Let a part of the unit be written, whose memories are those of the plan whose names begin so."""
        places = [place for name, place in self._places.items() if name.startswith(prefix)]
        connect_writes(m, writes, self._port.writes, slice(places[0].start, places[-1].stop))
