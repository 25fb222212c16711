"""How a quantizer rounds: asked from the quantizer itself, so that one of any dialect answers."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .code_quantizer import CodeQuantizer

__all__ = ["Rounding", "rounding_of"]

_FAR = np.float32(3e38)
_PARTS = (-0.5, -0.25, 0.0, 0.25, 0.5)


@dataclass(frozen=True)
class Rounding:
    """A function from a number to the codes ``lo`` to ``hi``: ``clip(floor(v + shift))``, or the ceiling of it.

    Attributes
    ----------
    up : bool
        Whether it is the ceiling.
    shift : Fraction
        0, or 1/2 below the ceiling and above the floor: to the nearest.
    ties : int or None
        The lowest bit of the code that halves are rounded to; None where they go to the side that ``up`` says.
    lo, hi : int
    """

    up: bool
    shift: Fraction
    ties: int | None
    lo: int
    hi: int

    def __call__(self, value: Fraction) -> int:
        """Return the code of a number."""
        code = math.ceil(value + self.shift) if self.up else math.floor(value + self.shift)
        if self.ties is not None and (value + self.shift).denominator == 1 and (code - self.ties) % 2:
            code -= 1
        return min(max(code, self.lo), self.hi)


_HALF = Fraction(1, 2)
_KINDS = [(False, Fraction(0), None), (True, Fraction(0), None), (False, _HALF, 0), (False, _HALF, 1),
          (False, _HALF, None), (True, -_HALF, None)]  # fmt: skip


def rounding_of(quantizer: CodeQuantizer, zero: np.ndarray) -> Rounding | None:
    """Return how a quantizer with these zero points, one or one a channel, rounds; None where it is no `Rounding`.

    It is asked for the codes of integers, of halves and of quarters, near its ends and near 0.
    """
    found = {_of_zero(quantizer, z) for z in np.unique(np.asarray(zero, dtype=np.float32))}
    return found.pop() if len(found) == 1 else None


def _of_zero(quantizer, zero):
    def codes(v):
        return quantizer.codes(np.asarray(v, dtype=np.float32), np.ones(1, np.float32), np.float32([zero]))

    lo, hi = (int(c) for c in codes([-_FAR, _FAR]))
    near = np.unique(np.clip([*range(lo, lo + 5), *range(-4, 5), *range(hi - 4, hi + 1)], lo, hi))
    values = np.add.outer(near, _PARTS).reshape(-1)
    got = codes(values - float(zero))
    for kind in _KINDS:
        rounding = Rounding(*kind, lo, hi)
        if all(rounding(Fraction(v)) == c for v, c in zip(values.tolist(), got.tolist(), strict=True)):
            return rounding
    return None
