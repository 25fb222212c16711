# amaranth: UnusedElaboratable=no
"""The float32 array and its processing element against ``golden.numbers.float32``, bit for bit."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from fewbit.golden.numbers import float32
from fewbit.hw.arrays.float32 import FloatPE
from fewbit.hw.arrays.float32_plan import FloatArrayPlan
from fewbit.hw.float32.units import FloatAdd
from fewbit.hw.packing import pack
from tests.support.stream_bench import assert_varied, set_together, simulate


def codes(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def run_rows(dut, x, w, bias, *, steps, gaps):
    """Codes (rows, pe) of the rows presented, and the cycles of the beats after the ``last`` of their row."""
    rows, pe = bias.shape
    schedule = [cell for row in range(rows) for cell in [(row, s) for s in range(steps)] + [None] * gaps[row]]
    x = codes(x).reshape(rows, steps, -1)
    w = codes(w).reshape(rows, pe, steps, -1).swapaxes(1, 2).reshape(rows, steps, -1)
    lasts, cycles, out = [], [], []
    sim = Simulator(dut)
    sim.add_clock(1e-6)

    async def testbench(ctx):
        for cycle in range(len(schedule) + dut.plan.latency + pe + 8):
            cell = schedule[cycle] if cycle < len(schedule) else None
            if cell is None:
                ctx.set(dut.valid, 0)
            else:
                row, step = cell
                init = codes(bias[row]) if step == 0 else [0x7FC00000] * pe
                words = (dut.x, x[row, step]), (dut.w, w[row, step]), (dut.init, init)
                strobes = (dut.valid, 1), (dut.first, step == 0), (dut.last, step == steps - 1)
                set_together(ctx, [*((port, pack(codes_, 32)) for port, codes_ in words), *strobes])
                lasts.extend([cycle] * (step == steps - 1))
            if ctx.get(dut.o_valid):
                cycles.append(cycle)
                out.extend(ctx.get(lane) for lane in dut.o)
            await ctx.tick()

    sim.add_testbench(testbench)
    sim.run()
    assert len(out) == rows * pe
    cycles = np.array(cycles).reshape(rows, -1) - np.array(lasts)[:, None]
    return np.array(out, dtype=np.uint32).reshape(rows, pe), cycles


@pytest.mark.sampled(18)
@pytest.mark.long
@pytest.mark.parametrize("gaps", [[0] * 6, [0, 1, 3, 2, 7, 0]], ids=["full rate", "gaps"])
@pytest.mark.parametrize(
    "pe, simd, steps, lanes",
    [
        (1, 1, 1, 1),
        (2, 2, 1, 2),
        (2, 3, 2, 1),
        (3, 1, 3, 1),
        (4, 1, 4, 1),
        (4, 1, 4, 4),
        (4, 2, 5, 1),
        (6, 1, 3, 3),
        (6, 1, 7, 2),
        (4, 1, 9, 2),
        (8, 1, 8, 1),
        (1, 1, 14, 1),
        (1, 1, 15, 1),
        (1, 1, 18, 1),
        (3, 1, 22, 1),
        (3, 1, 23, 3),
        (4, 2, 29, 2),
    ],
)
def test_array(pe, simd, steps, lanes, gaps):
    rng = np.random.default_rng(pe + 10 * simd + 100 * steps)
    rows, k = len(gaps), simd * steps
    x, w, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((rows, k), (rows, pe, k), (rows, pe)))
    dut = FloatArrayPlan(pe=pe, simd=simd, steps=steps, lanes=lanes).make()
    got, cycles = run_rows(dut, x, w, bias, steps=steps, gaps=gaps)
    want = [float32.dot(x[i : i + 1], w[i], bias[i], simd=simd, partials=FloatAdd.LATENCY)[0] for i in range(rows)]
    assert (got == codes(want)).all()
    assert (cycles == dut.plan.latency + np.arange(pe // lanes)).all()


@pytest.mark.parametrize("change", [{"pe": 0}, {"simd": 0}, {"steps": 0}, {"lanes": 3}, {"steps": 1}])
def test_array_parameters(change):
    with pytest.raises(ValueError, match="must"):
        FloatArrayPlan(**{"pe": 4, "simd": 2, "steps": 4, "lanes": 1} | change)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dsp", [True, False], ids=["DSPs", "LUTs"])
@pytest.mark.parametrize("simd, steps", [(1, 1), (3, 4), (2, FloatAdd.LATENCY), (1, 2 * FloatAdd.LATENCY + 3), (4, 23)])
def test_partial_sums(simd, steps, dsp):
    """Rows one behind the other; each step's result is the partial sum that it was added to."""
    rows, interleaved = 3, FloatAdd.LATENCY
    rng = np.random.default_rng([simd, steps])
    x, w = rng.normal(size=(2, rows, steps, simd)).astype(np.float32)
    sums = [float32.mul(x[..., s], w[..., s]) for s in range(simd)]
    while len(sums) > 1:
        pairs = [float32.add(*sums[k : k + 2]) for k in range(0, len(sums) - 1, 2)]
        sums = pairs + sums[2 * len(pairs) :]
    want = sums[0].copy()
    for step in range(interleaved, steps):
        want[:, step] = float32.add(want[:, step], want[:, step - interleaved])
    want = codes(want).ravel()
    assert_varied(want)
    plan = FloatArrayPlan(pe=1, simd=simd, steps=steps, lanes=1, dsp=dsp)
    dut = FloatPE(plan)
    x, w = (codes(v).reshape(-1, simd) for v in (x, w))
    found = []

    async def testbench(ctx):
        found.clear()
        for cycle in range(rows * steps + plan.partial_latency):
            at = min(cycle, rows * steps - 1)
            ctx.set(dut.x.as_value(), pack(x[at], 32))
            ctx.set(dut.w.as_value(), pack(w[at], 32))
            ctx.set(dut.fresh, (cycle - plan.sum_latency) % steps < interleaved)
            if cycle >= plan.partial_latency:
                found.append(ctx.get(dut.o))
            await ctx.tick()

    simulate(dut, testbench)
    assert found == want.tolist()
