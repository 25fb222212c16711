# amaranth: UnusedElaboratable=no
"""Processing elements that are netlists, in the simulator as expressions, cycle by cycle."""

from collections import Counter

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.shapes import IntShape
from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan, LutIntegerPEPlan, LutRowsPlan
from tests.support.pe_bench import bit_planes, check_pe, random_operands
from tests.support.stream_bench import assert_varied, set_together, simulate
from tests.support.targets import EXPRESSIONS

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
CYCLES = 60


@pytest.mark.sampled(2)
@pytest.mark.parametrize("smallest", [False, True], ids=["pipelined", "smallest"])
@pytest.mark.parametrize("feedback", [True, False], ids=["accumulating", "one step"])
@pytest.mark.parametrize(
    "x_format, w_format, simd", [(B, B, 20), (T, T, 7), (U(2), B, 5), (U(4), S(4), 3), (S(3), T, 1)]
)
def test_products(x_format, w_format, simd, feedback, smallest):
    width = 11
    x, w, heaps = random_operands(x_format, w_format, simd=simd, cycles=CYCLES)
    assert_varied(heaps)
    plan = LutIntegerPEPlan(
        x_format=x_format, w_format=w_format, simd=simd, acc_shape=IntShape(width, True),
        feedback=feedback, smallest=smallest, target=EXPRESSIONS,
    )  # fmt: skip
    bits = {"x": [bit_planes(c, x_format.bits) for c in x], "w": [bit_planes(c, w_format.bits) for c in w]}
    check_pe(plan, bits, heaps[:, None], width=width, feedback=feedback)


@pytest.mark.parametrize("feedback", [True, False], ids=["accumulating", "one step"])
@pytest.mark.parametrize("heights", [{0: 1}, {0: 5, 2: 3}, {0: 40}, {0: 9, 1: 9, 2: 9, 5: 1}], ids=str)
def test_what_sums_a_heap(heights, feedback):
    columns, width = np.repeat(list(heights), list(heights.values())), 10
    bits = np.random.default_rng(len(columns)).integers(0, 2, (CYCLES, len(columns)))
    words = [sum(int(b) << k for k, b in enumerate(row)) for row in bits]
    plan = LutHeapPEPlan(heights=Counter(heights), acc_shape=IntShape(width), feedback=feedback, target=EXPRESSIONS)
    check_pe(plan, {"heap": words}, (bits << columns).sum(axis=1)[:, None], width=width, feedback=feedback)


def test_lanes_must_be_there():
    with pytest.raises(ValueError, match="^SIMD must be at least 1, not 0$"):
        LutIntegerPEPlan(x_format=B, w_format=B, simd=0, acc_shape=IntShape(4, True), target=EXPRESSIONS)


@pytest.mark.parametrize("x_format, w_format, simd", [(B, B, 16), (U(2), B, 16), (T, T, 9), (U(4), S(4), 3)])
def test_two_rows(x_format, w_format, simd):
    """The rows of a cycle's operands add up to their heap, so many cycles later."""
    width = 12
    x, w, heaps = random_operands(x_format, w_format, simd=simd, cycles=CYCLES)
    assert_varied(heaps)
    plan = LutRowsPlan(x_format=x_format, w_format=w_format, simd=simd, width=width, target=EXPRESSIONS)
    dut, found = plan.make(), []

    async def testbench(ctx):
        found.clear()
        for cycle in range(CYCLES + plan.latency):
            at = min(cycle, CYCLES - 1)
            set_together(ctx, [(dut.x, bit_planes(x[at], x_format.bits)), (dut.w, bit_planes(w[at], w_format.bits))])
            if cycle >= plan.latency:
                found.append((ctx.get(dut.a) + ctx.get(dut.b)) % (1 << width))
            await ctx.tick()

    simulate(dut, testbench)
    assert found == heaps.tolist()
