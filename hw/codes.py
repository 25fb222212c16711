"""Codes of a number format in hardware: how they are read."""

from amaranth.hdl import Const, Mux, Shape, Value, signed, unsigned

from fewbit.golden.numbers.format import Format

__all__ = ["code_shape", "value_of"]


def code_shape(fmt: Format) -> Shape:
    """Shape that a code of the format is read with; in it codes are in the order of the values, float32 excepted."""
    return signed(fmt.bits) if fmt.signed else unsigned(fmt.bits)


def value_of(code: Value, fmt: Format) -> Value:
    """The value, an expression, of an unsigned ``code`` of a format that is linear."""
    if fmt.literal:
        return code.as_signed() if fmt.signed else code
    if fmt.bits == 1:
        one, zero = (Const(int(v), 2).as_signed() for v in fmt.decode([1, 0]))
        return Mux(code[0], one, zero)
    number = code.as_signed() if fmt.signed else code
    return (number * fmt.spacing if fmt.spacing > 1 else number) + fmt.origin
