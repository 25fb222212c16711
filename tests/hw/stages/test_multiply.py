# amaranth: UnusedElaboratable=no
"""Products of two branches against golden: every pair of formats, zero points by channel, float32."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import FloatMultiply, Multiply
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.stages.join import Join
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.multiply_plan import FloatMultipliersPlan, MultipliersPlan
from tests.support.stream_bench import STALLS, assert_varied, streams, to_beats

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
CHANNELS, PIXELS = 6, 12
ONES, ZEROS = np.ones((2, 1), dtype=np.int64), np.zeros((2, 1), dtype=np.int64)
SHIFTED = ONES, np.array([[3], [-2]])
EACH = np.array([[1, 2, 5, 1, 3, 1], [1, 4, 2, 1, 6, 3]]), np.array([[3, 0, -5, 1, 2, 7], [1, 4, -2, 8, 0, -7]])


def product_of(formats, multipliers=ONES, zeros=ZEROS):
    """A golden node and its edges."""
    one = np.ones(CHANNELS, dtype=np.int64)
    edges = {x: Edge(f, one * f.lo, one * f.hi, (1, PIXELS)) for x, f in zip("ab", formats, strict=True)}
    node = Multiply("product", "a", "y", ("b",), multipliers * one, zeros * one)
    return node, edges | {"y": node.out(edges["a"], edges["b"])}


def check(node, edges, xs, *, lanes, stalls=(0, 0)):
    """Stream values ``(PIXELS, CHANNELS)`` of both branches through the unit; its plan."""
    plan = JoinPlan(node, edges, lanes=lanes)
    y = execute(node, *(x[None] for x in xs))[0]
    assert_varied(y)
    formats = (*plan.formats, plan.format)
    beats = [to_beats(f.encode(v).reshape(-1, lanes), lanes, f.bits) for f, v in zip(formats, (*xs, y), strict=True)]
    ends = streams(Join(plan), {"i0": beats[0], "i1": beats[1]}, {"o": len(beats[2])}, stalls=stalls)
    assert ends["o"].payloads == beats[2]
    assert ends["i0"].taken == ends["i1"].taken
    if stalls == (0, 0):
        assert ends["i0"].taken == list(range(len(beats[2])))
        assert ends["o"].given == [cycle + plan.latency + 1 for cycle in ends["i0"].taken]
    return plan


def values_of(formats, seed=0):
    return [np.random.default_rng([seed, k]).choice(f.values, (PIXELS, CHANNELS)) for k, f in enumerate(formats)]


@pytest.mark.parametrize("numbers", [(ONES, ZEROS), SHIFTED, EACH], ids=["plain", "zero points", "by channel"])
@pytest.mark.parametrize("formats", [(B, B), (B, T), (U(4), U(4)), (U(8), S(3)), (S(8), U(8)), (S(2), U(3))], ids=str)
def test_formats(formats, numbers):
    node, edges = product_of(formats, *numbers)
    plan = check(node, edges, values_of(formats), lanes=3)
    assert isinstance(plan.function, MultipliersPlan)
    assert (
        plan.format == B if formats == (B, B) and numbers[0] is ONES and numbers[1] is ZEROS else plan.format.bits > 1
    )


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("lanes", [1, 2, 6])
def test_lanes(lanes, stalls):
    formats = U(5), S(4)
    check(*product_of(formats, *EACH), values_of(formats, lanes), lanes=lanes, stalls=stalls)


def test_wide_factors():
    """Of more bits than one DSP takes."""
    check(*product_of((S(20), U(12))), values_of((S(12), U(12))), lanes=2)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
def test_float(stalls):
    xs = np.random.default_rng(4).normal(size=(2, PIXELS, CHANNELS)).astype(np.float32)
    bound = np.full(CHANNELS, np.inf)
    edges = {x: Edge(Float32(), -bound, bound, (1, PIXELS)) for x in "ab"}
    node = FloatMultiply("product", "a", "y", ("b",))
    edges["y"] = node.out(edges["a"], edges["b"])
    plan = check(node, edges, xs, lanes=2, stalls=stalls)
    assert isinstance(plan.function, FloatMultipliersPlan) and plan.dsps == 4


@pytest.mark.parametrize(
    "formats, numbers, dsps",
    [
        ((U(8), U(8)), (ONES, ZEROS), 2),
        ((U(4), U(4)), (ONES, ZEROS), 0),  # products of less than 9 bits
        ((U(4), U(4)), (4 * ONES, ZEROS), 2),
        ((U(8), B), (ONES, ZEROS), 2),
        ((B, B), (ONES, ZEROS), 0),
        ((U(20), U(8)), (ONES, ZEROS), 4),
    ],
)
def test_dsps_that_synthesis_takes(formats, numbers, dsps):
    assert JoinPlan(*product_of(formats, *numbers), lanes=2).dsps == dsps
