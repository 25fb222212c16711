"""Number formats: what an integer code means.

A *code* is the bit pattern on a wire, an unsigned integer in ``range(2**bits)``. A *value* is the integer that the
code stands for in arithmetic. A scale that turns values into the model's floats belongs to the network, not to the
format. One definition of width, range, coding and text serves the golden model, the hardware and host software.
"""

from dataclasses import dataclass

import numpy as np

from .format import Format, kinds_of_format
from .integer_formats import Bipolar, Signed, SignedChance, Ternary, Unsigned, UnsignedChance, UnsignedNarrow
from .table_formats import Levels, PowersOfTwo

__all__ = ["Bipolar", "Float32", "Format", "Levels", "PowersOfTwo", "Signed", "SignedChance", "Ternary", "Unsigned",
           "UnsignedChance", "UnsignedNarrow", "format_for", "levels_format", "parse_format",
           "powers_of_two"]  # fmt: skip


@dataclass(frozen=True)
class Float32(Format):
    """IEEE-754 single precision, for the baseline; a code is the bit pattern. Subnormals count as zero."""

    bits = 32
    TEXT = "float32"

    def encode(self, values):
        return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.int64)

    def decode(self, codes):
        return np.asarray(codes).astype(np.uint32).view(np.float32)

    def __str__(self):
        return "float32"


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
    found = next((f for f in (kind.of_text(text) for kind in kinds_of_format()) if f is not None), None)
    if found is None or str(found) != text:
        raise ValueError(
            "Format must be bipolar, ternary, float32, uintN, intN, uintNn or intNn (narrow), uintNp or intNp "
            f"(probabilities), levels or powers of two, not {text!r}"
        )
    return found
