"""What every number format has."""

import re

import numpy as np

__all__ = ["Format", "kinds_of_format"]


class Format:
    """What all integer formats share.

    ``str(format)`` is the format's text in manifests; ``TEXT`` is a regular expression of all texts of the class, and
    `read` makes the format of the expression's groups. A class without a ``TEXT`` of its own has no text.

    Attributes
    ----------
    bits : int
        Width of a code.
    lo, hi : int
        Smallest and largest value.
    levels : int
        How many values there are.
    """

    TEXT = None

    @property
    def levels(self):
        return self.hi - self.lo + 1

    @property
    def values(self):
        """Every value, ascending."""
        return np.arange(self.lo, self.hi + 1, dtype=np.int64)

    def holds(self, value):
        """Whether ``value`` is one of the format's."""
        return self.lo <= value <= self.hi

    def encode(self, values):
        """Codes (``int64``, non-negative) of integer ``values``; ``ValueError`` if one is outside the format."""
        values = np.asarray(values)
        if values.size:
            outside = self._outside(values)
            if outside.any():
                bad = values[outside].flat[0]
                raise ValueError(f"Value {bad} is not one of {self}'s, which has {self.lo} to {self.hi}")
        return self._encode(values.astype(np.int64))

    def _outside(self, values):
        """Which of ``values`` are none of the format's."""
        return ~np.isin(values, self.values)

    def _encode(self, values):
        return values & ((1 << self.bits) - 1)

    @classmethod
    def of_text(cls, text):
        """The format of this class that ``text`` stands for, or None if it is none of this class's."""
        match = cls.__dict__.get("TEXT") and re.fullmatch(cls.TEXT, text, re.ASCII)
        return cls.read(*match.groups()) if match else None

    @classmethod
    def read(cls, *groups):
        """The format of the groups of ``TEXT``."""
        return cls(*map(int, groups))


def kinds_of_format(kind=Format):
    """Every class of formats."""
    for below in kind.__subclasses__():
        yield below
        yield from kinds_of_format(below)
