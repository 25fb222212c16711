"""The pairs of formats that `bench.cost.measure` measures."""

from dataclasses import dataclass

from fewbit.golden.numbers.formats import Bipolar, Format, Signed, Ternary, Unsigned

__all__ = ["FLOAT", "FORMATS", "FormatPair"]


@dataclass(frozen=True, kw_only=True)
class FormatPair:
    """A pair of formats, of activations and of weights, to measure.

    Attributes
    ----------
    name : str
    x, w : Format
        The formats of activations and of weights.
    lanes : tuple of int
        The lanes of the PEs that are measured.
    bits : int
        The bits of their accumulators.
    """

    name: str
    x: Format
    w: Format
    lanes: tuple[int, ...] = (64, 256)
    bits: int = 16


# Activations by weights.
FORMATS = (
    FormatPair(name="bipolar x bipolar", x=Bipolar(), w=Bipolar()),
    FormatPair(name="bipolar x ternary", x=Bipolar(), w=Ternary()),
    FormatPair(name="ternary x ternary", x=Ternary(), w=Ternary()),
    FormatPair(name="2 bits x bipolar", x=Unsigned(2), w=Bipolar()),
    FormatPair(name="2 bits x ternary", x=Unsigned(2), w=Ternary()),
    FormatPair(name="2 x 2 bits", x=Unsigned(2), w=Signed(2)),
    FormatPair(name="4 x 4 bits", x=Unsigned(4), w=Signed(4), lanes=(16, 64), bits=20),
    FormatPair(name="8 x 8 bits", x=Unsigned(8), w=Signed(8), lanes=(4, 16), bits=24),
)
FLOAT = "float32"
