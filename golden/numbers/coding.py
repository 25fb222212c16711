"""Non-uniform weights: integers that are written as a few digits times coefficients of their neuron.

A `Coding` keeps what the integers alone no longer show: that they are sums of basis values with signs (LQ-Nets), one of
two scales or nothing (TTQ), or entries of a codebook. The hardware may then store the short code of a weight in place
of its integer, or sum up plane by plane and multiply once a neuron.
"""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Coding"]


@dataclass(frozen=True, eq=False)
class Coding:
    """``weights[n, k] == sum_p coefficients[n, p] * digits[p, codes[n, k]]``.

    Attributes
    ----------
    codes : int64 (N, K)
    digits : int64 (P, L)
        What code l counts in plane p: all of them -1 and +1, or all 0 and 1.
    coefficients : int64 (N, P)
    """

    codes: np.ndarray
    digits: np.ndarray
    coefficients: np.ndarray

    @property
    def bits(self):
        """Of a code."""
        return max(1, (self.digits.shape[1] - 1).bit_length())

    @property
    def bipolar(self):
        """Whether digits are -1 and +1, and not 0 and 1."""
        return bool((self.digits != 0).all())

    @property
    def tables(self):
        """The weight of every code, by neuron: int64 (N, L)."""
        return self.coefficients @ self.digits

    def weights(self):
        """The integers themselves."""
        return np.take_along_axis(self.tables, self.codes, axis=1)

    def taking(self, columns):
        """The coding of the weights ``[:, columns]``."""
        return replace(self, codes=self.codes[:, columns])

    def repeated(self, count):
        """The coding of the weights ``count`` times below each other."""
        return Coding(np.tile(self.codes, (count, 1)), self.digits, np.tile(self.coefficients, (count, 1)))

    def negated(self, rows):
        """The coding with the weights of ``rows`` (booleans) negated."""
        return replace(self, coefficients=np.where(rows[:, None], -self.coefficients, self.coefficients))

    def tidied(self):
        """Without planes that count nothing and codes that nobody has, or ``None`` if plain integers are as good."""
        used = np.unique(self.codes)
        digits = self.digits[:, used]
        kept = (self.coefficients != 0).any(axis=0) & (digits != 0).any(axis=1)
        if not kept.any():
            return None
        return Coding(np.searchsorted(used, self.codes), digits[kept], self.coefficients[:, kept])
