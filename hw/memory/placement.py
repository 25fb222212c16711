"""Where a read-only memory costs least, in LUTs or in block RAM, and what it takes there; in plain Python."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["BRAM18_LUTS", "LARGE", "LUT_WORDS", "Contents", "Placement", "blocks_of", "columns_of", "contents_digest",
           "is_large", "is_large_shape", "placement", "placement_of", "tables_of", "transposed"]  # fmt: skip

LARGE = 2048  # bits for each block RAM that a memory takes, from which on synthesis puts one of operators there
LUT_WORDS = 64  # words of which a LUT holds one bit; of half as many it holds two
_BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))  # words by bits of 18 Kbit
BRAM18_LUTS = 200  # LUTs that a block RAM of 18 Kbit counts as: a 7-series device has 184 to 235 for each


@dataclass(frozen=True)
class Placement:
    """Where a memory goes, and what it takes there.

    Attributes
    ----------
    where : str
        ``"constant"``, ``"luts"`` or ``"block"``.
    luts, bram18 : int
        LUTs, and block RAMs of 18 Kbit.
    """

    where: str
    luts: int = 0
    bram18: int = 0


def placement(width: int, words: Sequence[int], where: str | None = None) -> Placement:
    """Return the cheapest `Placement` of these words of ``width`` bits, or that in ``"luts"`` or ``"block"`` if
    ``where`` says so.

    Distributed RAM is never it: 46 bits a LUT against 64 of a truth table. Bits that are equal in all words are
    stored once, constant ones not at all.
    """
    return placement_of(len(columns_of(width, words)[0]), len(words), where)


def placement_of(columns: int, depth: int, where: str | None = None) -> Placement:
    """Return the cheapest `Placement` of ``depth`` words, of which ``columns`` bits are neither constant nor equal to
    another, or that in ``"luts"`` or ``"block"`` if ``where`` says so."""
    if not columns:
        return Placement("constant")
    luts, blocks = _luts(columns, depth), blocks_of(columns, depth)
    in_luts = luts <= blocks * BRAM18_LUTS if where is None else where == "luts"
    return Placement("luts", luts) if in_luts else Placement("block", bram18=blocks)


def blocks_of(columns: int, depth: int) -> int:
    """Return the block RAMs of 18 Kbit of ``depth`` words of so many bits, in the best of their shapes."""
    return min(-(-columns // bits) * -(-depth // words) for words, bits in _BLOCKS)


def _luts(columns, depth):
    if depth <= LUT_WORDS // 2:
        return -(-columns // 2)
    blocks = tables_of(depth)
    muxes = -(-(-(-blocks // 4) - 1) // 3) if blocks > 4 else 0  # the device's own join four
    return columns * (blocks + muxes)


def tables_of(depth: int) -> int:
    """Return the LUTs of a bit of ``depth`` words: an even number where there are several, as the device's
    multiplexers take two."""
    blocks = -(-depth // LUT_WORDS)
    return blocks + blocks % 2 if blocks > 1 else 1


def columns_of(width: int, words: Sequence[int]) -> tuple[list[int], list[int | tuple[int]]]:
    """Return the different columns of bits, bit n that of word n; and of each bit its column in a tuple, or its
    constant.

    An inverse bit is stored again: behind LUTs that are instances, an inverter would take a LUT too.
    """
    everything = (1 << len(words)) - 1
    columns: dict[int, int] = {}
    uses: list[int | tuple[int]] = []
    for column in transposed(words, width):
        uses.append(column & 1 if column in (0, everything) else (columns.setdefault(column, len(columns)),))
    return list(columns), uses


def transposed(numbers: Sequence[int], width: int) -> list[int]:
    """Return ``width`` integers, of which number k has bit k of every one of ``numbers``, the first one's lowest."""
    size = max(1, -(-width // 8))
    data = b"".join(int(number).to_bytes(size, "little") for number in numbers)
    bits = np.unpackbits(np.frombuffer(data, np.uint8).reshape(-1, size), axis=1, bitorder="little")[:, :width]
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(bits.T, axis=1, bitorder="little")]


def is_large(width: int, words: Sequence[int]) -> bool:
    """Return whether a ROM of operators is taken for block RAM, whose output is late."""
    return is_large_shape(width, len(words))


def is_large_shape(columns: int, depth: int) -> bool:
    """Return whether a ROM of operators, of ``depth`` words of so many bits, is taken for block RAM."""
    return columns * depth >= LARGE * blocks_of(columns, depth)


@dataclass(frozen=True)
class Contents:
    """The words of a memory, ``width`` bits each, which it gives ``latency`` cycles after their address; and where they
    are to be: in ``"luts"``, in ``"block"`` RAM, or (None) where they cost least."""

    width: int
    words: list[int]
    latency: int = 1
    where: str | None = None

    @cached_property
    def placement(self) -> Placement:
        """Where the words are, and what they take there."""
        return placement(self.width, self.words, self.where)


def contents_digest(words: Sequence[int]) -> str:
    """Return a digest of the words of a memory, by which equal contents are known."""
    return hashlib.blake2b("\n".join(map(str, words)).encode(), digest_size=16).hexdigest()
