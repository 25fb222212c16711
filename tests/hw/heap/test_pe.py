# amaranth: UnusedElaboratable=no
"""Processing elements of operators by themselves: products, and what sums a heap, cycle by cycle."""

from collections import Counter

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.heap.pe_plans import HeapPEPlan, IntegerPEPlan
from fewbit.hw.shapes import IntShape
from tests.support.pe_bench import bit_planes, check_pe, random_operands
from tests.support.targets import EXPRESSIONS, PORTABLE, name_of

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
CYCLES = 80
TARGETS = PORTABLE, EXPRESSIONS  # behind the products of the latter is a netlist


@pytest.mark.sampled(3)
@pytest.mark.parametrize("target", TARGETS, ids=name_of)
@pytest.mark.parametrize("feedback", [True, False], ids=["accumulating", "one step"])
@pytest.mark.parametrize("simd", [1, 3, 9])
@pytest.mark.parametrize("formats", [(B, B), (U(2), T), (S(3), S(3))], ids=str)
def test_products(formats, simd, feedback, target):
    x, w, heaps = random_operands(*formats, simd=simd, cycles=CYCLES)
    width = 9
    plan = IntegerPEPlan(
        x_format=formats[0], w_format=formats[1], simd=simd, acc_shape=IntShape(width, True),
        feedback=feedback, target=target,
    )  # fmt: skip
    bits = {"x": [bit_planes(c, formats[0].bits) for c in x], "w": [bit_planes(c, formats[1].bits) for c in w]}
    check_pe(plan, bits, heaps[:, None], width=width, feedback=feedback)


@pytest.mark.parametrize("feedback", [True, False], ids=["accumulating", "one step"])
@pytest.mark.parametrize("acc_shape", [IntShape(7), IntShape(12, True)], ids=str)
@pytest.mark.parametrize("heights", [{0: 1}, {0: 5, 2: 3}, {0: 40}, {0: 9, 1: 9, 2: 9, 5: 1}], ids=str)
def test_what_sums_a_heap(heights, acc_shape, feedback):
    """Every bit of the heap counts two to the power of its column."""
    rng = np.random.default_rng(len(heights))
    columns = np.repeat(list(heights), list(heights.values()))
    bits = rng.integers(0, 2, (CYCLES, len(columns)))
    heaps = (bits << columns).sum(axis=1)
    words = [sum(int(b) << k for k, b in enumerate(row)) for row in bits]
    plan = HeapPEPlan(heights=Counter(heights), acc_shape=acc_shape, feedback=feedback)
    check_pe(plan, {"heap": words}, heaps[:, None], width=acc_shape.width, feedback=feedback)


def test_lanes_must_be_there():
    with pytest.raises(ValueError, match="^SIMD must be at least 1, not 0$"):
        IntegerPEPlan(x_format=B, w_format=B, simd=0, acc_shape=IntShape(4), target=PORTABLE)
