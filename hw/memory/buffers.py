"""What memories take that are written while frames pass: FIFOs, lines of an image, vectors."""

from math import ceil

from fewbit.hw.cost import Cost

from .placement import BRAM18_LUTS, blocks_of

__all__ = [
    "RAM_WORDS",
    "buffer_cost",
    "choice_luts",
    "fifo_luts",
    "queue_luts",
    "ram_attributes",
    "ram_luts",
    "select_luts",
]

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


def select_luts(count: int) -> float:
    """Return about the LUTs that choose one of so many bits."""
    return 0 if count < 2 else 1 if count <= 4 else count / 2


def fifo_luts(width: int) -> int:
    """Return the LUTs of the memory of a FIFO of at most `RAM_WORDS` words."""
    return ram_luts(width, RAM_WORDS)


def ram_attributes(ram: str | None) -> dict[str, str]:
    """Return the attributes of a memory whose ``ram_style`` is ``ram``; None leaves it to synthesis."""
    return {} if ram is None else {"ram_style": ram}
