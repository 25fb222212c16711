"""Partial products: what one lane adds to the bit heap, for any pair of number formats.

A lane multiplies an activation ``x`` by a weight ``w``. Its product is written as bits that all count positively::

    x * w == scale * sum(bit * 2**exponent) + offset(w)

The offset depends on the weight alone, so that a parent adds it up in advance, once per neuron. It takes up the
constants of inverted bits too: none is ever added in hardware.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import Bipolar, PowersOfTwo, Signed, Ternary, Unsigned

__all__ = ["PlaneTerms", "ProductTerms", "SelectTerms", "ShiftTerms", "TernaryTerms", "product_terms",
           "terms_for"]  # fmt: skip


Kind = TypeVar("Kind", bound=type["ProductTerms"])

_TERMS: list[
    tuple[type[Format], type["ProductTerms"]]
] = []  # (class of weight formats, class of terms): those that are cheaper where they fit come later


def terms_for(*w_kinds: type[Format]) -> Callable[[Kind], Kind]:
    """Register a class of `ProductTerms` for weights whose format is of one of these classes, where it `fits`."""

    def register(kind):
        _TERMS.extend((w_kind, kind) for w_kind in w_kinds)
        return kind

    return register


def product_terms(x_format: Format, w_format: Format) -> "ProductTerms":
    """Return the cheapest ``ProductTerms`` for activations in ``x_format`` and weights in ``w_format``.

    Activations may be of any linear format; weights of a format for whose class terms are registered.

    Raises
    ------
    ValueError
        If a format has no partial products.
    """
    fits = [kind for w_kind, kind in _TERMS if isinstance(w_format, w_kind) and kind.fits(x_format, w_format)]
    for name, fmt, known in ("Activation", x_format, x_format.linear), ("Weight", w_format, fits):
        if not known:
            raise ValueError(f"{name} format must be Bipolar, Unsigned or Signed, not {fmt!r}")
    return fits[-1](x_format, w_format)


class ProductTerms:
    """Partial products of one lane.

    An activation counts as ``x == scale * u + base``, which its format says: ``u`` is its code, read as a number.

    Attributes
    ----------
    x_format, w_format : Format
    scale : int
        What the heap is to be multiplied by: 2 for bipolar activations, else 1.
    fan_in : int
        How many bits of ``x`` and ``w`` one term depends on.
    in_sum : bool
        Whether the LUTs that sum the terms up make them too (`hw.xilinx.dot_product`); else a lane takes ``luts``.
    """

    fan_in = 2
    in_sum = True

    def __init__(self, x_format: Format, w_format: Format):
        self.x_format, self.w_format = x_format, w_format
        self.scale, self._base = x_format.spacing, x_format.origin
        self._x_sign = x_format.bits - 1 if x_format.signed else None

    @classmethod
    def fits(cls, x_format: Format, w_format: Format) -> bool:
        """Return whether these terms are right for activations in ``x_format`` and weights in ``w_format``."""
        return True

    def terms(self, x: Any, w: Any) -> Iterator[tuple[Any, int]]:
        """Yield ``(bit, exponent)`` for codes ``x`` and ``w``, given as anything that is indexed by bit.

        An Amaranth value is one lane; an array of bit planes makes every yielded "bit" a vector with a bit per lane.
        Only ``&``, ``^`` and ``~`` are used.
        """
        raise NotImplementedError

    def offset(self, w_values: ArrayLike) -> np.ndarray:
        """Return ``x * w - scale * heap`` for weight values, an int64 array of their shape; ``x`` does not matter."""
        raise NotImplementedError

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """Exponent of each term, in the order of `terms`."""
        planes = np.zeros((max(self.x_format.bits, self.w_format.bits), 1), dtype=bool)
        return tuple(exponent for _, exponent in self.terms(planes, planes))

    def heap(self, x_values: ArrayLike, w_values: ArrayLike) -> np.ndarray:
        """Return ``sum(bit * 2**exponent)`` of lanes with these values, elementwise, as an int64 array."""
        w_values = np.asarray(w_values, dtype=np.int64)
        return (np.asarray(x_values, dtype=np.int64) * w_values - self.offset(w_values)) // self.scale

    @cached_property
    def pad_weight(self) -> int:
        """Weight code for a lane that is not used: with activation code 0 it adds ``pad_heap`` to the heap."""
        return min((0, 1), key=self._zero_heap)

    @cached_property
    def pad_heap(self) -> int:
        """What a lane that is not used adds to the heap: that of activation code 0 and `pad_weight`."""
        return self._zero_heap(self.pad_weight)

    def _zero_heap(self, w_code):
        return int(self.heap(self.x_format.decode(0), self.w_format.decode(w_code)))


@terms_for(Unsigned, Signed)
class PlaneTerms(ProductTerms):
    """Weights of several bits: an AND plane of weight ``2**(i + j)`` for each pair of bits (Baugh and Wooley 1973).

    A product of a sign bit and another bit counts negatively: it enters inverted.
    """

    def _pairs(self):
        """Yield ``(i, j, negative)`` for each pair of bits."""
        w_sign = self.w_format.bits - 1 if self.w_format.signed else None
        for i in range(self.x_format.bits):
            for j in range(self.w_format.bits):
                yield i, j, (i == self._x_sign) != (j == w_sign)

    def terms(self, x, w):
        for i, j, negative in self._pairs():
            yield (~(x[i] & w[j]) if negative else x[i] & w[j]), i + j

    def offset(self, w_values):
        inverted = sum(1 << (i + j) for i, j, negative in self._pairs() if negative)
        return self._base * np.asarray(w_values, dtype=np.int64) - self.scale * inverted


@terms_for(Bipolar, Signed)
class SelectTerms(ProductTerms):
    """Weights -1, (0,) +1, that is bipolar or ternary: the bits of ``x`` as they are, inverted, or zero.

    ``-x`` is ``~x + 1``, and the ``+ 1`` is known with the weight, so one bit per bit of ``x`` is enough. Bipolar by
    bipolar this is one XNOR; ternary by ternary, two bits, as many as a plus and a minus bit.
    """

    def __init__(self, x_format, w_format):
        super().__init__(x_format, w_format)
        self.fan_in = 1 + w_format.bits
        if self._x_sign is not None:  # the sign bit enters inverted: the heap of w = 1 is x - base, never negative
            self._base = -1 << self._x_sign

    @classmethod
    def fits(cls, x_format, w_format):
        return w_format in (Bipolar(), Ternary())

    def terms(self, x, w):
        for i in range(self.x_format.bits):
            negate = x[i] ^ w[self.w_format.bits - 1]
            if self.w_format == Bipolar():
                yield (negate if i == self._x_sign else ~negate), i
            else:
                yield w[0] & (~negate if i == self._x_sign else negate), i

    def offset(self, w_values):
        w_values = np.asarray(w_values, dtype=np.int64)
        ones = (1 << self.x_format.bits) - 1
        return np.select([w_values > 0, w_values < 0], [self._base, -self.scale * ones - self._base], 0)


@terms_for(Signed)
class TernaryTerms(ProductTerms):
    """Ternary by ternary: ``x * w + 1``, which is 0, 1 or 2, in two bits.

    So a lane and a running bit make two bits again, which is one LUT of two outputs.
    """

    fan_in = 4

    @classmethod
    def fits(cls, x_format, w_format):
        return x_format == w_format == Ternary()

    def terms(self, x, w):
        used, differ = x[0] & w[0], x[1] ^ w[1]
        yield ~used, 0
        yield used & ~differ, 1

    def offset(self, w_values):
        return np.full(np.shape(w_values), -1, dtype=np.int64)


@terms_for(PowersOfTwo)
class ShiftTerms(ProductTerms):
    """Weights ``+-2**e`` or 0: the bits of ``x``, inverted for a negative weight, in the columns from ``e`` on.

    Every column has one bit, a choice among those of ``x`` by the exponent: as many bits as a product has columns,
    where planes of such a weight, nearly all of which are zero, have as many as pairs of bits.
    """

    in_sum = False
    w_format: PowersOfTwo

    def __init__(self, x_format: Format, w_format: PowersOfTwo):
        super().__init__(x_format, w_format)
        self.fan_in = min(x_format.bits, w_format.most + 1) + w_format.bits
        if self._x_sign is not None:  # the sign bit enters inverted, as in `SelectTerms`
            self._base = -1 << self._x_sign

    def terms(self, x, w):
        fmt = self.w_format
        negative = w[fmt.exponent_bits]
        given = [x[i] ^ negative for i in range(self.x_format.bits)]
        if self._x_sign is not None:
            given[self._x_sign] = ~given[self._x_sign]
        chosen = [self._is(w, e + fmt.zero) for e in range(fmt.most + 1)]
        for column in range(self.x_format.bits + fmt.most):
            pairs = [(given[column - e], c) for e, c in enumerate(chosen) if 0 <= column - e < len(given)]
            off = ~(pairs[0][0] & pairs[0][1])
            for bit, here in pairs[1:]:
                off &= ~(bit & here)
            yield ~off, column

    @property
    def luts(self) -> int:
        """LUTs of a lane: in each column a choice of one bit of x, its sign included, by the exponent."""
        bits, most = self.x_format.bits, self.w_format.most
        choices = [min(c, bits - 1) - max(0, c - most) + 1 for c in range(bits + most)]
        select = self.w_format.exponent_bits + 1
        return sum(max(1, -(-(n + select - 1) // 5)) for n in choices)

    def _is(self, w, number):
        """Return whether the code below the sign is ``number``."""
        bits = [w[k] if number >> k & 1 else ~w[k] for k in range(self.w_format.exponent_bits)]
        if not bits:
            return w[0] | ~w[0]  # there is one power only
        found = bits[0]
        for bit in bits[1:]:
            found = found & bit
        return found

    def offset(self, w_values):
        w_values = np.asarray(w_values, dtype=np.int64)
        ones = (1 << self.x_format.bits) - 1
        return np.where(w_values > 0, self._base * w_values, (self.scale * ones + self._base) * w_values)
