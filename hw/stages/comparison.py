"""Which of two values is the larger one: integers of any format, and float32."""

from amaranth.hdl import Value

from fewbit.golden.numbers.format import Format
from fewbit.hw.float32.units import float_greater

__all__ = ["greater"]


def greater(fmt: Format, a: Value, b: Value) -> Value:
    """Return whether ``a > b``, codes of the format ``fmt`` in the shape of `hw.codes.code_shape`."""
    return a > b if fmt.integral else float_greater(a, b)
