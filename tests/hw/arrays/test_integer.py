# amaranth: UnusedElaboratable=no
import random

import numpy as np
import pytest
from amaranth.hdl import Shape, Value, signed, unsigned
from amaranth.sim import Simulator

from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.heap.partial_products import product_terms
from tests.support.stream_bench import set_together
from tests.support.targets import EXPRESSIONS, PORTABLE

PAIRS = [
    (Bipolar(), Bipolar()),
    (Bipolar(), Ternary()),
    (Bipolar(), Signed(3)),
    (Ternary(), Ternary()),
    (Ternary(), Bipolar()),
    (Unsigned(2), Bipolar()),
    (Unsigned(4), Signed(4)),
    (Signed(3), Unsigned(2)),
    (Signed(4), Ternary()),
    (Signed(2), Signed(5, narrow=True)),
    (Unsigned(1), Unsigned(1)),
    (Signed(8), Signed(8)),
]
FOLDS = {  # name: pe, simd, steps, lanes
    "one lane": (1, 1, 1, 1),
    "one step": (3, 5, 1, 3),
    "all at once": (4, 6, 3, 4),
    "serial": (4, 3, 4, 1),
    "serial, slack": (4, 7, 5, 2),
    "long": (2, 2, 19, 1),
}


def pack(values, bits):
    return sum(int(value) << index * bits for index, value in enumerate(values))


def expected_accumulators(x_format, w_format, x, w, init, width):
    """``init + sum of heaps`` modulo ``2**width`` by way of the plain dot product, (rows, pe)."""
    terms = product_terms(x_format, w_format)
    dots = np.einsum("rts,rtps->rp", x, w)
    heap, rest = np.divmod(dots - terms.offset(w).sum(axis=(1, 3)), terms.scale)
    assert not rest.any()
    return (init + heap) & ((1 << width) - 1)


class TB:
    """An array, random rows for it, and what it gave: ``(cycle, lanes)`` of each valid beat."""

    def __init__(self, *, x_format, w_format, fold, rows, idle, signed_acc=True, seed=0, target=PORTABLE):
        self.pe, self.simd, self.steps, self.lanes = fold
        self.rows, self.idle = rows, idle
        self.rng = random.Random(repr((seed, fold, idle)))
        rng = np.random.default_rng(seed)
        self.x_format, self.w_format = x_format, w_format
        self.x = rng.choice(x_format.values, size=(rows, self.steps, self.simd))
        self.w = rng.choice(w_format.values, size=(rows, self.steps, self.pe, self.simd))
        most = self.steps * self.simd * sum(1 << e for e in product_terms(x_format, w_format).exponents)
        self.init = rng.integers(-most - 1 if signed_acc else 0, 1 if signed_acc else most, (rows, self.pe))
        self.acc_shape = signed(most.bit_length() + 2) if signed_acc else unsigned((2 * most).bit_length())
        self.width = Shape.cast(self.acc_shape).width
        self.plan = IntegerArrayPlan(
            x_format=x_format,
            w_format=w_format,
            pe=self.pe,
            simd=self.simd,
            steps=self.steps,
            acc_shape=self.acc_shape,
            lanes=self.lanes,
            target=target,
        )
        self.dut, self.latency = self.plan.make(), self.plan.latency
        self.cycle, self.beats, self.last_cycles = 0, [], []

    async def _cycle(self, ctx, valid, row=None, step=None):
        """One cycle; while nothing is valid, and on ``init`` after the first step, all inputs are random."""
        dut, rng = self.dut, self.rng
        data = {name: rng.getrandbits(len(Value.cast(getattr(dut, name)))) for name in ("x", "w", "init")}
        first, last = rng.getrandbits(1), rng.getrandbits(1)
        if valid:
            data["x"] = pack(self.x_format.encode(self.x[row, step]), self.x_format.bits)
            data["w"] = pack(self.w_format.encode(self.w[row, step]).ravel(), self.w_format.bits)
            first, last = step == 0, step == self.steps - 1
            if first:
                data["init"] = pack(self.init[row] & ((1 << self.width) - 1), self.width)
            if last:
                self.last_cycles.append(self.cycle)
        strobes = (dut.valid, valid), (dut.first, first), (dut.last, last)
        set_together(ctx, [*((getattr(dut, name), value) for name, value in data.items()), *strobes])
        if ctx.get(dut.o_valid):
            packed = ctx.get(Value.cast(dut.o))
            self.beats.append(
                (self.cycle, [packed >> n * self.width & ((1 << self.width) - 1) for n in range(self.lanes)])
            )
        await ctx.tick()
        self.cycle += 1

    async def _bench(self, ctx):
        for row in range(self.rows):
            for step in range(self.steps):
                while self.rng.random() < self.idle:
                    await self._cycle(ctx, False)
                await self._cycle(ctx, True, row, step)
        for _ in range(self.latency + 2 * self.pe + 2):
            await self._cycle(ctx, False)

    def run(self):
        sim = Simulator(self.dut)
        sim.add_clock(1e-6)
        sim.add_testbench(self._bench)
        sim.run()
        expected = expected_accumulators(self.x_format, self.w_format, self.x, self.w, self.init, self.width)
        assert 2 * np.unique(expected, return_counts=True)[1].max() < expected.size  # not degenerate
        per_row = self.pe // self.lanes
        assert [lanes for _, lanes in self.beats] == expected.reshape(-1, self.lanes).tolist()
        assert [cycle for cycle, _ in self.beats] == [
            last + self.latency + beat for last in self.last_cycles for beat in range(per_row)
        ]
        if not self.idle:  # full rate: a row every ``steps`` cycles
            assert set(np.diff(self.last_cycles)) == {self.steps}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS.keys())
@pytest.mark.parametrize("x_format, w_format", [PAIRS[0], PAIRS[6]], ids=str)
def test_folds(x_format, w_format, fold, idle):
    TB(x_format=x_format, w_format=w_format, fold=fold, rows=60 // fold[2] + 8, idle=idle).run()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("x_format, w_format", PAIRS, ids=str)
def test_formats(x_format, w_format):
    TB(x_format=x_format, w_format=w_format, fold=(2, 5, 2, 1), rows=40, idle=0.2, seed=1).run()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("idle", [0, 0.4])
@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS.keys())
def test_folds_of_primitives(fold, idle):
    tb = TB(x_format=Bipolar(), w_format=Bipolar(), fold=fold, rows=60 // fold[2] + 8, idle=idle, target=EXPRESSIONS)
    tb.run()


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("x_format, w_format", PAIRS, ids=str)
def test_formats_of_primitives(x_format, w_format):
    shape = dict(fold=(2, 5, 2, 1), rows=40, idle=0.2, seed=1)
    TB(x_format=x_format, w_format=w_format, target=EXPRESSIONS, **shape).run()


def test_unsigned_accumulator():
    TB(x_format=Unsigned(3), w_format=Unsigned(2), fold=(2, 4, 3, 1), rows=30, idle=0.2, signed_acc=False).run()


def test_wide():
    """64 lanes, where the latency exceeds several rows."""
    tb = TB(x_format=Bipolar(), w_format=Bipolar(), fold=(2, 64, 2, 1), rows=40, idle=0, seed=3)
    assert tb.latency > 3 * tb.steps
    tb.run()


@pytest.mark.parametrize("simd, lanes, latency", [(1, 2, 2), (2, 2, 2), (64, 2, 6), (64, 1, 7)])
def test_latency(simd, lanes, latency):
    """Latencies as they are now: who changes the compressor should see what it does to them."""
    common = dict(x_format=Bipolar(), w_format=Bipolar(), simd=simd, acc_shape=signed(8))
    array = IntegerArrayPlan(pe=2, steps=2, lanes=lanes, **common)
    assert latency == array.latency
    assert array.heap_latency == PORTABLE.integer_pe(**common, feedback=True).latency


@pytest.mark.parametrize(
    "change, message",
    [
        ({"pe": 0}, "PE must be at least 1, not 0"),
        ({"simd": 0}, "SIMD must be at least 1, not 0"),
        ({"steps": 0}, "Steps must be at least 1, not 0"),
        ({"lanes": 3}, r"Lanes must divide PE \(4\) into at most 2 beats \(steps\), not 3"),
        ({"lanes": 1}, "Lanes must divide"),
        ({"x_format": Float32()}, "Activation format must be"),
    ],
)
def test_errors(change, message):
    good = dict(x_format=Bipolar(), w_format=Bipolar(), pe=4, simd=2, steps=2, acc_shape=signed(8), lanes=2)
    IntegerArrayPlan(**good)
    with pytest.raises(ValueError, match=message):
        IntegerArrayPlan(**good | change)


def test_pe_error():
    for target in PORTABLE, EXPRESSIONS:
        with pytest.raises(ValueError, match="SIMD must be at least 1, not 0"):
            target.integer_pe(x_format=Bipolar(), w_format=Bipolar(), simd=0, acc_shape=signed(8), feedback=True)
