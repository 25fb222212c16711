"""The pairs of formats that `bench.cost.measure` measures."""

from dataclasses import dataclass

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned

__all__ = ["FLOAT", "FORMATS", "Format"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A pair of formats, the lanes that its PEs are measured with, and the bits of their accumulator."""

    name: str
    x: object
    w: object
    lanes: tuple = (64, 256)
    bits: int = 16


# Activations by weights.
FORMATS = (
    Format(name="bipolar x bipolar", x=Bipolar(), w=Bipolar()),
    Format(name="bipolar x ternary", x=Bipolar(), w=Ternary()),
    Format(name="ternary x ternary", x=Ternary(), w=Ternary()),
    Format(name="2 bits x bipolar", x=Unsigned(2), w=Bipolar()),
    Format(name="2 bits x ternary", x=Unsigned(2), w=Ternary()),
    Format(name="2 x 2 bits", x=Unsigned(2), w=Signed(2)),
    Format(name="4 x 4 bits", x=Unsigned(4), w=Signed(4), lanes=(16, 64), bits=20),
    Format(name="8 x 8 bits", x=Unsigned(8), w=Signed(8), lanes=(4, 16), bits=24),
)
FLOAT = "float32"
