"""Shapes of integers in plain Python: what a plan knows of a value before there is any hardware."""

from dataclasses import dataclass

from fewbit.golden.numbers.format import Format

__all__ = ["IntShape"]


@dataclass(frozen=True)
class IntShape:
    """The width of an integer in bits, and whether it is two's complement.

    Plans read ``width`` and ``signed`` alone, so a shape of Amaranth's may stand for it.
    """

    width: int
    signed: bool = False

    @classmethod
    def of_codes(cls, fmt: Format) -> "IntShape":
        """Return the shape that codes of a format are read with.

        In it they are in the order of the values, except for float32.
        """
        return cls(fmt.bits, fmt.signed)

    @classmethod
    def holding(cls, lo: int, hi: int) -> "IntShape":
        """Return the smallest shape that holds every integer of ``lo .. hi``; it has a sign if ``lo`` is negative."""
        lo, hi = int(lo), int(hi)
        bits = max((-lo - 1).bit_length() if lo < 0 else 0, max(hi, 0).bit_length())
        return cls(bits + 1, signed=True) if lo < 0 else cls(max(1, bits))
