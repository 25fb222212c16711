# amaranth: UnusedElaboratable=no
"""The float32 units against ``golden.numbers.float32``, bit for bit."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from fewbit.golden.numbers import float32
from fewbit.hw.float32.units import FloatAdd, FloatMul, float_greater, float_relu

SPECIALS = [
    0,
    1,
    0x7FFFFF,
    0x800000,
    0x800001,
    0xFFFFFF,
    0x1000000,
    0x32FFFFFF,
    0x33000000,
    0x33800000,
    0x34000000,
    0x3F7FFFFF,
    0x3F800000,
    0x3F800001,
    0x4B800000,
    0x72FFFFFF,
    0x73000000,
    0x7F7FFFFF,
    0x7F800000,
    0x7F800001,
    0x7FC00000,
]


def floats(codes):
    return np.asarray(codes, dtype=np.uint32).view(np.float32)


def codes(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def operands(rng, n):
    """``n`` pairs each of: any codes, near cancellation, the same of tiny numbers, any alignment, products at the
    limits; in front of them all pairs of special codes.

    Some fractions are cut to a few bits so that ties and exact results occur.
    """

    def cancelling(a):
        return (a ^ 0x80000000) + (rng.integers(-3, 4, n) << rng.integers(0, 24, n))

    def with_exponent(b, exponent):
        return b & 0x807FFFFF | (exponent.clip(0, 255) << 23)

    a, b = rng.integers(0, 2**32, (2, 5, n))
    a[2] = with_exponent(a[2], rng.integers(0, 24, n))
    exponent = a >> 23 & 255
    b[1:3] = cancelling(a[1]), cancelling(a[2])
    b[3] = with_exponent(b[3], exponent[3] + rng.integers(-29, 30, n))
    b[4] = with_exponent(b[4], 127 - exponent[4] + rng.choice([0, 1, 254, 255], n))
    cut = [0xFFFFFFFF, 0xFFFFF000, 0xFFF00000, 0xFF800001]
    a, b = ((x & rng.choice(cut, x.shape) & 0xFFFFFFFF).ravel() for x in (a, b))
    pairs = np.meshgrid(*[SPECIALS + [code | 0x80000000 for code in SPECIALS]] * 2)
    return tuple(np.concatenate([grid.ravel(), x]).astype(np.uint32) for grid, x in zip(pairs, (a, b), strict=True))


def simulate(unit, a, b):
    """Results of a free-running unit, one pair per cycle."""
    sim, out = Simulator(unit), []
    sim.add_clock(1e-6)

    async def testbench(ctx):
        for cycle in range(len(a) + unit.LATENCY):
            if cycle < len(a):
                ctx.set(unit.a, int(a[cycle]))
                ctx.set(unit.b, int(b[cycle]))
            if cycle >= unit.LATENCY:
                out.append(ctx.get(unit.o))
            await ctx.tick()

    sim.add_testbench(testbench)
    sim.run()
    return np.array(out, dtype=np.uint32)


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize(
    "unit, function",
    [(FloatMul(), float32.mul), (FloatMul(dsp=False), float32.mul), (FloatAdd(), float32.add)],
    ids=["mul", "mul in LUTs", "add"],
)
def test_unit(unit, function):
    a, b = operands(np.random.default_rng(1), 1500)
    want = codes(function(floats(a), floats(b)))
    kinds = [want & 0x7FFFFFFF == 0, want & 0x7FFFFFFF == 0x7F800000, want == 0x7FC00000]
    assert all(50 < kind.sum() < len(want) / 2 for kind in kinds)
    assert len(np.unique(want)) > len(want) / 4
    got = simulate(unit, a, b)
    bad = np.flatnonzero(got != want)
    assert not bad.size, [f"{x:08x}" for i in bad[:1] for x in (a[i], b[i], got[i], want[i])]


def test_relu_and_greater():
    a, b = operands(np.random.default_rng(2), 200)
    m, x, y = Module(), Signal(32), Signal(32)
    relu, greater = Signal(32), Signal()
    m.d.comb += [relu.eq(float_relu(x)), greater.eq(float_greater(x, y))]
    want_relu, want_greater = codes(float32.relu(floats(a))), float32.greater(floats(a), floats(b))
    comparable = ~np.isnan(floats(a)) & ~np.isnan(floats(b))
    for codes_ in (a, b):
        comparable &= (codes_ >> 23 & 255 != 0) | (codes_ & 0x7FFFFF == 0)
    assert comparable.mean() > 0.6
    sim = Simulator(m)

    async def testbench(ctx):
        for i in range(len(a)):
            ctx.set(x, int(a[i]))
            ctx.set(y, int(b[i]))
            await ctx.delay(1e-9)
            assert ctx.get(relu) == want_relu[i]
            if comparable[i]:
                assert ctx.get(greater) == want_greater[i], f"{a[i]:08x} {b[i]:08x}"

    sim.add_testbench(testbench)
    sim.run()
