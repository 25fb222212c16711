# amaranth: UnusedElaboratable=no
"""Dot products of Xilinx primitives: exact, as small as they are said to be, and equal to the operators by proof."""

import re
from dataclasses import replace

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import unsigned

from fewbit.flow.eda.synth import synthesize
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.xilinx.cells import Lut
from fewbit.hw.xilinx.counters import counters_of, plan_stages
from fewbit.hw.xilinx.dot_product import best_pe, smallest_pe
from fewbit.hw.xilinx.models import MODELS
from fewbit.hw.xilinx.netlist import Netlist
from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan
from fewbit.hw.xilinx.product_chains import LEVELS, items_of
from tests.support.proofs import prove_equal, prove_sum
from tests.support.targets import EXPRESSIONS, PORTABLE, ULTRASCALE, XILINX, name_of

PAIRS = [
    (Bipolar(), Bipolar()), (Ternary(), Ternary()), (Bipolar(), Ternary()), (Ternary(), Bipolar()),
    (Unsigned(2), Unsigned(2)), (Unsigned(4), Signed(4)), (Unsigned(2), Bipolar()), (Signed(3), Ternary()),
    (Signed(3, True), Signed(2)), (Bipolar(), Signed(3)), (Unsigned(1), Unsigned(1)), (Signed(5), Unsigned(8)),
]  # fmt: skip


def found_and_wanted(pe, x_format, w_format, lanes, cases=120, seed=1):
    """Sums of a netlist, and of the definition, for random operands, initial values, held values and choices."""
    rng = np.random.default_rng(seed)
    width = len(pe.sum)
    x, w = rng.choice(x_format.values, (cases, lanes)), rng.choice(w_format.values, (cases, lanes))
    x[0], w[0], x[1], w[1] = x_format.hi, w_format.hi, x_format.lo, w_format.lo
    init, held = (rng.integers(0, 1 << width, cases) for _ in range(2))
    load = rng.integers(0, 2, cases) if pe.held else np.ones(cases, dtype=int)
    bits = np.zeros((pe.netlist.count, cases), dtype=bool)
    for planes, codes in (pe.x, x_format.encode(x)), (pe.w, w_format.encode(w)):
        for k, plane in enumerate(planes):
            bits[plane] = (codes >> k & 1).T
    for names, values in (pe.init, init), (pe.held, held):
        for k, bit in enumerate(names):
            bits[bit] = values >> k & 1
    if pe.held:
        bits[pe.load] = load
    values = pe.netlist.evaluate(bits[pe.netlist.inputs])
    heap = product_terms(x_format, w_format).heap(x, w).sum(axis=1)
    found = sum(values[bit].astype(np.int64) << k for k, bit in enumerate(pe.sum))
    return found.tolist(), ((np.where(load, init, held) + heap) % (1 << width)).tolist()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("feedback", [True, False], ids=["accumulating", "one step"])
@pytest.mark.parametrize("lanes", [1, 2, 7, 33])
@pytest.mark.parametrize(("x_format", "w_format"), PAIRS, ids=str)
def test_exact_and_registered_often_enough(x_format, w_format, lanes, feedback):
    pe = best_pe(x_format, w_format, lanes, 18, feedback)
    found, wanted = found_and_wanted(pe, x_format, w_format, lanes)
    assert found == wanted
    luts, carries = pe.netlist.levels()
    assert luts <= LEVELS and carries == 1


@pytest.mark.parametrize("width", [1, 3, 5])
def test_sums_wrap(width):
    pe = best_pe(Bipolar(), Bipolar(), 40, width, True)
    found, wanted = found_and_wanted(pe, Bipolar(), Bipolar(), 40)
    assert found == wanted


# LUTs a lane with at most 4 LUTs and a carry chain between registers, and without that limit; accumulator included.
GOALS = [
    (Bipolar(), Bipolar(), 256, 16, 0.95, 0.88), (Bipolar(), Bipolar(), 512, 16, 0.92, 0.85),
    (Ternary(), Ternary(), 256, 16, 1.85, 1.76), (Bipolar(), Ternary(), 256, 16, 1.40, 1.37),
    (Unsigned(2), Unsigned(2), 64, 16, 3.65, 3.5), (Unsigned(4), Unsigned(4), 64, 20, 13.5, 13),
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(("x_format", "w_format", "lanes", "width", "pipelined", "smallest"), GOALS, ids=str)
def test_as_small_as_promised(x_format, w_format, lanes, width, pipelined, smallest):
    pe = best_pe(x_format, w_format, lanes, width, True)
    assert round(pe.luts / lanes, 2) <= pipelined and pe.own_flip_flops <= 2.2 * pe.luts
    found, wanted = found_and_wanted(pe, x_format, w_format, lanes)
    assert found == wanted
    free = smallest_pe(x_format, w_format, lanes, width, True)
    assert round(free.luts / lanes, 2) <= smallest
    assert np.equal(*found_and_wanted(free, x_format, w_format, lanes)).all()


@pytest.mark.tools
@pytest.mark.parametrize(
    ("x_format", "w_format", "lanes", "goal"),
    [
        (Bipolar(), Bipolar(), 256, 0.95),
        pytest.param(Bipolar(), Ternary(), 256, 1.40, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_synthesis_adds_nothing(x_format, w_format, lanes, goal, scratch):
    """Not a shift register for bits that wait either."""
    pe = LutIntegerPEPlan(x_format=x_format, w_format=w_format, simd=lanes, acc_shape=unsigned(16), target=XILINX)
    (scratch / "pe.v").write_text(verilog.convert(pe.make(), name="pe", emit_src=False))
    found = synthesize(scratch / "pe.v", "pe", directory=scratch)
    assert found.lut == pe.luts and round(found.lut / lanes, 2) <= goal


@pytest.mark.tools
def test_the_smallest_is_hardware_too(scratch):
    """Synthesized it takes what it promises, and is proved equal to the one with registers between its levels."""
    common = dict(x_format=Bipolar(), w_format=Bipolar(), acc_shape=unsigned(16), target=XILINX)
    pe = LutIntegerPEPlan(simd=64, smallest=True, **common)
    (scratch / "pe.v").write_text(verilog.convert(pe.make(), name="pe", emit_src=False))
    found = synthesize(scratch / "pe.v", "pe", directory=scratch)
    assert found.lut == pe.luts < LutIntegerPEPlan(simd=64, **common).luts


def test_items():
    assert [(i.fan_in, max(i.table)) for i in items_of(product_terms(Ternary(), Ternary()))] == [(4, 2)]
    (xnor,) = items_of(product_terms(Bipolar(), Bipolar()))
    assert (xnor.exponent, xnor.x, xnor.w, xnor.table) == (0, (0,), (0,), (1, 0, 0, 1))
    planes = items_of(product_terms(Unsigned(2), Unsigned(2)))
    assert [(i.exponent, i.x, i.w, i.table) for i in planes][3] == (2, (1,), (1,), (0, 0, 0, 1))


def test_counters_remove_what_they_say():
    best = counters_of()[0]
    assert (best.inputs, best.outputs, best.luts) == ((6, 0) * 4, 9, 8)
    for counter in counters_of():
        most = sum(n << k for k, n in enumerate(counter.inputs))
        assert most < 1 << counter.outputs and counter.worth > 0


@pytest.mark.parametrize("heights", [(1,), (3,), (40,), (7, 0, 9), (0, 5), (33, 61, 12, 1), tuple(range(9, 320, 20))])
def test_stages_leave_two_rows(heights):
    width = sum(h << e for e, h in enumerate(heights)).bit_length()
    _, stages = plan_stages(heights, width)
    before = heights
    for start, counters in stages:
        assert start == before
        left = list(start) + [0] * 10
        for counter in counters:
            for k, n in enumerate(counter.inputs):
                left[counter.exponent + k] -= n
        assert min(left) >= 0
        for counter in counters:
            for k in range(counter.outputs):
                left[counter.exponent + k] += 1
        before = tuple(left[: max((e for e, h in enumerate(left[:width]) if h), default=0) + 1])
    assert max(before) <= 2


def test_a_lut_has_six_inputs_or_two_outputs():
    net = Netlist()
    bits = net.input(6)
    with pytest.raises(ValueError, match="one output of 6 inputs or two of 5, not 2 of 6"):
        net.lut(bits, lambda *b: b[0], lambda *b: b[1])


# Proofs


def unit_of(target, x_format, w_format, lanes, width):
    """The plan of a PE that does not accumulate."""
    return target.integer_pe(
        x_format=x_format, w_format=w_format, simd=lanes, acc_shape=unsigned(width), feedback=False
    )  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.tools
@pytest.mark.parametrize(
    ("x_format", "w_format", "lanes", "width", "target"),
    [(Bipolar(), Bipolar(), 32, 8, XILINX), (Ternary(), Ternary(), 16, 8, XILINX),
     (Unsigned(4), Signed(4), 2, 10, XILINX), (Unsigned(4), Signed(4), 2, 10, ULTRASCALE)],
    ids=str,
)  # fmt: skip
def test_instances_are_proved_to_be_what_they_stand_for(x_format, w_format, lanes, width, target, scratch):
    models, instances = (unit_of(form, x_format, w_format, lanes, width).make() for form in (EXPRESSIONS, target))
    assert prove_equal(scratch, models, instances)
    kind = "CARRY8" if target is ULTRASCALE else "CARRY4"
    assert set(re.findall(r"CARRY\d", (scratch / "gate.v").read_text().removesuffix(MODELS))) == {kind}


HEAPS_OF_32_BITS = [
    (Ternary(), Ternary(), 16, 8), (Unsigned(2), Bipolar(), 16, 8),
    pytest.param(Bipolar(), Bipolar(), 32, 8, marks=pytest.mark.slow),
    pytest.param(Unsigned(2), Unsigned(2), 8, 9, marks=pytest.mark.slow),
    pytest.param(Bipolar(), Ternary(), 32, 8, marks=pytest.mark.slow),
    pytest.param(Unsigned(4), Signed(4), 2, 10, marks=pytest.mark.slow),
]  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.tools
@pytest.mark.parametrize("target", [PORTABLE, XILINX], ids=name_of)
@pytest.mark.parametrize(("x_format", "w_format", "lanes", "width"), HEAPS_OF_32_BITS, ids=str)
def test_both_forms_are_proved_to_be_the_same_sum(x_format, w_format, lanes, width, target, scratch):
    assert len(product_terms(x_format, w_format).exponents) * lanes == 32
    assert prove_sum(
        scratch, unit_of(target, x_format, w_format, lanes, width).make(), x_format, w_format, lanes, width
    )


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize("cell", [0, pytest.param(20, marks=pytest.mark.slow), -1])
def test_a_proof_finds_one_wrong_bit(cell, scratch):
    """In a product, in a counter, in the last sum."""
    plan = unit_of(XILINX, Bipolar(), Bipolar(), 32, 8)
    luts = [k for k, c in enumerate(plan.pe.netlist.cells) if isinstance(c, Lut)]
    cells = list(plan.pe.netlist.cells)
    wrong = cells[luts[cell]]
    cells[luts[cell]] = replace(wrong, init=wrong.init ^ (1 if wrong.o5 is None else 1 << 32))
    plan.pe = replace(plan.pe, netlist=replace(plan.pe.netlist, cells=cells))
    assert not prove_sum(scratch, plan.make(), Bipolar(), Bipolar(), 32, 8)


@pytest.mark.tools
@pytest.mark.parametrize(
    ("x_format", "w_format", "lanes", "width"),
    [(Bipolar(), Bipolar(), 14, 5),
     *(pytest.param(*case, marks=pytest.mark.slow) for case in (
         (Ternary(), Ternary(), 7, 6), (Bipolar(), Ternary(), 9, 5), (Unsigned(2), Unsigned(2), 4, 7),
         (Unsigned(2), Bipolar(), 6, 6)))],
    ids=str,
)  # fmt: skip
def test_one_miter_proves_operators_to_be_equal_too(x_format, w_format, lanes, width, scratch):
    operators, instances = (unit_of(t, x_format, w_format, lanes, width).make() for t in (PORTABLE, XILINX))
    assert prove_equal(scratch, operators, instances)


@pytest.mark.tools
def test_a_proof_can_fail(scratch):
    operators, instances = (unit_of(target, Bipolar(), Bipolar(), 5, 5) for target in (PORTABLE, XILINX))
    instances.pe = best_pe(Bipolar(), Unsigned(1), 5, 5, False)  # AND for XNOR
    assert not prove_equal(scratch, operators.make(), instances.make())
