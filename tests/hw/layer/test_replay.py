# amaranth: UnusedElaboratable=no
"""The order of steps, and when a row may begin."""

import numpy as np
import pytest

from fewbit.hw.layer.replay import Replay
from fewbit.hw.packing import pack
from tests.support.stream_bench import simulate

SHAPES = [(1, 1, False), (1, 3, False), (4, 1, False), (4, 3, False), (3, 2, True), (5, 1, True), (1, 4, True),
          (1, 1, True)]  # fmt: skip
RATES = {"full rate": (1, 1), "idle": (0.4, 1), "few credits": (1, 0.3), "both": (0.5, 0.5)}


def run(dut, codes, steps, *, rates):
    """Input cycles, and ``(cycle, ...)`` of every step that was issued, as `Replay` says it."""
    taken, issued, begins = [], [], []

    async def testbench(ctx):
        rng = np.random.default_rng(5)
        for trace in taken, issued, begins:
            trace.clear()
        offering, shown = False, [None] * Replay.LATENCY
        for cycle in range(20 * steps + 200):
            offering = len(taken) < len(codes) and (offering or rng.random() < rates[0])
            credit = bool(rng.random() < rates[1])
            ctx.set(dut.i.valid, offering)
            ctx.set(dut.i.p.as_value(), pack(codes[len(taken)] if offering else [5, 5], 3))
            ctx.set(dut.credit, credit)
            if ctx.get(dut.begin):
                assert credit, f"cycle {cycle}: a row began without credit"
                begins.append((cycle, ctx.get(dut.row_last)))
            if ctx.get(dut.valid):  # address and row belong to the cycle of the issue
                issued.append(
                    (
                        cycle - Replay.LATENCY,
                        *shown[0],
                        ctx.get(dut.first),
                        ctx.get(dut.last),
                        *(ctx.get(x) for x in dut.x),
                    )
                )
            shown = [*shown[1:], (ctx.get(dut.address), ctx.get(dut.row))]
            accepted = offering and ctx.get(dut.i.ready)
            await ctx.tick()
            if accepted:
                taken.append(cycle)
                offering = False
        assert len(taken) == len(codes)
        assert len(issued) == steps

    simulate(dut, testbench)
    return taken, issued, begins


@pytest.mark.sampled(4)
@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("steps, rows, whole", SHAPES)
def test_steps(steps, rows, whole, rates):
    vectors = 5
    codes = np.random.default_rng(steps + 9 * rows).integers(0, 8, (vectors * steps, 2))
    dut = Replay(bits=3, lanes=2, steps=steps, rows=rows, whole=whole)
    taken, issued, begins = run(dut, codes, vectors * rows * steps, rates=rates)
    want = [
        (r * steps + s, r, s == 0, s == steps - 1, *codes[v * steps + s])
        for v in range(vectors) for r in range(rows) for s in range(steps)
    ]  # fmt: skip
    assert [step[1:] for step in issued] == want
    cycles = np.array([step[0] for step in issued]).reshape(vectors * rows, steps)
    assert [cycle for cycle, _ in begins] == cycles[:, 0].tolist()
    assert [last for _, last in begins] == ([0] * (rows - 1) + [1]) * vectors
    if whole:
        assert (np.diff(cycles, axis=1) == 1).all()
    if rates == (1, 1):
        assert (np.diff(cycles.ravel()) == 1).all()
        first = taken[steps - 1 if whole else 0] + (not dut.direct)
        assert cycles[0, 0] == first


@pytest.mark.parametrize("change", [{"steps": 0}, {"rows": 0}])
def test_parameters(change):
    with pytest.raises(ValueError, match="must be at least 1"):
        Replay(**{"bits": 3, "lanes": 2, "steps": 4, "rows": 2} | change)
