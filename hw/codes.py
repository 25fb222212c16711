"""Codes of a number format in hardware: how they are read."""

from amaranth.hdl import Const, Mux, Shape, Value

from fewbit.golden.numbers.format import Format

from .shapes import IntShape
from .wires import shape_of

__all__ = ["code_shape", "value_of"]


def code_shape(fmt: Format) -> Shape:
    """Return Amaranth's shape that a code of the format is read with, which is `IntShape.of_codes`."""
    return shape_of(IntShape.of_codes(fmt))


def value_of(code: Value, fmt: Format) -> Value:
    """Return the value, an expression, of an unsigned ``code`` of a format that is linear."""
    if fmt.literal:
        return code.as_signed() if fmt.signed else code
    if fmt.bits == 1:
        one, zero = (Const(int(v), 2).as_signed() for v in fmt.decode([1, 0]))
        return Mux(code[0], one, zero)
    number = code.as_signed() if fmt.signed else code
    return (number * fmt.spacing if fmt.spacing > 1 else number) + fmt.origin
