"""Formats whose values are all integers of a range, and bipolar ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from .format import Format, IntegerFormat

__all__ = ["Bipolar", "Signed", "SignedChance", "Ternary", "Unsigned", "UnsignedChance", "UnsignedNarrow",
           "format_for"]  # fmt: skip

NUMBER = "([1-9][0-9]?)"  # bits
MOST_BITS = 53  # so that every value is a number of double precision, as whoever scales it needs


@dataclass(frozen=True)
class Bipolar(IntegerFormat):
    """One bit: code 0 is -1, code 1 is +1 (Courbariaux and others 2016). There is no zero."""

    bits = 1
    lo = -1
    hi = 1
    spacing, origin = 2, -1
    is_sign = True
    TEXT = "bipolar"

    def describe(self) -> str:
        return "one bit, 0 for -1 and 1 for +1"

    def widened(self, value: float) -> Format | None:
        return Ternary() if value == 0 else super().widened(value)

    def __str__(self) -> str:
        return "bipolar"

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls()]


class _Range(IntegerFormat):
    """Every integer from ``lo`` to ``hi``; there may be too many to list them."""

    def _outside(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind in "iub":
            if values.min() >= self.lo and values.max() <= self.hi:
                return np.zeros(1, dtype=bool)
            return (values < self.lo) | (values > self.hi)
        with np.errstate(invalid="ignore"):
            return ~((values >= self.lo) & (values <= self.hi) & (values == np.rint(values)))


@dataclass(frozen=True)
class Unsigned(_Range):
    """Unsigned integers of ``bits`` bits, 0 to ``2**bits - 1``; `ValueError` unless there are 1 to 53 bits."""

    bits: int

    TEXT = f"uint{NUMBER}"

    def __post_init__(self) -> None:
        _check_bits("Unsigned", self.bits, 1)

    lo = 0

    @property
    def hi(self) -> int:
        return 2**self.bits - 1

    def __str__(self) -> str:
        return f"uint{self.bits}"

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(bits) for bits in range(2, 10)]


@dataclass(frozen=True)
class UnsignedNarrow(Unsigned):
    """Unsigned integers but the largest: QONNX's reading of unsigned and narrow, 0 to ``2**bits - 2``."""

    TEXT = f"uint{NUMBER}n"

    @property
    def hi(self) -> int:
        return 2**self.bits - 2

    def __str__(self) -> str:
        return f"uint{self.bits}n"


@dataclass(frozen=True)
class UnsignedChance(Unsigned):
    """Probabilities in units of ``2**-(bits - 1)``: the integers 0 to ``2**(bits - 1)``."""

    is_chance = True
    TEXT = f"uint{NUMBER}p"

    @property
    def hi(self) -> int:
        return 1 << self.bits - 1

    def __str__(self) -> str:
        return f"uint{self.bits}p"


@dataclass(frozen=True)
class Signed(_Range):
    """Two's complement integers of ``bits`` bits; ``narrow`` leaves out the most negative one.

    `ValueError` unless there are 1 to 53 bits, 2 at least where it is narrow.
    """

    bits: int
    narrow: bool = False

    signed = True
    TEXT = f"(ternary)|int{NUMBER}(n?)"

    def __post_init__(self) -> None:
        _check_bits("Signed", self.bits, 2 if self.narrow else 1)

    @property
    def lo(self) -> int:
        return -(2 ** (self.bits - 1)) + self.narrow

    @property
    def hi(self) -> int:
        return 2 ** (self.bits - 1) - 1

    @property
    def roomy(self) -> Format:
        """With its most negative value; of 3 or 7 bits, which happen to leave a usual format's highest bit unused, one
        of 4 or 8. The ternary one stays."""
        return self if self == Ternary() else Signed({3: 4, 7: 8}.get(self.bits, self.bits))

    def __str__(self) -> str:
        return "ternary" if self == Ternary() else f"int{self.bits}" + ("n" if self.narrow else "")

    @classmethod
    def read(cls, *groups: Any) -> Self:
        ternary, bits, narrow = groups
        return cls(2, narrow=True) if ternary else cls(int(bits), bool(narrow))

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(bits, narrow) for narrow in (False, True) for bits in range(1 + narrow, 10)]


@dataclass(frozen=True)
class SignedChance(Signed):
    """Probabilities, in units of ``2**-(bits - 2)``, with the sign of what is drawn.

    They are the integers ``-2**(bits - 2)`` to ``2**(bits - 2)``.
    """

    is_chance = True
    TEXT = f"int{NUMBER}p"

    def __post_init__(self) -> None:
        _check_bits("Signed", self.bits, 2)
        if self.narrow:
            raise ValueError("A signed probability is never narrow")

    @property
    def lo(self) -> int:
        return -(1 << self.bits - 2)

    @property
    def hi(self) -> int:
        return 1 << self.bits - 2

    def __str__(self) -> str:
        return f"int{self.bits}p"

    @classmethod
    def read(cls, *groups: Any) -> Self:
        (bits,) = groups
        return cls(int(bits))

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(bits) for bits in range(2, 10)]


def Ternary() -> Signed:
    """Return the format of -1, 0 and +1, narrow two's complement of 2 bits (Li and others 2016, TWN)."""
    return Signed(2, narrow=True)


def format_for(values: np.ndarray | Sequence[int]) -> IntegerFormat:
    """Return the smallest format that holds every one of the integer ``values``, of which there must be one at least.

    It is bipolar if all are -1 or +1, ternary if 0 occurs as well, unsigned if none is negative, else signed (narrow
    where the most negative value is not needed).
    """
    values = np.asarray(values)
    lo, hi = int(values.min()), int(values.max())
    if lo >= 0:
        return Bipolar() if (lo, hi) == (1, 1) else Unsigned(max(1, hi.bit_length()))
    if (np.abs(values) == 1).all():
        return Bipolar()
    bits = max((-lo - 1).bit_length(), max(hi, 0).bit_length()) + 1
    if lo == -(2 ** (bits - 1)):
        return Signed(bits)
    return Signed(bits, narrow=True)


def _check_bits(kind: str, bits: int, least: int) -> None:
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not least <= bits <= MOST_BITS:
        raise ValueError(f"{kind} format must have {least} to {MOST_BITS} bits, not {bits!r}")
