"""A kernel's fixed-point multiplier as one node: for integers too wide for their thresholds to be searched.

Codes of 16 bits, and sums of them, have up to ``2**32`` values. What `kernels.multiplied` makes of them, a product that
is rounded twice, is one multiply, add and shift with a step at zero.
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden.importing.tensors import Data
from fewbit.golden.network.graph import accumulator_format
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.formats import Format

__all__ = ["Line", "add_line"]

_FIRST = 31  # bits that the first rounding shifts out


@dataclass(frozen=True)
class Line:
    """``(x*factor + addend) >> shift``, less ``kink`` in front of the shift where that gives 0 or less.

    Of whole numbers x. ``kink`` is 0 where there is none.
    """

    factor: int
    addend: int
    shift: int
    kink: int

    @classmethod
    def of(cls, multiplier: int, exponent: int, *, by: int = 1) -> "Line":
        """Return the line of ``multiplied(by*x, multiplier, exponent)``.

        The first rounding is half up; the second, by r bits, half away from zero: half up again, but that what is
        below zero lies by one unit of the first result lower.
        """
        second = max(0, -exponent)
        factor = (multiplier << max(0, exponent)) * by
        addend = (1 << _FIRST - 1) + (1 << _FIRST + second - 1 if second else 0)
        shift, kink = _FIRST + second, 1 << _FIRST if second else 0
        common = min(_trailing(factor), _trailing(addend), shift)
        return cls(factor >> common, addend >> common, shift - common, kink >> common)

    @classmethod
    def halved(cls, bits: int) -> "Line":
        """Return the line of ``x / 2**bits``, rounded half away from zero; ``bits`` is not negative."""
        return cls(1, 1 << bits - 1, bits, 1) if bits else cls(1, 0, 0, 0)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return what the line makes of integers, in numbers of any length where 64 bits may not do."""
        x = np.asarray(x).astype(object)
        y = (x * self.factor + self.addend) >> self.shift
        return np.where(y <= 0, (x * self.factor + self.addend - self.kink) >> self.shift, y).astype(np.int64)

    @property
    def multiple(self) -> int | None:
        """The whole number that the line multiplies by, where it does nothing else."""
        whole = self.factor % (1 << self.shift) == 0 and 0 <= self.addend < 1 << self.shift and not self.kink
        return self.factor >> self.shift if whole else None


def _trailing(number: int) -> int:
    """Return how often 2 divides a number; many times for 0."""
    return (number & -number).bit_length() - 1 if number else _FIRST


def add_line(importer, data: Data, line: Line, *, zero: int = 0, level: int = 0, fmt: Format | None = None,
             clip: tuple[int, int] | None = None) -> Data:  # fmt: skip
    """Append what a `Line` makes of ``x - zero``, and ``level`` added to it; return the data behind it.

    Parameters
    ----------
    fmt : Format or None
        The format of the result; ``None`` for integers that hold every one.
    clip : (int, int) or None
        The smallest and the largest result, where they are not those of the format.
    """
    edge, channels = importer.edge(data.edge), importer.channels(data)
    addend = line.addend - line.factor * zero + (level << line.shift)
    if fmt is None:
        ends = [(int(x) * line.factor + addend) >> line.shift for x in (edge.lo.min(), edge.hi.max())]
        fmt = accumulator_format(np.array([min(ends) - 1]), np.array([max(ends)]))
    numbers = [np.full(channels, number, dtype=np.int64) for number in (line.factor, addend, line.kink)]
    name = importer.new("rescale")
    if clip == (fmt.lo, fmt.hi):
        clip = None
    kink = numbers[2] if line.kink else None
    importer.add(Rescale(name, data.edge, name, *numbers[:2], line.shift, fmt, clip, kink, level))
    return Data(name, data.index)
