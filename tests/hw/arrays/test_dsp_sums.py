# amaranth: UnusedElaboratable=no
"""Accumulators that share a DSP48: exact, in step, and in DSPs by synthesis."""

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from fewbit.flow.eda.synth import synthesize
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.dsp_plans import DspSumArrayPlan
from fewbit.hw.arrays.dsp_sums import Sums
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.xilinx.dot_product import best_pe, best_rows
from fewbit.hw.xilinx.dsp48 import sums_of
from fewbit.hw.xilinx.product_chains import LEVELS
from tests.support.layer_bench import random_layer
from tests.support.stream_bench import STALLS, assert_varied
from tests.support.targets import EXPRESSIONS, ULTRASCALE, XILINX

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


@pytest.mark.parametrize("count", [4, 2, 1])
def test_parts_do_not_disturb_each_other(count):
    """Random operands of the whole width, so that parts overflow; loaded and disabled at random."""
    dut, rng, mask = Sums(count=count, dsp48=None), np.random.default_rng(count), (1 << 48 // count) - 1
    held, found, wanted = [0] * count, [], []

    async def bench(ctx):
        for _ in range(200):
            load, enable = rng.random() < 0.2, rng.random() < 0.8
            a, b = ([int(v) & mask for v in rng.integers(0, 1 << 48, count)] for _ in range(2))
            ctx.set(dut.load, load)
            ctx.set(dut.enable, enable)
            for k in range(count):
                ctx.set(dut.a[k], a[k])
                ctx.set(dut.b[k], b[k])
                if enable:
                    held[k] = (a[k] + b[k] + (0 if load else held[k])) & mask
            await ctx.tick()
            wanted.append(list(held))
            found.append([ctx.get(dut.o[k]) for k in range(count)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == wanted


@pytest.mark.sampled(3)
@pytest.mark.parametrize("formats", [(U(2), B, U(2)), (T, T, T), (B, B, B), (U(3), S(2), U(3))], ids=str)
def test_layers(formats):
    x, w, y = formats
    for k, n, pe, simd in (11, 13, 5, 4), (6, 4, 4, 6):
        layer = random_layer(x, w, k, n, vectors=10).threshold(y)
        assert_varied(layer.y)
        plan = layer.check(pe, simd, (0, 0), STALLS["both"], products="sums", target=EXPRESSIONS)
        assert isinstance(plan.array, DspSumArrayPlan) and not plan.numbers.sign


def test_portable_layers_accumulate_from_zero_too():
    plan = random_layer(B, B, 11, 13, vectors=10).threshold(B).check(5, 4, products="sums")
    assert type(plan.array) is IntegerArrayPlan and not any(plan.numbers.starts)


def test_accumulators_as_they_are_cannot_begin_at_zero():
    layer = random_layer(B, B, 6, 5)
    with pytest.raises(ValueError, match="dense: sums in DSPs begin at zero, which needs an activation behind them"):
        LayerPlan(layer.dense, None, layer.edges, LayerFolding(2, 2, "sums"))


@pytest.mark.parametrize(("width", "count"), [(1, 4), (12, 4), (13, 2), (24, 2), (25, 1), (48, 1)])
def test_sums_of_a_dsp(width, count):
    assert sums_of(width) == count


def test_no_dsp_holds_a_sum_of_49_bits():
    with pytest.raises(ValueError, match="at most 48 bits, not 49"):
        sums_of(49)


@pytest.mark.parametrize(("x_format", "w_format", "lanes"), [(B, B, 16), (U(2), B, 16), (T, T, 40), (U(4), S(4), 3)])
def test_rows_leave_out_the_last_sum(x_format, w_format, lanes):
    rows, pe = best_rows(x_format, w_format, lanes, 10), best_pe(x_format, w_format, lanes, 10, True)
    assert rows.luts <= pe.luts - 8
    luts, carries = rows.netlist.levels()
    assert luts <= LEVELS and carries <= 1


@pytest.mark.tools
@pytest.mark.parametrize("target", [XILINX, pytest.param(ULTRASCALE, marks=pytest.mark.slow)])
def test_synthesis_finds_what_was_built(target, scratch):
    common = dict(x_format=U(2), w_format=B, pe=6, simd=8, steps=4, acc_shape=unsigned(8), lanes=6)
    array = DspSumArrayPlan(**common, target=target)
    (scratch / "array.v").write_text(verilog.convert(array.make(), name="array", emit_src=False))
    found = synthesize(
        scratch / "array.v", "array", family="xcup" if target is ULTRASCALE else "xc7", directory=scratch
    )
    kind = "DSP48E2" if target is ULTRASCALE else "DSP48E1"
    assert found.dsp == array.dsps == found.cells[kind] == 2
    # The netlists, and a few LUTs of control.
    assert 6 * best_rows(U(2), B, 8, 8).luts <= found.lut <= 6 * best_rows(U(2), B, 8, 8).luts + 4
