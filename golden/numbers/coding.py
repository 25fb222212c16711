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

    N neurons have K weights each, every weight has one of L codes, and there are P planes.

    Attributes
    ----------
    codes : int64 (N, K)
        The code of every weight, from 0 to L - 1.
    digits : int64 (P, L)
        What code l counts in plane p: all of them -1 and +1, or all 0 and 1.
    coefficients : int64 (N, P)
        What a digit of plane p is worth in neuron n.
    """

    codes: np.ndarray
    digits: np.ndarray
    coefficients: np.ndarray

    @property
    def bits(self) -> int:
        """Bits of one code."""
        return max(1, (self.digits.shape[1] - 1).bit_length())

    @property
    def bipolar(self) -> bool:
        """Whether digits are -1 and +1, and not 0 and 1."""
        return bool((self.digits != 0).all())

    @property
    def tables(self) -> np.ndarray:
        """The weight of every code, by neuron: int64 (N, L)."""
        return self.coefficients @ self.digits

    def weights(self) -> np.ndarray:
        """Return the integers themselves: int64 (N, K)."""
        return np.take_along_axis(self.tables, self.codes, axis=1)

    def taking(self, columns: np.ndarray | slice) -> "Coding":
        """Return the coding of the weights ``[:, columns]``."""
        return replace(self, codes=self.codes[:, columns])

    def repeated(self, count: int) -> "Coding":
        """Return the coding of the weights ``count`` times below each other: of ``count * N`` neurons."""
        return Coding(np.tile(self.codes, (count, 1)), self.digits, np.tile(self.coefficients, (count, 1)))

    def negated(self, rows: np.ndarray) -> "Coding":
        """Return the coding in which the weights of some neurons are negated: those that are True in ``rows`` (N,)."""
        return replace(self, coefficients=np.where(rows[:, None], -self.coefficients, self.coefficients))

    def tidied(self) -> "Coding | None":
        """Return the coding without planes that count nothing and codes that no weight has.

        It is None where no plane is left: plain integers are as good there.
        """
        used = np.unique(self.codes)
        digits = self.digits[:, used]
        kept = (self.coefficients != 0).any(axis=0) & (digits != 0).any(axis=1)
        if not kept.any():
            return None
        return Coding(np.searchsorted(used, self.codes), digits[kept], self.coefficients[:, kept])
