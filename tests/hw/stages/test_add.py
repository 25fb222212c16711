# amaranth: UnusedElaboratable=no
"""Sums of two branches against golden: every pair of formats, multipliers by channel, float32 and its ReLU."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add, FloatAdd
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.stages.add_plan import AddersPlan, FloatAddersPlan
from fewbit.hw.stages.join import Join
from fewbit.hw.stages.join_plan import JoinPlan
from tests.support.stream_bench import STALLS, assert_varied, streams, to_beats

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
CHANNELS, PIXELS = 6, 12
SAME = np.array([[1], [1]])
EACH = np.array([[3, -2, 5, 1, 0, 7], [-1, 4, 2, 8, 6, -7]])


def sum_of(formats, multipliers):
    """A golden node and its edges."""
    one = np.ones(CHANNELS, dtype=np.int64)
    edges = {x: Edge(f, one * f.lo, one * f.hi, (1, PIXELS)) for x, f in zip("ab", formats, strict=True)}
    node = Add("sum", "a", "y", ("b",), multipliers * one)
    return node, edges | {"y": node.out(edges["a"], edges["b"])}


def check(node, edges, xs, *, lanes, stalls=(0, 0)):
    """Stream values ``(PIXELS, CHANNELS)`` of both branches through the unit; its plan."""
    plan = JoinPlan(node, edges, lanes=lanes)
    assert type(plan.function) is (FloatAddersPlan if isinstance(node, FloatAdd) else AddersPlan)
    y = execute(node, *(x[None] for x in xs))[0]
    assert_varied(y)
    codes = [f.encode(v) for f, v in zip((*plan.formats, plan.format), (*xs, y), strict=True)]
    a, b, want = (to_beats(c.reshape(-1, lanes), lanes, f.bits) for c, f in
                  zip(codes, (*plan.formats, plan.format), strict=True))  # fmt: skip
    assert len(want) == plan.pixels * plan.beats_out
    ends = streams(Join(plan), {"i0": a, "i1": b}, {"o": len(want)}, stalls=stalls)
    assert ends["o"].payloads == want
    assert ends["i0"].taken == ends["i1"].taken
    if stalls == (0, 0):
        assert ends["i0"].taken == list(range(len(want)))
        assert ends["o"].given == [cycle + plan.latency + 1 for cycle in ends["i0"].taken]
    return plan


def values_of(formats, seed=0):
    """Random values of both branches, of similar size in a third of all places: two signs would often cancel."""
    rng = np.random.default_rng(seed)
    places = rng.random((2, PIXELS, CHANNELS))
    places[1] = np.where(rng.random(places[0].shape) < 1 / 3, places[0], places[1])
    return [np.asarray(f.values)[(p * len(f.values)).astype(int)] for f, p in zip(formats, places, strict=True)]


@pytest.mark.parametrize("multipliers", [SAME, 2 * SAME - [[0], [5]], EACH], ids=["ones", "same", "by channel"])
@pytest.mark.parametrize("formats", [(B, B), (B, T), (U(4), U(4)), (U(8), S(3)), (S(5, True), B), (T, U(1))], ids=str)
def test_formats(formats, multipliers):
    check(*sum_of(formats, multipliers), values_of(formats), lanes=3)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("lanes", [1, 2, 6])
def test_lanes(lanes, stalls):
    formats = U(3), S(4)
    check(*sum_of(formats, EACH), values_of(formats, lanes), lanes=lanes, stalls=stalls)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("relu", [False, True])
def test_float(relu, stalls):
    rng = np.random.default_rng(4)
    xs = [rng.normal(loc=mean, size=(PIXELS, CHANNELS)).astype(np.float32) for mean in (1, 0)]
    bound = np.full(CHANNELS, np.inf)
    edges = {x: Edge(Float32(), -bound, bound, (1, PIXELS)) for x in "ab"}
    node = FloatAdd("sum", "a", "y", ("b",), relu)
    edges["y"] = node.out(edges["a"], edges["b"])
    check(node, edges, xs, lanes=2, stalls=stalls)


@pytest.mark.parametrize(
    "formats, multipliers, dsps",
    [
        ((U(8), U(8)), SAME, 0),
        ((U(8), U(8)), 4 * SAME, 0),  # shifts
        ((U(8), U(8)), 3 * SAME, 4),
        ((U(8), B), 3 * SAME, 2),
        ((U(4), U(4)), EACH, 0),  # products of less than 9 bits
        ((U(6), S(4)), EACH, 2),
    ],
)
def test_dsps_that_synthesis_takes(formats, multipliers, dsps):
    assert JoinPlan(*sum_of(formats, multipliers), lanes=2).dsps == dsps


def test_lanes_must_divide_the_channels():
    with pytest.raises(ValueError, match="^sum: lanes must divide its 6 channels, not 4$"):
        JoinPlan(*sum_of((B, B), SAME), lanes=4)
