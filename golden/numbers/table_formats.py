"""Formats of non-uniform quantizers: tables of levels, and powers of two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .format import Format, IntegerFormat
from .integer_formats import Bipolar, Unsigned, format_for

__all__ = ["Levels", "PowersOfTwo", "levels_format", "powers_of_two"]

_SOME = 1 << 12  # values that are looked at before all of them are

_INTEGERS = "(-?[0-9]{1,19}(?:,-?[0-9]{1,19})*)"
_MOST_BASIS = 16


@dataclass(frozen=True)
class Levels(IntegerFormat):
    """A table of integers, ascending; a code is an index into it. Codes beyond the table count as its last entry.

    ``basis`` are positive numbers V_i that every entry is made of, where that is known (LQ-Nets, Zhang and others
    2018), so that products may be made plane by plane: an entry is ``base + sum(V_i*e_i)``, e_i in `digit`.

    Raises
    ------
    ValueError
        If the table does not hold 2 to 256 rising integers within 62 bits, or its entries are not made of the basis.
    """

    table: tuple[int, ...]
    basis: tuple[int, ...] = ()

    linear = False
    TEXT = f"levels {_INTEGERS}(?: of {_INTEGERS})?"

    def __post_init__(self) -> None:
        for name in "table", "basis":
            if not all(isinstance(v, int) and not isinstance(v, bool) for v in getattr(self, name)):
                raise ValueError(f"The {name} of levels must be integers, not {getattr(self, name)!r}")
        if len(self.basis) > _MOST_BASIS or any(v < 1 for v in self.basis):
            raise ValueError(f"A basis must be at most {_MOST_BASIS} positive integers, not {self.basis!r}")
        if not 2 <= len(self.table) <= 256 or any(a >= b for a, b in zip(self.table, self.table[1:], strict=False)):
            raise ValueError(f"A table of levels must have 2 to 256 rising integers, not {self.table!r}")
        if max(map(abs, self.table)) >= 1 << 62:
            raise ValueError(f"Levels must be within 62 bits, not {self.table!r}")
        if self.basis and not set(self.table) <= set(self._sums()):
            raise ValueError(f"The levels {self.table} are not made of {self.basis}")

    @property
    def bits(self) -> int:
        return (len(self.table) - 1).bit_length()

    @property
    def lo(self) -> int:
        return self.table[0]

    @property
    def hi(self) -> int:
        return self.table[-1]

    @property
    def levels(self) -> int:
        return len(self.table)

    @property
    def values(self) -> np.ndarray:
        return np.array(self.table, dtype=np.int64)

    def holds(self, value: float) -> bool:
        return value in self.table

    def _encode(self, values: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.table, values)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the values of ``codes``: the entries of the table that they are indices of."""
        return self.values[np.minimum(np.asarray(codes, dtype=np.int64), len(self.table) - 1)]

    def describe(self) -> str:
        return f"{self.bits} bits, an index into the numbers {', '.join(map(str, self.table))}"

    def widened(self, value: float) -> Format:
        return self if self.holds(value) else levels_format([*self.table, value])

    @property
    def digit(self) -> IntegerFormat:
        """The format of an e_i: bipolar where the levels reach from ``-sum(V)`` to ``sum(V)``, else 0 and 1."""
        return Bipolar() if (self.lo, self.hi) == (-sum(self.basis), sum(self.basis)) else Unsigned(1)

    @property
    def base(self) -> int:
        """The integer that the ``V_i*e_i`` are added to; 0 with bipolar digits."""
        return 0 if self.digit == Bipolar() else self.lo

    def _sums(self) -> list[int]:
        """Return the level of every pattern of digits, in which bit i is set where e_i is the upper one."""
        lower, upper = self.digit.lo, self.digit.hi
        return [self.base + sum(v * (upper if pattern >> i & 1 else lower) for i, v in enumerate(self.basis))
                for pattern in range(1 << len(self.basis))]  # fmt: skip

    def patterns(self) -> list[int]:
        """Return the digits of every code as an integer, bit i for V_i."""
        sums = self._sums()
        return [sums.index(int(value)) for value in self.decode(np.arange(1 << self.bits))]

    def __str__(self) -> str:
        tail = f" of {','.join(map(str, self.basis))}" if self.basis else ""
        return f"levels {','.join(map(str, self.table))}{tail}"

    @classmethod
    def read(cls, *groups: Any) -> Self:
        table, basis = (tuple(map(int, part.split(","))) if part else () for part in groups)
        return cls(table, basis)

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls((-7, 0, 2, 300)), cls((-3, -1, 1, 3), (1, 2))]


@dataclass(frozen=True)
class PowersOfTwo(IntegerFormat):
    """The integers ``2**e`` and ``-2**e`` for e from 0 to ``most``, and 0 if ``zero``.

    A code is a sign, the highest bit, above ``e`` (or ``e + 1``, and 0 for zero). `ValueError` for a ``most`` that is
    not 0 to 30.
    """

    most: int
    zero: bool = False

    linear = False
    TEXT = "powers of two to ([0-9]{1,10})( and 0)?"

    def __post_init__(self) -> None:
        if isinstance(self.most, bool) or not isinstance(self.most, int) or not 0 <= self.most <= 30:
            raise ValueError(f"The largest exponent must be 0 to 30, not {self.most!r}")

    @property
    def exponent_bits(self) -> int:
        """Bits of a code below its sign."""
        return (self.most + self.zero).bit_length()

    @property
    def bits(self) -> int:
        return self.exponent_bits + 1

    @property
    def lo(self) -> int:
        return -(1 << self.most)

    @property
    def hi(self) -> int:
        return 1 << self.most

    @property
    def values(self) -> np.ndarray:
        powers = 1 << np.arange(self.most + 1, dtype=np.int64)
        return np.concatenate([-powers[::-1], [0] * self.zero, powers]).astype(np.int64)

    @property
    def levels(self) -> int:
        return 2 * self.most + 2 + self.zero

    def holds(self, value: float) -> bool:
        return value in self.values

    def _encode(self, values: np.ndarray) -> np.ndarray:
        size = np.abs(values)
        exponent = np.where(size == 0, 0, np.rint(np.log2(np.maximum(size, 1))).astype(np.int64) + self.zero)
        return exponent | (values < 0).astype(np.int64) << self.exponent_bits

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the values of ``codes``; exponents beyond the largest count as it."""
        codes = np.asarray(codes, dtype=np.int64)
        exponent = np.minimum(codes & ((1 << self.exponent_bits) - 1), self.most + self.zero)
        size = np.where((exponent == 0) & self.zero, 0, 1 << np.maximum(exponent - self.zero, 0))
        return np.where(codes >> self.exponent_bits & 1, -size, size)

    def describe(self) -> str:
        return f"{self.bits} bits, a sign above the exponent of a power of two"

    def __str__(self) -> str:
        return f"powers of two to {self.hi}" + (" and 0" if self.zero else "")

    @classmethod
    def read(cls, *groups: Any) -> Self | None:
        highest, zero = groups
        return cls(int(highest).bit_length() - 1, bool(zero)) if int(highest) else None

    @classmethod
    def examples(cls) -> list[Self]:
        return [cls(5), cls(3, zero=True)]


def levels_format(table: ArrayLike, basis: Iterable[int] = ()) -> IntegerFormat:
    """Return the format of the integers in ``table``, which may be in any order and repeat.

    It is a plain one where they follow each other (or are -1 and 1), else `Levels` with ``basis``.

    Raises
    ------
    ValueError
        If there are no such `Levels`.
    """
    found = np.unique(np.asarray(table, dtype=np.int64))
    if len(found) == 1 or (np.diff(found) == 1).all() or (len(found) == 2 and (np.abs(found) == 1).all()):
        return format_for(found)
    return Levels(tuple(found.tolist()), tuple(int(v) for v in basis))


def powers_of_two(values: np.ndarray | Sequence[int]) -> PowersOfTwo | None:
    """Return the `PowersOfTwo` that holds the integer ``values``; None if one of them is neither a power of two nor 0.

    It is also None where all are zero, or one has more than 31 bits.
    """
    sizes = np.abs(np.asarray(values, dtype=np.int64))
    some = sizes.reshape(-1)[:_SOME]
    if (some & (some - 1)).any():  # it is nearly always seen at once
        return None
    sizes = np.unique(sizes)
    whole = sizes[sizes > 0]
    if not len(whole) or (whole & (whole - 1)).any() or int(whole[-1]).bit_length() > 31:
        return None
    return PowersOfTwo(int(whole[-1]).bit_length() - 1, bool(sizes[0] == 0))
