"""Number formats: what an integer code means.

A *code* is the bit pattern on a wire, an unsigned integer in ``range(2**bits)``. A *value* is the integer, or float,
that the code stands for in arithmetic. A scale that turns values into the model's floats belongs to the network, not to
the format. One definition of width, range, coding and text serves the golden model, the hardware and host software: a
format says what it is, nobody asks for its class. So a new one is a class in a file that is imported here.
"""

from .float_formats import Float32
from .format import Format, IntegerFormat, kinds_of_format
from .integer_formats import (
    Bipolar,
    Signed,
    SignedChance,
    Ternary,
    Unsigned,
    UnsignedChance,
    UnsignedNarrow,
    format_for,
)
from .table_formats import Levels, PowersOfTwo, levels_format, powers_of_two

__all__ = ["Bipolar", "Float32", "Format", "IntegerFormat", "Levels", "PowersOfTwo", "Signed", "SignedChance",
           "Ternary", "Unsigned", "UnsignedChance", "UnsignedNarrow", "format_for", "levels_format", "parse_format",
           "powers_of_two"]  # fmt: skip


def parse_format(text: str) -> Format:
    """Return the format that ``str(format)`` wrote as ``text``.

    Raises
    ------
    ValueError
        If it is the text of no format.
    """
    found = next((f for f in (kind.of_text(text) for kind in kinds_of_format()) if f is not None), None)
    if found is None or str(found) != text:
        raise ValueError(
            "Format must be bipolar, ternary, float32, uintN, intN, uintNn or intNn (narrow), uintNp or intNp "
            f"(probabilities), levels or powers of two, not {text!r}"
        )
    return found
