"""Several low-bit products in one multiplier of a DSP48: how many, where they stand, what they add to a heap.

Some weights, ``stride`` bits apart, times one activation: every product has a field of its own. Where the fields below
sum to less than zero a field is one too small, and their sign bit is added to it again (Xilinx WP486 shows this for two
products of 8 bits). Fields of products that can be negative may overlap by one bit: what the next product's lowest
bit adds to a field's sign bit is known from the lowest bits of its factors, so four products of 4 bits fit where three
would. A field without a sign must not overlap: its highest bit would count in the next product.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.partial_products import ProductTerms

__all__ = ["DSP_BITS", "PRODUCT_LATENCY", "FieldTerms", "Packing", "best_packing", "packed_weights"]

PRODUCT_LATENCY = 3  # cycles from operands to products: registers at the ports, behind the multiplier, and at the end
DSP_BITS = 9
"""Bits of a product from which on synthesis takes a DSP; a narrower one it makes of LUTs."""
_PORT = 25  # bits of the signed port of a DSP48E1 that takes the weights; that of a DSP48E2 is wider
_MOST = 4  # weights on that port
_MOST_BITS = 16  # of an activation, for which the other port has 18 with its sign, and of a weight


@dataclass(frozen=True)
class Packing:
    """How weights share a multiplier.

    Attributes
    ----------
    weights : int
        Weights of a multiplier.
    stride, field : int
        Bits from one to the next; bits of a product.
    signed : bool
        Whether a product can be negative.
    weight_bits : int
        Bits of a weight as `packed_weights` gives it.
    """

    weights: int
    stride: int
    field: int
    signed: bool
    weight_bits: int

    @property
    def overlaps(self) -> bool:
        """Whether neighbouring products share a bit."""
        return self.stride < self.field

    @property
    def width(self) -> int:
        """Bits of the product with all weights together."""
        return self._width(self.weights)

    def _width(self, count):
        return self.stride * (count - 1) + self.field

    def dsps(self, neurons: int) -> int:
        """Return how many DSPs synthesis takes for the products of so many neurons with one activation."""
        full, rest = divmod(neurons, self.weights)
        return full * (self.width >= DSP_BITS) + (rest > 0 and self._width(rest) >= DSP_BITS)


@lru_cache
def best_packing(x_format: Format, lo: int, hi: int) -> Packing:
    """Return the `Packing` of the most weights from ``lo`` to ``hi``, for activations in ``x_format``.

    Raises
    ------
    ValueError
        If activations or weights are not of 2 to 16 bits.
    """
    bits = max((-lo - 1).bit_length() + 1 if lo < 0 else 0, hi.bit_length() + (lo < 0))
    if not x_format.literal or not 2 <= x_format.bits <= _MOST_BITS or not 2 <= bits <= _MOST_BITS:
        raise ValueError(
            f"DSP products take activations and weights of 2 to {_MOST_BITS} bits, not {x_format} and {bits} bits"
        )
    ends = [x * w for x in (x_format.lo, x_format.hi) for w in (lo, hi)]
    least, most = min(ends), max(ends)
    signed = least < 0
    field = most.bit_length() + signed
    while signed and least - 1 < -(1 << field - 1):  # it may be one less
        field += 1
    return next(
        Packing(count, stride, field, signed, max(2, (-lo).bit_length() + 1 if lo < 0 else 0, hi.bit_length() + 1))
        for count in range(_MOST, 0, -1)
        for stride in ((field, field - 1) if signed else (field,))
        if _fits(lo, hi, count, stride)
    )


def _fits(lo, hi, count, stride):
    least, most = (sum(end << k * stride for k in range(count)) for end in (min(lo, 0), hi))
    return least >= -(1 << _PORT - 1) and most < 1 << _PORT - 1


def packed_weights(values: np.ndarray, packing: Packing, which: np.ndarray) -> np.ndarray:
    """Return the weights, less one where those below them are together negative, so that fields side by side are the
    sum.

    Parameters
    ----------
    values : int array (neurons, inputs)
    which : int array (neurons,)
        Place of a neuron in its multiplier, from 0; those of one multiplier are neighbours.
    """
    packed = np.array(values, dtype=np.int64)
    for n in range(1, len(packed)):
        if which[n]:
            packed[n] -= packed[n - 1] < 0
    return packed


class FieldTerms(ProductTerms):
    """A product as the bits of its field: ``x*w`` plus half the field's range where it can be negative."""

    def __init__(self, x_format: Format, w_format: Format, packing: Packing):
        super().__init__(x_format, w_format)
        self.packing = packing

    def terms(self, x: Any, w: Any) -> NoReturn:
        """Raise ValueError, as products in DSPs are no terms of bits."""
        raise ValueError("Products in DSPs are fields of a multiplier, not terms of bits")

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        return tuple(range(self.packing.field))

    def offset(self, w_values: ArrayLike) -> np.ndarray:
        half = 1 << self.packing.field - 1 if self.packing.signed else 0
        return np.full(np.shape(w_values), -half, dtype=np.int64)
