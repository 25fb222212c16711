# amaranth: UnusedElaboratable=no
"""The array of constant weights: a vector a cycle, with gaps, and every result in its cycle."""

import numpy as np
import pytest
from amaranth.hdl import Value

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.constant_plan import ConstantArrayPlan, planes_of
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.shapes import IntShape
from tests.support.stream_bench import assert_varied, simulate
from tests.support.targets import EXPRESSIONS


@pytest.mark.parametrize("fmt", [Bipolar(), Ternary(), Unsigned(1), Unsigned(3), Signed(2), Signed(5, True)], ids=str)
def test_planes(fmt):
    planes, base = planes_of(fmt)
    codes = fmt.encode(fmt.values)
    assert [sum(p * (c >> k & 1) for k, p in enumerate(planes)) + base for c in codes] == list(fmt.values)


PAIRS = [
    (Bipolar(), Bipolar(), 1), (Ternary(), Ternary(), 1), (Bipolar(), Ternary(), 2), (Ternary(), Bipolar(), 1),
    (Unsigned(2), Ternary(), 3), (Unsigned(4), Signed(4), 1), (Signed(3), Unsigned(2), 1),
]  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("x_format", "w_format", "groups"), PAIRS, ids=str)
def test_a_vector_a_cycle(x_format, w_format, groups):
    rng = np.random.default_rng(11)
    neurons, inputs, width = 6, 11, 14
    weights = rng.choice(w_format.values, (neurons, inputs))
    init = [int(v) for v in rng.integers(0, 100, neurons)]
    dut = ConstantArrayPlan(
        x_format=x_format, w_format=w_format, weights=weights, init=init, acc_shape=IntShape(width),
        groups=groups, target=EXPRESSIONS,
    ).make()  # fmt: skip
    vectors = rng.choice(x_format.values, (20, groups, inputs))
    terms = product_terms(x_format, w_format)
    by_neuron = np.repeat(vectors, neurons // groups, axis=1)
    wanted = ((terms.heap(by_neuron, weights).sum(axis=2) + init) % (1 << width)).tolist()
    assert_varied(wanted)
    given = rng.integers(0, 2, 60).tolist()
    found, sent, asked, left = [], [], [], vectors.tolist()

    async def bench(ctx):
        for cycle in range(60 + dut.plan.latency):
            valid = cycle < 60 and given[cycle] and left
            for member in dut.valid, dut.first, dut.last:
                ctx.set(member, int(bool(valid)))
            if valid:
                codes = x_format.encode(np.array(left.pop(0)).ravel()).tolist()
                ctx.set(Value.cast(dut.x), sum(int(c) << n * x_format.bits for n, c in enumerate(codes)))
                sent.append(cycle)
            if ctx.get(dut.o_valid):
                asked.append(cycle)
                found.append([ctx.get(dut.o[n]) for n in range(neurons)])
            await ctx.tick()

    simulate(dut, bench)
    assert len(sent) == 20 and found == wanted
    assert asked == [cycle + dut.plan.latency for cycle in sent]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"groups": 4}, "Groups must divide the 6 neurons"), ({"init": [0]}, "Init must be 6, one for each neuron, not 1"),
     ({"weights": np.ones(3, dtype=int)}, "Weights must be neurons by inputs")],
)  # fmt: skip
def test_bad_parameters(change, message):
    good = dict(
        x_format=Bipolar(), w_format=Bipolar(), weights=np.ones((6, 2), dtype=int), init=[0] * 6, acc_shape=IntShape(4)
    )
    with pytest.raises(ValueError, match=message):
        ConstantArrayPlan(target=EXPRESSIONS, **good | change)
