"""A kernel's fixed-point multiplier as one node: for codes and sums too wide for their thresholds to be kept.

Codes of 16 bits have 65,536 levels, and sums of them up to ``2**32`` values. What `kernels.multiplied` makes of them, a
product that is rounded twice, is one multiply, add and shift with a step at zero.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.importing.tensors import Data
from fewbit.golden.network.graph import accumulator_format
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.formats import Format
from fewbit.golden.numbers.thresholds import find_thresholds
from fewbit.golden.rewrite.lines import Steps, lines

from .kernels import reduced_multiplier

__all__ = ["RoundedLine", "add_lines"]

_FIRST = 31  # bits that the first rounding shifts out
_LONG = 1 << 62
_MOST_SHIFT = 55  # of a line that is searched for: 65,536 levels over 32 bits need slopes that fine


@dataclass(frozen=True)
class RoundedLine:
    """``(x*factor + addend) >> shift`` of whole numbers x, less ``kink`` in front of the shift up to ``level``.

    ``kink`` is taken off where the line would else give ``level`` or less; it is 0 where there is none.
    """

    factor: int
    addend: int
    shift: int
    kink: int = 0
    level: int = 0

    @classmethod
    def of(cls, multiplier: int, exponent: int, *, by: int = 1) -> "RoundedLine":
        """Return the line of ``multiplied(by*x, multiplier, exponent)``.

        The first rounding is half up; the second, by r bits, half away from zero: half up again, but that what is
        below zero lies by one unit of the first result lower.
        """
        second = max(0, -exponent)
        addend = (1 << _FIRST - 1) + (1 << _FIRST + second - 1 if second else 0)
        kink = 1 << _FIRST if second else 0
        return cls((multiplier << max(0, exponent)) * by, addend, _FIRST + second, kink)._shortened()

    @classmethod
    def wide(cls, multiplier: int, exponent: int) -> "RoundedLine":
        """Return the line of ``multiplied_wide(x, multiplier, exponent)``."""
        reduced, shift = reduced_multiplier(multiplier, exponent)
        return cls(int(reduced), 1 << int(shift) - 1, int(shift))._shortened()

    @classmethod
    def halved(cls, bits: int) -> "RoundedLine":
        """Return the line of ``x / 2**bits``, rounded half away from zero; ``bits`` is not negative."""
        return cls(1, 1 << bits - 1, bits, 1) if bits else cls(1, 0, 0)

    @classmethod
    def through(cls, codes: Callable[[np.ndarray], np.ndarray], lo: int, hi: int) -> "RoundedLine | None":
        """Return a line that, clipped to the codes of both ends, gives the codes of every integer from lo to hi.

        It is None where the function, which keeps one direction, is no line.

        Parameters
        ----------
        codes : callable
            Maps int64 ``(n, 1)`` to int64 ``(n, 1)``.
        """
        thresholds, table = find_thresholds(codes, np.array([lo]), np.array([hi]))
        first, last = int(table[0, 0]), int(table[0, -1])
        if (np.diff(table[0]) < 0).any():
            return None
        rows = thresholds[0][np.searchsorted(table[0], np.arange(first + 1, last + 1)) - 1][None]
        steps = Steps.of(rows, np.array([[lo]]), np.array([[hi]]), first)
        found = lines(steps, (first, last), None, most_shift=_MOST_SHIFT)
        if found is None:
            return None
        factor, addend, _, shift = found
        return cls(int(factor[0]), int(addend[0]), int(shift))

    def behind(self, offset: int) -> "RoundedLine":
        """Return the line of ``x + offset``."""
        return replace(self, addend=self.addend + self.factor * int(offset))

    def raised(self, level: int) -> "RoundedLine":
        """Return the line with ``level`` added to what it gives."""
        return replace(self, addend=self.addend + (int(level) << self.shift), level=self.level + int(level))

    def finer(self, bits: int) -> "RoundedLine":
        """Return the same line with as many more bits shifted out."""
        factor, addend, kink = (number << bits for number in (self.factor, self.addend, self.kink))
        return RoundedLine(factor, addend, self.shift + bits, kink, self.level)

    def values(self, x: np.ndarray) -> np.ndarray:
        """Return what the line makes of integers, in numbers of any length where 64 bits may not do."""
        x = np.asarray(x).astype(object) * self.factor + self.addend
        y = x >> self.shift
        return np.where(y <= self.level, (x - self.kink) >> self.shift, y).astype(np.int64)

    @property
    def multiple(self) -> int | None:
        """The whole number that the line multiplies by, where it does nothing else."""
        whole = self.factor % (1 << self.shift) == 0 and 0 <= self.addend < 1 << self.shift and not self.kink
        return self.factor >> self.shift if whole else None

    def _shortened(self) -> "RoundedLine":
        """Return the same line without the bits that are shifted out and always zero."""
        common = min(_trailing(self.factor), _trailing(self.addend), _trailing(self.kink), self.shift)
        factor, addend, kink = (number >> common for number in (self.factor, self.addend, self.kink))
        return RoundedLine(factor, addend, self.shift - common, kink, self.level)


def _trailing(number: int) -> int:
    """Return how often 2 divides a number; many times for 0."""
    return (number & -number).bit_length() - 1 if number else 1 << 10


def add_lines(importer, data: Data, given: Sequence[RoundedLine], *, fmt: Format | None = None,
              clip: tuple[int, int] | None = None) -> Data:  # fmt: skip
    """Append what a line makes of each channel, or one of all; return the data behind it.

    Parameters
    ----------
    fmt : Format or None
        The format of the result; ``None`` for integers that hold every one.
    clip : (int, int) or None
        The smallest and the largest result, where they are not those of the format.
    """
    edge, channels = importer.edge(data.edge), importer.channels(data)
    shift = max(line.shift for line in given)
    given = [line.finer(shift - line.shift) for line in given]
    given = given * channels if len(given) == 1 else given
    factor, kink = (np.array([getattr(line, name) for line in given], dtype=np.int64) for name in ("factor", "kink"))
    addend = np.array([line.addend for line in given], dtype=object)
    if abs(addend).max() < _LONG:
        addend = addend.astype(np.int64)
    if fmt is None:
        ends = [line.values(x) for line, *x in zip(given, edge.lo, edge.hi, strict=True)]
        fmt = accumulator_format(np.min(ends, axis=1), np.max(ends, axis=1))
    name = importer.new("rescale")
    importer.add(
        Rescale(name, data.edge, name, factor, addend, shift, fmt, None if clip == (fmt.lo, fmt.hi) else clip,
                kink if kink.any() else None, given[0].level)
    )  # fmt: skip
    return Data(name, data.index)
