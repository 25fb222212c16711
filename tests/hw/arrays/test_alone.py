"""Processing elements on their own: their accumulators hold every row and no more, and their sums are the formula's."""
# amaranth: UnusedElaboratable=no

import itertools

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned, parse_format
from fewbit.hw.arrays.alone import accumulator_bits, array_alone
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.targets.named import DEFAULT

FORMATS = [Bipolar(), Ternary(), Unsigned(2), Signed(3), parse_format("int3n")]


@pytest.mark.parametrize(("x", "w"), itertools.product(FORMATS, FORMATS))
def test_accumulators_hold_all_sums_and_no_bit_more(x, w):
    terms = product_terms(x, w)
    pairs = np.array(list(itertools.product(x.values, w.values)))
    heaps, products = terms.heap(pairs[:, 0], pairs[:, 1]), pairs.prod(axis=1)
    assert np.array_equal(terms.scale * heaps + terms.offset(pairs[:, 1]), products)
    for count in 1, 3, 16:
        ends = [count * heaps.min(), count * heaps.max(), *(count * products // terms.scale), 0]
        bits = accumulator_bits(terms, count)
        assert min(ends) >= -(1 << bits - 1) and max(ends) < 1 << bits - 1
        assert -(-count * products.max() // terms.scale) >= 1 << bits - 2 or min(ends) < -(1 << bits - 2) or (
            max(ends) >= 1 << bits - 2
        )  # fmt: skip


def test_plans():
    plan = array_alone(Unsigned(4), Ternary(), pe=8, simd=64, steps=16)
    assert (plan.pe, plan.simd, plan.steps, plan.lanes, plan.acc_shape.width, plan.latency) == (8, 64, 16, 8, 15, 9)
    other = array_alone(Unsigned(4), Ternary(), pe=8, simd=64, steps=16, acc_bits=20, target=DEFAULT)
    assert other.acc_shape.width == 20 and other.target is DEFAULT
    for options, message in (
        (dict(pe=0, simd=4), "PE must be at least 1"),
        (dict(pe=2, simd=0), "SIMD must be at least 1"),
        (dict(pe=2, simd=4, steps=0), "Steps must be at least 1"),
        (dict(pe=2, simd=4, acc_bits=3), "Accumulator must have at least 5 bits"),
    ):
        with pytest.raises(ValueError, match=message):
            array_alone(Unsigned(4), Ternary(), **options)
