"""What every number format has, and what formats of integers share."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Format", "IntegerFormat", "kinds_of_format"]


class Format:
    """What numbers are on a wire: a code is a bit pattern, and stands for a value.

    ``str(format)`` is the format's text in manifests; ``TEXT`` is a regular expression of all texts of the class, and
    `read` makes the format of the expression's groups. A class without a ``TEXT`` of its own has no text.

    Attributes
    ----------
    bits : int
        Width of a code.
    lo, hi : int (float32: float)
        Smallest and largest value.
    integral : bool
        Whether values are integers, so that sums of them are exact, in whatever order they are made.
    signed : bool
        Whether a code is to be read as two's complement, its highest bit the sign; else it is unsigned. Codes so read
        are in the order of the values, float32 and powers of two excepted.
    linear : bool
        Whether a value is ``spacing*u + origin``, where u is the code so read.
    spacing, origin : int
        These numbers; of formats that are not linear 1 and 0.
    is_sign : bool
        Whether values are -1 and +1 alone, so that a number is quantized to its sign.
    is_chance : bool
        Whether values are probabilities, in units of the largest.
    basis : tuple of int
        Positive numbers that every value is made of, one after the other added or not, or subtracted; else empty.
    """

    TEXT: str | None = None
    integral = signed = linear = is_sign = is_chance = False
    spacing, origin = 1, 0
    basis: tuple[int, ...] = ()

    if TYPE_CHECKING:  # else a dataclass that inherits them would take them for its fields' defaults

        @property
        def bits(self) -> int: ...

        @property
        def lo(self) -> Any: ...

        @property
        def hi(self) -> Any: ...

    @property
    def literal(self) -> bool:
        """Whether a code, read as a number, is its value."""
        return self.linear and (self.spacing, self.origin) == (1, 0)

    @property
    def levels(self) -> int:
        """The number of values; formats of floats do not count theirs, and raise `NotImplementedError`."""
        raise NotImplementedError

    @property
    def values(self) -> np.ndarray:
        """Every value, ascending: int64 (levels,); formats of floats raise `NotImplementedError`."""
        raise NotImplementedError

    def encode(self, values: ArrayLike) -> np.ndarray:
        """Return the codes (int64, not negative) of ``values``, in their shape.

        Raises
        ------
        ValueError
            If one of ``values`` is none of the format's.
        """
        raise NotImplementedError

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return the values of ``codes``, in their shape."""
        raise NotImplementedError

    def describe(self) -> str:
        """Return what a code is, in words that can follow "A code is"."""
        raise NotImplementedError

    def widened(self, value: float) -> "Format | None":
        """Return the smallest format that holds the number ``value`` beside all of this one's values; None if none
        does."""
        raise NotImplementedError

    @property
    def roomy(self) -> "Format":
        """The format of a memory whose numbers, of this format now, others of their kind may replace."""
        return self

    def extends(self, other: "Format") -> bool:
        """Say whether a code of ``other``, with zeros or its sign above it, is this format's code of the same value."""
        alike = self.linear and other.linear and (self.spacing, self.origin) == (other.spacing, other.origin)
        return self == other or (alike and self.lo <= other.lo and other.hi <= self.hi)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return random values: an array of ``shape``, drawn by ``rng``."""
        raise NotImplementedError

    @classmethod
    def examples(cls) -> list[Self]:
        """Return a few formats of the class, for tests of whatever holds for every format."""
        raise NotImplementedError

    @classmethod
    def of_text(cls, text: str) -> Self | None:
        """Return the format of this class that ``text`` stands for, or None if it is none of this class's."""
        own = cls.__dict__.get("TEXT")
        match = re.fullmatch(own, text, re.ASCII) if own else None
        return cls.read(*match.groups()) if match else None

    @classmethod
    def read(cls, *groups: Any) -> Self | None:
        """Return the format of the groups of ``TEXT``: strings, or None for a group that is not there."""
        return cls(*map(int, groups))


class IntegerFormat(Format):
    """What formats of integers share."""

    integral = linear = True

    if TYPE_CHECKING:

        @property
        def lo(self) -> int: ...

        @property
        def hi(self) -> int: ...

    @property
    def levels(self) -> int:
        """The number of values."""
        return (self.hi - self.lo) // self.spacing + 1

    @property
    def values(self) -> np.ndarray:
        """Every value, ascending: int64 (levels,)."""
        return np.arange(self.lo, self.hi + 1, self.spacing, dtype=np.int64)

    def holds(self, value: float) -> bool:
        """Say whether ``value`` is one of the format's."""
        return bool(self.lo <= value <= self.hi and (value - self.lo) % self.spacing == 0)

    def encode(self, values: ArrayLike) -> np.ndarray:
        values = np.asarray(values)
        if values.size:
            outside = self._outside(values)
            if outside.any():
                bad = values[outside].flat[0]
                raise ValueError(f"Value {bad} is not one of {self}'s, which has {self.lo} to {self.hi}")
        return self._encode(values.astype(np.int64))

    def _outside(self, values: np.ndarray) -> np.ndarray:
        """Return which of ``values`` are none of the format's: booleans in their shape, or one False for them all."""
        return ~np.isin(values, self.values)

    def _encode(self, values: np.ndarray) -> np.ndarray:
        return (values - self.origin) // self.spacing & ((1 << self.bits) - 1)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        numbers = np.asarray(codes, dtype=np.int64)
        if self.signed:
            numbers = numbers - ((numbers >> (self.bits - 1)) << self.bits)
        return self.spacing * numbers + self.origin

    def describe(self) -> str:
        reading = "two's complement" if self.signed else "unsigned"
        return f"{reading}, {self.bits} bits"

    def widened(self, value: float) -> Format | None:
        return self if self.holds(value) else None

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.choice(self.values, size=shape)


def kinds_of_format(kind: type[Format] = Format) -> Iterator[type[Format]]:
    """Yield every class of formats below ``kind`` that has a text."""
    for below in kind.__subclasses__():
        if below.__dict__.get("TEXT"):
            yield below
        yield from kinds_of_format(below)
