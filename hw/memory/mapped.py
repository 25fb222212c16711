"""What synthesis makes of every memory of a design: exactly, by the shapes of a family's memory cells.

Yosys (``memory_libmap``) weighs cells of distributed RAM, with what chooses among them, against block RAMs. Its costs
stand here, and are held against it by a sweep of shapes (`tests/hw/memory/test_mapped.py`). Unlike
`hw.memory.buffers`, nothing that decides what a design is made of is here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fewbit.hw.cost import Cost
from fewbit.hw.targets.target import Target

from .buffers import slices_of, writable_placement
from .placement import Contents, Placement, columns_of, is_large_shape, placement_of

__all__ = ["Buffer", "Fifo", "MappedMemory", "RomTable", "loadable_of", "memory_cost", "table_of"]


@dataclass(frozen=True)
class _Cells:
    """A family's cells of distributed RAM: LUTs of a cell, bits that it has of so many words, and Yosys's cost of one,
    with the part of it that shrinks with the bits that are used."""

    luts: int
    bits: tuple[tuple[int, int], ...]
    cost: float
    scaled: float

    def best(self, width: int, depth: int) -> tuple[float, int]:
        """Return Yosys's cost of a memory of this shape, and its LUTs."""
        return min(self._of(width, depth, words, bits) for words, bits in self.bits)

    def _of(self, width, depth, words, bits):
        rows, (full, rest) = -(-depth // words), divmod(width, bits)
        row = full * self.cost + (self.cost - self.scaled + self.scaled * rest / bits if rest else 0)
        choice = (width * (rows - 1) + rows) / 2 if rows > 1 else 0
        return rows * row + choice, rows * -(-width // bits) * self.luts


_SERIES_7 = _Cells(4, ((32, 6), (64, 3)), 8, 7)  # RAM32M, RAM64M
_ULTRASCALE = _Cells(8, ((32, 14), (64, 7)), 16, 16)  # RAM32M16, RAM64M8
_CELLS = {"xc7": _SERIES_7, "xcu": _ULTRASCALE, "xcup": _ULTRASCALE}
_ULTRA_BLOCK = 1024  # what Yosys counts an UltraRAM as
_BLOCK, _MORE = 129, 1  # what Yosys counts a block RAM of 18 Kbit as, and a memory in block RAM beside that

# Shapes of a block: words, bits of the least part that is written or read by itself, and how many such parts a word
# has. Parts of several words of a deep memory share a block.
_WRITTEN = ((512, 9, 4), (512, 8, 4), (1024, 9, 2), (2048, 9, 1), (4096, 4, 1), (8192, 2, 1), (16384, 1, 1))
_READ = ((512, 1, 36), (1024, 1, 18), (2048, 1, 9), (4096, 1, 4), (8192, 1, 2), (16384, 1, 1))
_ULTRA = ((4096, 9, 8), (4096, 8, 9))


def _blocks(width: int, depth: int, shapes: tuple[tuple[int, int, int], ...]) -> int:
    """Return the fewest blocks of these shapes that hold ``depth`` words of ``width`` bits."""
    return min(-(-(-(-width // part) * -(-depth // words)) // parts) for words, part, parts in shapes)


class MappedMemory:
    """A memory of a design; ``cost(family)`` is what synthesis for a family makes of it, in `hw.cost.Cost`."""

    def cost(self, family: str, *, ultra: bool = False) -> Cost:
        """Return what it takes; LUTs that are memory are among both LUTs and LUTRAM.

        With ``ultra`` synthesis may take UltraRAM where it is not asked to: it does so in a design that has some.
        """
        raise NotImplementedError

    @property
    def bits(self) -> int:
        """Bits that it holds."""
        raise NotImplementedError


@dataclass(frozen=True)
class Fifo(MappedMemory):
    """A memory that is written, and read in the same cycle: always distributed RAM, which synthesis knows by that."""

    width: int
    depth: int

    def cost(self, family: str, *, ultra: bool = False) -> Cost:
        luts = _CELLS[family].best(self.width, self.depth)[1]
        return Cost(luts, lutram=luts)

    @property
    def bits(self) -> int:
        return self.width * self.depth


@dataclass(frozen=True)
class Buffer(MappedMemory):
    """A memory that is written, and read a cycle later; ``ram`` is its ``ram_style``: ``"distributed"``, ``"block"``,
    ``"ultra"``, or None."""

    width: int
    depth: int
    ram: str | None = None

    def cost(self, family: str, *, ultra: bool = False) -> Cost:
        price, luts = _CELLS[family].best(self.width, self.depth)
        blocks = _blocks(self.width, self.depth, _WRITTEN)
        if self.ram in ("distributed", "block"):
            return Cost(luts, lutram=luts) if self.ram == "distributed" else Cost(bram18=blocks)
        if self.ram == "ultra" or (ultra and min(price, _BLOCK * blocks + _MORE) > _ULTRA_BLOCK * self.ultra_blocks):
            return Cost(uram=self.ultra_blocks)
        return Cost(luts, lutram=luts) if price <= _BLOCK * blocks + _MORE else Cost(bram18=blocks)

    @property
    def ultra_blocks(self) -> int:
        """UltraRAMs that it takes where it is in them."""
        return _blocks(self.width, self.depth, _ULTRA)

    @property
    def bits(self) -> int:
        return self.width * self.depth


@dataclass(frozen=True)
class RomTable(MappedMemory):
    """A read-only memory that is a `hw.memory.rom.Rom`: ``columns`` unlike bits of ``depth`` words, and where they are.

    With ``netlists`` those that are in LUTs are made of them; else that is up to synthesis.
    """

    columns: int
    depth: int
    placement: Placement
    netlists: bool = True

    def cost(self, family: str, *, ultra: bool = False) -> Cost:
        if self.placement.where == "block":
            return Cost(bram18=_blocks(self.columns, self.depth, _READ))
        if not self.netlists and is_large_shape(self.columns, self.depth):
            return Cost(bram18=_blocks(self.columns, self.depth, _READ))
        return Cost(self.placement.luts)

    @property
    def bits(self) -> int:
        return self.columns * self.depth


def table_of(width: int, words: Sequence[int], target: Target) -> RomTable:
    """Return the memory of a `hw.memory.rom.Rom` of these words, which is where it costs least."""
    columns = len(columns_of(width, words)[0])
    return RomTable(columns, len(words), placement_of(columns, len(words)), target.netlists)


def loadable_of(contents: Contents) -> Iterator[Buffer]:
    """Yield the slices of a `hw.memory.loadable.LoadableMemory` of such contents; a single word is in registers."""
    depth = len(contents.words)
    where = writable_placement(contents.width, depth).where
    for width in slices_of(contents.width) if depth > 1 else []:
        yield Buffer(width, depth, "block" if where == "block" else "distributed")


def memory_cost(memories: Iterable[MappedMemory], family: str, *, ultra: bool = False) -> Cost:
    """Return what memories take together; ``ultra`` is that of `MappedMemory.cost`."""
    return sum((memory.cost(family, ultra=ultra) for memory in memories), Cost())
