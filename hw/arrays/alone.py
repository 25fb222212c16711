"""Processing elements on their own: an array with weights at its ports, whose accumulators are as wide as need be."""

import numpy as np

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.partial_products import ProductTerms, product_terms
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.target import Target

from .integer_plan import IntegerArrayPlan

__all__ = ["accumulator_bits", "array_alone"]


def array_alone(
    x_format: Format,
    w_format: Format,
    *,
    pe: int,
    simd: int,
    steps: int = 1,
    acc_bits: int | None = None,
    target: Target = USUAL,
) -> IntegerArrayPlan:
    """Return the plan of ``pe`` processing elements of ``simd`` products a cycle, all of whose results leave at once.

    A row is ``steps`` cycles, so that a PE gives ``o = init + sum(heap)`` of ``steps * simd`` products, where
    ``x * w == scale * heap + offset(w)`` for each (`hw.heap.partial_products`): the dot product is
    ``scale * (o - init) + sum(offset(w))``.

    Parameters
    ----------
    x_format, w_format : golden formats of activations and weights
    pe, simd, steps : int
        As of `hw.arrays.array_plan.ArrayPlan`. Rows begin at least ``steps`` cycles apart.
    acc_bits : int or None
        Bits of the signed accumulator; by default `accumulator_bits`.
    target : hw.targets.target.Target
        What PEs are made of.

    Raises
    ------
    ValueError
        If a format has no partial products, a number is less than 1, or the accumulator is narrower than a product.
    """
    for name, value in ("PE", pe), ("SIMD", simd), ("Steps", steps):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    terms = product_terms(x_format, w_format)
    least = accumulator_bits(terms, 1)
    bits = accumulator_bits(terms, simd * steps) if acc_bits is None else acc_bits
    if bits < least:
        raise ValueError(f"Accumulator must have at least {least} bits, those of one product, not {bits!r}")
    return IntegerArrayPlan(
        x_format=x_format, w_format=w_format, pe=pe, simd=simd, steps=steps, lanes=pe, acc_shape=IntShape(bits, True),
        target=target,
    )  # fmt: skip


def accumulator_bits(terms: ProductTerms, products: int) -> int:
    """Return the bits of the signed accumulator that holds any sum of so many products.

    It holds the sum of their heaps, and in units of ``scale`` also that of the products themselves, which it is where
    ``init`` is the sum of their offsets.
    """
    w = terms.w_format.values
    ends = np.array([[terms.x_format.lo], [terms.x_format.hi]])  # heaps are linear in x
    heaps, values = terms.heap(ends, w), ends * w
    lo = products * min(0, int(heaps.min()), int(values.min()) // terms.scale)
    hi = products * max(int(heaps.max()), -(-int(values.max()) // terms.scale))
    return max((-lo - 1).bit_length() if lo else 0, hi.bit_length()) + 1
