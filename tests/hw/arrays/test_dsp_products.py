# amaranth: UnusedElaboratable=no
"""Products that share a multiplier: exact in every field, as many as promised, and in DSPs by synthesis."""

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from fewbit.flow.eda.synth import synthesize
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.dsp_plans import DspArrayPlan
from fewbit.hw.arrays.dsp_products import PackedProducts
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.xilinx.dsp_packing import best_packing, packed_weights
from tests.support.layer_bench import random_layer
from tests.support.stream_bench import STALLS, assert_varied
from tests.support.targets import EXPRESSIONS, PORTABLE, XILINX

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
RANGES = [
    (U(8), -128, 127), (S(8), -128, 127), (U(8), 0, 255), (U(4), -7, 7), (U(4), -8, 7), (S(4), -8, 7), (U(8), -1, 1),
    (U(2), -2, 1), (U(3), 0, 7), (S(2), 0, 3), (S(3), -4, 3), (S(5), -3, 11), (T, -7, 7), (U(4), 0, 15),
    (S(4, True), -7, 7), (U(4), 0, 63), (U(2), 0, 31), (U(2), 0, 5), (U(7), 0, 3),
    (U(16), -(2**15), 2**15 - 1), (S(16), -(2**15), 2**15 - 1), (S(12), -2048, 2047), (U(9), -256, 255), (S(9), 0, 511),
    (U(16), 0, 2**16 - 1), (U(12), -7, 7), (S(9), -8, 7), (S(4), -256, 255), (U(16), -1, 1), (S(16), -128, 127),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("x_format", "lo", "hi"), RANGES, ids=str)
def test_every_product_of_neighbours_is_exact(x_format, lo, hi):
    """All extremes of weights and activation against each other, and random ones."""
    packing = best_packing(x_format, lo, hi)
    rng = np.random.default_rng(1)
    count = packing.weights
    edge = np.unique(np.clip([lo, lo + 1, -1, 0, 1, hi], lo, hi))
    w = np.concatenate([rng.choice(edge, (150, count)), rng.integers(lo, hi + 1, (150, count))])
    x = np.concatenate([rng.choice([x_format.lo, x_format.hi], 150), rng.choice(x_format.values, 150)])
    dut = PackedProducts(x_format=x_format, packing=packing, count=count)
    half = 1 << packing.field - 1 if packing.signed else 0
    found = []

    async def bench(ctx):
        for n in range(300 + dut.LATENCY):
            if n < 300:
                ctx.set(dut.x, int(x_format.encode(x[n])))
                packed = packed_weights(w[n][:, None], packing, np.arange(count))[:, 0]
                for k in range(count):
                    ctx.set(dut.w[k], int(packed[k]))
            await ctx.tick()
            if n >= dut.LATENCY - 1 and len(found) < 300:
                below = ctx.get(dut.below)
                found.append([ctx.get(dut.field[k]) + (below >> k & 1) - half for k in range(count)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == (w * x[:, None]).tolist()


@pytest.mark.parametrize(
    ("x_format", "lo", "hi", "weights"),
    [
        (U(8), -128, 127, 2),
        (S(8), -128, 127, 2),
        (U(4), -7, 7, 4),
        (U(4), -8, 7, 3),
        (S(4), -7, 7, 4),
        (U(2), -2, 1, 4),
        (U(4), 0, 63, 2),  # without a sign, fields cannot overlap
    ],
)
def test_as_many_as_promised(x_format, lo, hi, weights):
    assert best_packing(x_format, lo, hi).weights == weights


@pytest.mark.slow
@pytest.mark.parametrize("target", [PORTABLE, EXPRESSIONS])
@pytest.mark.parametrize("formats", [(U(4), S(4, True), U(4)), (U(4), S(4), U(2)), (U(8), S(8), S(4)), (S(8), S(8), B),
                                     (S(3), U(3), U(3)), (U(2), S(3), U(2))], ids=str)  # fmt: skip
def test_layers(formats, target):
    x, w, y = formats
    for k, n, pe, simd in (11, 13, 5, 4), (6, 4, 4, 6), (9, 7, 7, 2):
        layer = random_layer(x, w, k, n, vectors=10).threshold(y)
        assert_varied(layer.y)
        layer.check(pe, simd, (0, 0), STALLS["both"], products="dsp", target=target)


def test_accumulators_as_they_are():
    layer = random_layer(S(6), S(5), 10, 7, vectors=10)
    layer.check(3, 4, products="dsp")


@pytest.mark.slow
@pytest.mark.tools
def test_synthesis_puts_them_into_dsps(scratch):
    def cost(array):
        (scratch / "array.v").write_text(verilog.convert(array, name="array", emit_src=False))
        return synthesize(scratch / "array.v", "array", directory=scratch)

    common = dict(x_format=U(8), w_format=S(8), pe=4, simd=3, steps=2, acc_shape=unsigned(20), lanes=4)
    lut_only = cost(LayerPlan(*plan_of(), LayerFolding(4, 3)).array.make())
    assert lut_only.dsp == 0
    for target in PORTABLE, XILINX:
        array = DspArrayPlan(packing=best_packing(U(8), -128, 127), target=target, **common)
        found = cost(array.make())
        assert found.dsp == array.dsps == 6 and found.lut < lut_only.lut / 2


def plan_of():
    layer = random_layer(U(8), S(8), 6, 4)
    return layer.dense, None, layer.edges


@pytest.mark.parametrize(("x", "w"), [(B, S(4)), (U(1), S(4)), (U(17), S(4)), (U(4), S(17))], ids=str)
def test_formats_that_have_no_dsp_products(x, w):
    layer = random_layer(x, w, 6, 5)
    with pytest.raises(ValueError, match="dense: DSP products take activations and weights of 2 to 16 bits, not"):
        LayerPlan(layer.dense, None, layer.edges, LayerFolding(2, 2, "dsp"))
