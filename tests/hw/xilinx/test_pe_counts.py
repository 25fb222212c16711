"""What is counted of a netlist is what the netlist has; and what estimates ask for makes none."""

import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.cost import pe_luts, row_luts
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.xilinx import dot_product
from fewbit.hw.xilinx.dot_product import (
    best_pe,
    best_rows,
    build_pe,
    build_sum,
    count_best_pe,
    count_best_rows,
    smallest_pe,
)
from fewbit.hw.xilinx.netlist import Netlist
from fewbit.hw.xilinx.pe_counts import count_pe, count_sum
from fewbit.hw.xilinx.product_chains import items_of

FORMATS = [
    (Bipolar(), Bipolar()), (Ternary(), Ternary()), (Unsigned(2), Ternary()), (Unsigned(2), Signed(3)),
    (Signed(4, True), Bipolar()), (Unsigned(4), Signed(4, True)),
]  # fmt: skip


def numbers(count):
    return count.luts, count.flip_flops, count.own_flip_flops, count.latency


@pytest.mark.sampled(2)
@pytest.mark.parametrize("x, w", FORMATS, ids=str)
@pytest.mark.parametrize("chain, levels", [(4, 4), (8, 4), (9, 2), (10_000, 10_000)])
def test_a_processing_element(x, w, chain, levels):
    items = items_of(product_terms(x, w))
    for lanes in (1, 2, 3, 7, 8, 15, 16, 17, 33):
        for acc, feedback in ((5, True), (12, False), (18, True)):
            shape = items, x.bits, w.bits, lanes, acc
            made = build_pe(*shape, feedback=feedback, chain=chain, levels=levels)
            assert numbers(count_pe(*shape, feedback=feedback, chain=chain, levels=levels)) == numbers(made)


@pytest.mark.parametrize("x, w", FORMATS, ids=str)
@pytest.mark.parametrize("lanes", [1, 5, 40])
def test_the_best_ones(x, w, lanes):
    assert numbers(count_best_pe(x, w, lanes, 14, True)) == numbers(best_pe(x, w, lanes, 14, True))
    assert best_pe(x, w, lanes, 14, True).luts >= smallest_pe(x, w, lanes, 14, True).luts
    count, rows = count_best_rows(x, w, lanes, 14), best_rows(x, w, lanes, 14)
    assert (count.luts, count.flip_flops, count.latency) == (rows.luts, rows.netlist.flip_flops, rows.latency)


@pytest.mark.parametrize("heights", [((0, 1),), ((0, 9), (1, 9)), ((0, 30), (2, 7), (3, 41)), ((1, 2), (9, 1))])
@pytest.mark.parametrize("feedback", [False, True])
def test_a_sum(heights, feedback):
    made, count = build_sum(heights, 13, feedback), count_sum(heights, 13, feedback)
    assert (count.luts, count.latency) == (made.luts, made.latency)


def test_estimates_make_no_netlist(monkeypatch):
    """Whatever its lanes and bits, a PE is estimated without a LUT being made, and of few partial products."""
    monkeypatch.setattr(Netlist, "lut", lambda *of: pytest.fail("a LUT was made"))
    asked = []
    monkeypatch.setattr(dot_product, "count_pe", lambda *of, **how: asked.append(of) or count_pe(*of, **how))
    assert 60_000 < pe_luts(Unsigned(8), Signed(8), 1500, 24, True) < 90_000
    assert row_luts(Unsigned(4), Signed(4), 3000) > 30_000
    assert len(asked) <= 4  # two sizes of two chains
    sixteen = items_of(product_terms(Signed(16), Signed(16)))
    assert len(sixteen) == 256 and all(item.fan_in == 2 for item in sixteen)
    assert pe_luts(Signed(16), Signed(16), 64, 40, True) > 64 * 200
