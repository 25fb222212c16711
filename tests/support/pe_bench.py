"""A processing element on random operands, compared in every cycle: ``o = (init if load else o) + sum(heap)``."""

import numpy as np
from amaranth.hdl import Value

from fewbit.hw.heap.partial_products import product_terms
from tests.support.stream_bench import set_together, simulate

__all__ = ["bit_planes", "check_pe", "random_operands"]


def random_operands(x_format, w_format, *, simd, cycles, seed=0):
    """Return codes of activations and of weights, each ``(cycles, simd)``, and the heap of every cycle
    ``(cycles,)``."""
    rng = np.random.default_rng([seed, simd])
    x, w = (rng.choice(f.values, (cycles, simd)) for f in (x_format, w_format))
    return x_format.encode(x), w_format.encode(w), product_terms(x_format, w_format).heap(x, w).sum(axis=1)


def bit_planes(codes, bits):
    """Return the codes of a cycle's lanes as one integer: bit s of plane k is bit k of lane s."""
    return sum((int(code) >> k & 1) << k * len(codes) + s for k in range(bits) for s, code in enumerate(codes))


def check_pe(plan, operands, heaps, *, width, feedback=True, with_init=True, seed=0):
    """Present the operands of a cycle after those of another, and see the sums that follow from their heaps.

    ``init``, ``load`` and ``enable`` are random, those of a heap ``plan.latency`` cycles behind its operands.

    Parameters
    ----------
    plan : of a processing element, such as a hw.heap.pe_plans.IntegerPEPlan
    operands : dict of lists of int
        Bits for each cycle, by the member's name.
    heaps : int array (cycles, parts)
        What is added up in a cycle, for accumulators of ``width`` bits that stand side by side.
    feedback : bool
        Whether there is an accumulator: else ``o = init + sum(heap)`` in every cycle.
    with_init : bool
        Whether ``init`` counts; else it is zero, whatever is on its wires.
    """
    cycles, parts = heaps.shape
    dut, late, mask = plan.make(), plan.latency, (1 << width) - 1

    async def testbench(ctx):
        rng, held, wanted, found = np.random.default_rng(seed), np.zeros(parts, dtype=object), [], []
        for cycle in range(cycles + late):
            at = cycle - late
            load, enable = rng.random() < 0.2 or at <= 0, rng.random() < 0.8 or at <= 0
            init = [int(v) for v in rng.integers(0, 1 << min(width, 62), parts)]
            pairs = [(getattr(dut, name), bits[min(cycle, cycles - 1)]) for name, bits in operands.items()]
            pairs += [(dut.load, load), (dut.enable, enable)]
            set_together(ctx, [*pairs, (dut.init, sum(v << width * p for p, v in enumerate(init)))])
            await ctx.tick()
            if at < 0:
                continue
            if enable or not feedback:
                start = np.array(init if with_init else [0] * parts, dtype=object)
                held = ((start if load or not feedback else held) + heaps[at].astype(object)) & mask
            wanted.append(held.tolist())
            word = ctx.get(Value.cast(dut.o)) & (1 << width * parts) - 1
            found.append([word >> width * p & mask for p in range(parts)])
        assert len(wanted) == cycles
        assert found == wanted

    simulate(dut, testbench)
