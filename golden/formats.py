"""Number formats: what an integer code means.

A *code* is the bit pattern on a wire, an unsigned integer in ``range(2**bits)``. A *value* is the integer that the
code stands for in arithmetic. A scale that turns values into the model's floats belongs to the network, not to the
format. One definition of width, range and coding serves the golden model and the hardware.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Bipolar", "Float32", "Format", "Levels", "PowersOfTwo", "Signed", "Ternary", "Unsigned", "format_for",
           "levels_format", "parse_format", "powers_of_two"]  # fmt: skip


class Format:
    """What all integer formats share.

    Attributes
    ----------
    bits : int
        Width of a code.
    lo, hi : int
        Smallest and largest value.
    levels : int
        How many values there are.
    """

    @property
    def levels(self):
        return self.hi - self.lo + 1

    @property
    def values(self):
        """Every value, ascending."""
        return np.arange(self.lo, self.hi + 1, dtype=np.int64)

    def holds(self, value):
        """Whether ``value`` is one of the format's."""
        return self.lo <= value <= self.hi

    def encode(self, values):
        """Codes (``int64``, non-negative) of integer ``values``; ``ValueError`` if one is outside the format."""
        values = np.asarray(values)
        if values.size and not np.isin(values, self.values).all():
            bad = values[~np.isin(values, self.values)].flat[0]
            raise ValueError(f"Value {bad} is not one of {self}'s, which has {self.lo} to {self.hi}")
        return self._encode(values.astype(np.int64))

    def _encode(self, values):
        return values & ((1 << self.bits) - 1)


@dataclass(frozen=True)
class Bipolar(Format):
    """One bit: code 0 is -1, code 1 is +1 (Courbariaux and others 2016). There is no zero."""

    bits = 1
    lo = -1
    hi = 1
    levels = 2

    @property
    def values(self):
        return np.array([-1, 1], dtype=np.int64)

    def holds(self, value):
        return value in (-1, 1)

    def _encode(self, values):
        return (values + 1) // 2

    def decode(self, codes):
        """Values of ``codes``."""
        return 2 * np.asarray(codes, dtype=np.int64) - 1

    def __str__(self):
        return "bipolar"


@dataclass(frozen=True)
class Unsigned(Format):
    """``bits``-bit unsigned integer, 0 to ``2**bits - 1``."""

    bits: int

    def __post_init__(self):
        if self.bits not in range(1, 33):
            raise ValueError(f"Unsigned format must have 1 to 32 bits, not {self.bits!r}")

    lo = 0

    @property
    def hi(self):
        return 2**self.bits - 1

    def encode(self, values):
        return _encode_range(self, values)

    def decode(self, codes):
        """Values of ``codes``: themselves."""
        return np.asarray(codes, dtype=np.int64)

    def __str__(self):
        return f"uint{self.bits}"


@dataclass(frozen=True)
class Signed(Format):
    """``bits``-bit two's complement integer; ``narrow`` leaves out the most negative value."""

    bits: int
    narrow: bool = False

    def __post_init__(self):
        if self.bits not in range(2 if self.narrow else 1, 33):
            raise ValueError(f"Signed format must have {2 if self.narrow else 1} to 32 bits, not {self.bits!r}")

    @property
    def lo(self):
        return -(2 ** (self.bits - 1)) + self.narrow

    @property
    def hi(self):
        return 2 ** (self.bits - 1) - 1

    def encode(self, values):
        return _encode_range(self, values)

    def decode(self, codes):
        """Values of ``codes``: their two's complement reading."""
        codes = np.asarray(codes, dtype=np.int64)
        return codes - ((codes >> (self.bits - 1)) << self.bits)

    def __str__(self):
        return "ternary" if self == Ternary() else f"int{self.bits}" + ("n" if self.narrow else "")


def _encode_range(fmt, values):
    values = np.asarray(values).astype(np.int64)
    if values.size and (values.min() < fmt.lo or values.max() > fmt.hi):
        bad = values.min() if values.min() < fmt.lo else values.max()
        raise ValueError(f"Value {bad} is not one of {fmt}'s, which has {fmt.lo} to {fmt.hi}")
    return values & ((1 << fmt.bits) - 1)


def Ternary():
    """-1, 0 and +1 in two's complement: the narrow 2-bit signed format (Li and others 2016, TWN)."""
    return Signed(2, narrow=True)


@dataclass(frozen=True)
class Float32(Format):
    """IEEE-754 single precision, for the baseline; a code is the bit pattern. Subnormals count as zero."""

    bits = 32

    def encode(self, values):
        return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.int64)

    def decode(self, codes):
        return np.asarray(codes).astype(np.uint32).view(np.float32)

    def __str__(self):
        return "float32"


@dataclass(frozen=True)
class Levels(Format):
    """A table of integers, ascending; a code is an index into it. Codes beyond the table count as its last entry.

    ``basis`` are positive numbers V_i that every entry is made of, where that is known (LQ-Nets), so that products may
    be made plane by plane: an entry is ``base + sum(V_i*e_i)``, e_i in `digit`.
    """

    table: tuple
    basis: tuple = ()

    def __post_init__(self):
        if not 2 <= len(self.table) <= 256 or any(a >= b for a, b in zip(self.table, self.table[1:], strict=False)):
            raise ValueError(f"A table of levels must have 2 to 256 rising integers, not {self.table!r}")
        if self.basis and not set(self.table) <= set(self._sums()):
            raise ValueError(f"The levels {self.table} are not made of {self.basis}")

    @property
    def bits(self):
        return (len(self.table) - 1).bit_length()

    @property
    def lo(self):
        return self.table[0]

    @property
    def hi(self):
        return self.table[-1]

    @property
    def levels(self):
        return len(self.table)

    @property
    def values(self):
        return np.array(self.table, dtype=np.int64)

    def holds(self, value):
        return value in self.table

    def _encode(self, values):
        return np.searchsorted(self.table, values)

    def decode(self, codes):
        """Values of ``codes``: what stands there in the table."""
        return self.values[np.minimum(np.asarray(codes, dtype=np.int64), len(self.table) - 1)]

    @property
    def digit(self):
        """The format of an e_i: bipolar where the levels reach from ``-sum(V)`` to ``sum(V)``, else 0 and 1."""
        return Bipolar() if (self.lo, self.hi) == (-sum(self.basis), sum(self.basis)) else Unsigned(1)

    @property
    def base(self):
        """What is added to the ``V_i*e_i``; 0 with bipolar digits."""
        return 0 if self.digit == Bipolar() else self.lo

    def _sums(self):
        """The level for every pattern of digits, bit i set where e_i is the upper one."""
        lower, upper = self.digit.lo, self.digit.hi
        return [self.base + sum(v * (upper if pattern >> i & 1 else lower) for i, v in enumerate(self.basis))
                for pattern in range(1 << len(self.basis))]  # fmt: skip

    def patterns(self):
        """For every code the digits as an integer, bit i for V_i."""
        sums = self._sums()
        return [sums.index(int(value)) for value in self.decode(np.arange(1 << self.bits))]

    def __str__(self):
        tail = f" of {','.join(map(str, self.basis))}" if self.basis else ""
        return f"levels {','.join(map(str, self.table))}{tail}"


@dataclass(frozen=True)
class PowersOfTwo(Format):
    """``+-2**e`` for e from 0 to ``most``, and 0 if ``zero``.

    A code is a sign, the highest bit, above ``e`` (or ``e + 1``, and 0 for zero).
    """

    most: int
    zero: bool = False

    def __post_init__(self):
        if self.most not in range(31):
            raise ValueError(f"The largest exponent must be 0 to 30, not {self.most!r}")

    @property
    def exponent_bits(self):
        """Of a code below its sign."""
        return (self.most + self.zero).bit_length()

    @property
    def bits(self):
        return self.exponent_bits + 1

    @property
    def lo(self):
        return -(1 << self.most)

    @property
    def hi(self):
        return 1 << self.most

    @property
    def values(self):
        powers = 1 << np.arange(self.most + 1, dtype=np.int64)
        return np.concatenate([-powers[::-1], [0] * self.zero, powers]).astype(np.int64)

    @property
    def levels(self):
        return 2 * self.most + 2 + self.zero

    def holds(self, value):
        return value in self.values

    def _encode(self, values):
        size = np.abs(values)
        exponent = np.where(size == 0, 0, np.rint(np.log2(np.maximum(size, 1))).astype(np.int64) + self.zero)
        return exponent | (values < 0).astype(np.int64) << self.exponent_bits

    def decode(self, codes):
        """Values of ``codes``; exponents beyond the largest count as it."""
        codes = np.asarray(codes, dtype=np.int64)
        exponent = np.minimum(codes & ((1 << self.exponent_bits) - 1), self.most + self.zero)
        size = np.where((exponent == 0) & self.zero, 0, 1 << np.maximum(exponent - self.zero, 0))
        return np.where(codes >> self.exponent_bits & 1, -size, size)

    def __str__(self):
        return f"powers of two to {self.hi}" + (" and 0" if self.zero else "")


def powers_of_two(values):
    """The `PowersOfTwo` that holds the integer ``values``, or ``None`` if one of them is none."""
    sizes = np.unique(np.abs(np.asarray(values, dtype=np.int64)))
    whole = sizes[sizes > 0]
    if not len(whole) or (whole & (whole - 1)).any() or int(whole[-1]).bit_length() > 31:
        return None
    return PowersOfTwo(int(whole[-1]).bit_length() - 1, bool(sizes[0] == 0))


def levels_format(table, basis=()):
    """The format of the integers in ``table``: a plain one where they follow each other (or are -1 and 1)."""
    table = np.unique(np.asarray(table, dtype=np.int64))
    if len(table) == 1 or (np.diff(table) == 1).all() or (len(table) == 2 and (np.abs(table) == 1).all()):
        return format_for(table)
    return Levels(tuple(table.tolist()), tuple(int(v) for v in basis))


def format_for(values):
    """The smallest format that holds every one of the integer ``values``.

    Bipolar if all are -1 or +1, ternary if 0 occurs as well, unsigned if none is negative, else signed (narrow where
    the most negative value is not needed).
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


def parse_format(text):
    """The format that ``str(format)`` wrote; ``ValueError`` otherwise."""
    if text == "bipolar":
        return Bipolar()
    if text == "ternary":
        return Ternary()
    if text == "float32":
        return Float32()
    if text.startswith("levels "):
        table, _, basis = text.removeprefix("levels ").partition(" of ")
        return Levels(*(tuple(int(v) for v in part.split(",") if v) for part in (table, basis)))
    if text.startswith("powers of two to "):
        most, _, zero = text.removeprefix("powers of two to ").partition(" and ")
        return PowersOfTwo(int(most).bit_length() - 1, zero == "0")
    narrow = text.endswith("n")
    kind, digits = (text[:4], text[4:]) if text.startswith("uint") else (text[:3], text[3:].removesuffix("n"))
    if digits.isdigit() and kind == "uint":
        return Unsigned(int(digits))
    if digits.isdigit() and kind == "int":
        return Signed(int(digits), narrow)
    raise ValueError(f"Format must be bipolar, ternary, float32, uintN, intN or intNn (narrow), not {text!r}")
