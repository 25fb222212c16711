"""What memories take that are written while frames pass: FIFOs, lines of an image, vectors."""

from dataclasses import dataclass
from math import ceil

from fewbit.hw.cost import Cost

from .placement import BRAM18_LUTS, Placement, blocks_of

__all__ = ["LOAD_BITS", "RAM_WORDS", "URAM_LUTS", "PlacedBuffer", "buffer_cost", "choice_luts", "fifo_luts",
           "placed_buffer", "price_of", "queue_luts", "ram_attributes", "ram_luts", "select_luts", "slices_of",
           "ultra_style", "writable_placement"]  # fmt: skip

LOAD_BITS = 32
"""Bits of a word on its way to a loadable memory, and of a slice of one, at most."""
URAM_LUTS = 700
"""LUTs that an UltraRAM counts as: less than its share of a device, as nothing but large buffers can be in it."""
_ULTRA_BRAM18_LUTS = (
    300  # LUTs that a block RAM counts as where there is UltraRAM: such devices have more LUTs for each
)
_URAM_BITS, _URAM_WORDS = 72, 4096  # of an UltraRAM

RAM_WORDS = 32
"""Words of the shallowest distributed RAM: what memories take grows where their depth exceeds a multiple of it."""
_PART = 64  # words of a usual one
_CELL, _BLOCK = 8, 129  # what Yosys counts a cell of distributed RAM, of four LUTs, and a block RAM of 18 Kbit as


def ram_luts(width: int, depth: int) -> int:
    """Return the LUTs of distributed RAM: four are a RAM32M of six bits, a RAM64M of three or a RAM128X1D of one."""
    return 4 * min(-(-width // bits) * -(-depth // words) for words, bits in ((RAM_WORDS, 6), (_PART, 3), (128, 1)))


def buffer_cost(width: int, depth: int) -> Cost:
    """Return the cost of a memory that each frame is written to: distributed RAM, or the block RAM that synthesis
    takes, where that counts less.
    """
    luts, blocks = ram_luts(width, depth), blocks_of(width, depth)
    return Cost(luts) if luts // 4 * _CELL <= _BLOCK * blocks else Cost(bram18=blocks)


@dataclass(frozen=True)
class PlacedBuffer:
    """Where a memory goes that is written while frames pass, as its hardware asks for: ``style`` is Xilinx's
    ``ram_style``, and ``cost`` what it takes there."""

    style: str
    cost: Cost

    @property
    def attrs(self) -> dict[str, str]:
        """The attributes of the memory."""
        return ram_attributes(self.style)


def price_of(cost: Cost) -> float:
    """Return a cost in LUTs, block RAMs and UltraRAMs counted as so many."""
    return cost.lut + BRAM18_LUTS * cost.bram18 + URAM_LUTS * cost.uram


def placed_buffer(width: int, depth: int, *, ultra: bool = False) -> PlacedBuffer:
    """Return where a buffer takes the least: distributed RAM, block RAM, or where there is such, UltraRAM."""
    choices = [
        PlacedBuffer("distributed", Cost(ceil(ram_luts(width, depth) + width * select_luts(-(-depth // _PART))))),
        PlacedBuffer("block", Cost(bram18=blocks_of(width, depth))),
    ]
    if ultra:
        choices.append(PlacedBuffer("ultra", Cost(uram=-(-width // _URAM_BITS) * -(-depth // _URAM_WORDS))))
    bram = _ULTRA_BRAM18_LUTS if ultra else BRAM18_LUTS
    return min(choices, key=lambda c: c.cost.lut + bram * c.cost.bram18 + URAM_LUTS * c.cost.uram)


def ultra_style(width: int, depth: int) -> str | None:
    """Return the ``ram_style`` of a buffer that may be in UltraRAM: None where it takes less elsewhere."""
    return "ultra" if placed_buffer(width, depth, ultra=True).style == "ultra" else None


def queue_luts(width: int, depth: int) -> int:
    """Return what a memory that is written and read in the same cycle takes, block RAMs counted as `BRAM18_LUTS` each.

    Beside the memory stand multiplexers between distributed RAMs, and where ``depth`` is no power of two, each address
    is compared with the last one.
    """
    memory, ends = buffer_cost(width, depth), 2 * -(-(depth - 1).bit_length() // 6) * (depth & (depth - 1) != 0)
    return ceil(memory.lut + choice_luts(width, depth)) + memory.bram18 * BRAM18_LUTS + ends


def choice_luts(width: int, depth: int) -> float:
    """Return about the LUTs that choose among the parts of a buffer of more words than a distributed RAM has."""
    parts = -(-depth // _PART) if buffer_cost(width, depth).lut else 1
    return width * select_luts(parts)


def writable_placement(width: int, depth: int) -> Placement:
    """Return the cheapest `Placement` of a loadable memory, none of whose bits is constant or equal to another: in
    distributed RAM or block RAM, by slices of `LOAD_BITS` bits. A single word is in registers, which take no LUTs.
    """
    if depth == 1:
        return Placement("luts")
    slices = slices_of(width)
    luts = sum(ram_luts(bits, depth) for bits in slices) + ceil(width * select_luts(-(-depth // _PART)))
    blocks = sum(blocks_of(bits, depth) for bits in slices)
    return Placement("luts", luts) if luts <= blocks * BRAM18_LUTS else Placement("block", bram18=blocks)


def slices_of(width: int) -> list[int]:
    """Return the bits of each slice of a loadable memory of ``width`` bits."""
    whole, rest = divmod(width, LOAD_BITS)
    return [LOAD_BITS] * whole + [rest] * (rest > 0)


def select_luts(count: int) -> float:
    """Return about the LUTs that choose one of so many bits."""
    return 0 if count < 2 else 1 if count <= 4 else count / 2


def fifo_luts(width: int) -> int:
    """Return the LUTs of the memory of a FIFO of at most `RAM_WORDS` words."""
    return ram_luts(width, RAM_WORDS)


def ram_attributes(ram: str | None) -> dict[str, str]:
    """Return the attributes of a memory whose ``ram_style`` is ``ram``; None leaves it to synthesis."""
    return {} if ram is None else {"ram_style": ram}
