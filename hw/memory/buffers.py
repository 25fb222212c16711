"""What memories take that are written while frames pass: FIFOs, lines of an image, vectors."""

from fewbit.hw.cost import Cost

from .placement import LARGE, blocks_of

__all__ = ["buffer_cost", "choice_luts", "fifo_luts", "ram_luts", "select_luts"]

_PART = 64  # words of a distributed RAM


def ram_luts(width: int, depth: int) -> int:
    """Return the LUTs of distributed RAM: four are a RAM32M of six bits, a RAM64M of three or a RAM128X1D of one."""
    if depth <= 32:
        return 4 * -(-width // 6)
    return 4 * min(-(-width // 3) * -(-depth // 64), width * -(-depth // 128))


def buffer_cost(width: int, depth: int) -> Cost:
    """Return the cost of a memory that each frame is written to: distributed RAM, or the block RAM that synthesis
    takes, where each block holds enough.
    """
    blocks = blocks_of(width, depth)
    return Cost(ram_luts(width, depth)) if width * depth <= LARGE * blocks else Cost(bram18=blocks)


def choice_luts(width: int, depth: int) -> float:
    """Return about the LUTs that choose among the parts of a buffer of more words than a distributed RAM has."""
    parts = -(-depth // _PART) if buffer_cost(width, depth).lut else 1
    return width * select_luts(parts)


def select_luts(count: int) -> float:
    """Return about the LUTs that choose one of so many bits."""
    return 0 if count < 2 else 1 if count <= 4 else count / 2


def fifo_luts(width: int) -> int:
    """Return the LUTs of the memory of a FIFO of at most 32 words."""
    return ram_luts(width, 32)
