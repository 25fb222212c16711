"""An activation on a stream of accumulators: what it gives, and when."""

import numpy as np

from fewbit.hw.packing import pack
from tests.support.stream_bench import from_beats, simulate

__all__ = ["check_activation"]


def check_activation(plan, accs, want, *, latency, lanes, bits, out_bits):
    """Send the accumulators ``accs`` (vectors, neurons), which must give the codes ``want`` of the same shape.

    The first half comes at full rate, the others with gaps.

    Each beat must leave ``latency`` cycles after it came, and no other may.

    Parameters
    ----------
    plan : hw.activation.plans.ActivationPlan
    bits, out_bits : int
        Widths of an accumulator and of a code.
    """
    assert latency == plan.latency
    dut, beats = plan.make(), [pack(beat, bits) for beat in accs.reshape(-1, lanes)]
    out = []

    async def testbench(ctx):
        rng, arrivals = np.random.default_rng(3), []
        out.clear()
        for cycle in range(8 * len(beats) + latency + 100):
            early = len(arrivals) < len(beats) // 2
            valid = early or (len(arrivals) < len(beats) and rng.random() < 0.5)
            ctx.set(dut.i_valid, valid)
            ctx.set(dut.i.as_value(), beats[len(arrivals)] if valid else int(rng.integers(0, 2 ** min(60, bits))))
            arrivals += [cycle] * valid
            due = len(out) < len(arrivals) and arrivals[len(out)] + latency == cycle
            assert ctx.get(dut.o_valid) == due, f"cycle {cycle}: beat {len(out)} is not {latency} cycles late"
            if due:
                out.append(ctx.get(dut.o.as_value()))
            await ctx.tick()
        assert len(out) == len(beats)

    simulate(dut, testbench)
    got = from_beats(out, lanes, out_bits, len(accs))
    assert (got == want).all(), np.argwhere(got != want)[0]
