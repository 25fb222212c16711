# amaranth: UnusedElaboratable=no
"""Stages of loadable numbers that are no layers against golden: functions of single codes, and sums of branches."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.loadable import LoadableAdd, LoadableRescale, LoadableThreshold
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.stages.add_plan import LoadableAddersPlan
from fewbit.hw.stages.join import LoadableJoin
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.pointwise import LoadablePointwise
from fewbit.hw.stages.pointwise_plan import PointwisePlan
from tests.support.stream_bench import STALLS, assert_varied, from_beats, stream, streams, to_beats

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
LENGTH, VECTORS = 11, 16


def function(node, x_format, *, lanes, stalls=(0, 0)):
    """Stream random vectors through the unit of a node; its plan."""
    full = np.ones(LENGTH, dtype=np.int64)
    edges = {"x": Edge(x_format, full * x_format.lo, full * x_format.hi)}
    edges["y"] = node.out(edges["x"])
    x = np.random.default_rng(LENGTH).choice(x_format.values, (VECTORS, LENGTH))
    plan = PointwisePlan(node, edges, lanes=lanes)
    beats = to_beats(x_format.encode(x), lanes, x_format.bits)
    trace = stream(LoadablePointwise(plan), beats, VECTORS * plan.beats_out, stalls=stalls)
    y = execute(node, x)
    assert (from_beats(trace.payloads, lanes, plan.format.bits, VECTORS)[:, :LENGTH] == plan.format.encode(y)).all()
    assert_varied(y)
    if stalls == (0, 0):
        assert trace.given == [t + plan.latency + 1 for t in trace.taken]
    return plan


def threshold(x, y, rows, most=None):
    rng = np.random.default_rng(rows)
    count = (y.levels if most is None else most + 1) - 1
    even = np.linspace(x.lo, x.hi, count + 2)[1:-1]
    cuts = np.sort(np.rint(even + rng.uniform(-0.4, 0.4, (rows, count))).astype(np.int64), axis=1)
    codes = np.tile(y.values, (rows, 1)) if most is None else rng.choice(y.values, (rows, count + 1))
    codes[::2] = codes[::2, ::-1]
    return LoadableThreshold("f", "x", "y", cuts, codes, y, most=most, alike=rows == 1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rows", [1, LENGTH], ids=["shared", "each its own"])
@pytest.mark.parametrize(
    ("x", "y"), [(U(8), U(2)), (S(8), S(4)), (S(4, True), B), (U(4), U(4)), (S(12), U(3))], ids=str
)
def test_thresholds(x, y, rows):
    function(threshold(x, y, rows), x, lanes=3)
    plan = function(threshold(x, y, rows), x, lanes=3, stalls=STALLS["both"])
    table = rows == 1 and x.bits <= 8
    assert all(name.startswith("function.table") for name in plan.memories) == table
    if table:
        assert [len(c.words) for c in plan.memories.values()] == [1 << x.bits] * 3


def test_room_for_more_thresholds():
    """A function that has fewer of them takes the same memories."""
    node = threshold(S(9), U(3), LENGTH, most=5)
    few = LoadableThreshold("f", "x", "y", node.thresholds[:, :2], node.codes[:, :3], U(3), most=5)
    plans = [function(n, S(9), lanes=4) for n in (node, few)]
    assert LoadLayout(plans[0].memories).depths == LoadLayout(plans[1].memories).depths
    assert plans[0].latency == plans[1].latency


@pytest.mark.parametrize("x", [U(6), S(6), B], ids=str)
def test_lines(x):
    rng = np.random.default_rng(3)
    factors = rng.integers(-20, 20, LENGTH)
    middle = -(factors * int(x.hi + x.lo) // 2) + (16 << 4)
    node = LoadableRescale("f", "x", "y", factors, middle, 4, U(5), (1, 29), factor_bits=7)
    assert "function.limits" in function(node, x, lanes=2).memories


@pytest.mark.parametrize("stalls", [(0, 0), STALLS["both"]], ids=["full rate", "both"])
@pytest.mark.parametrize(("formats", "lanes"), [((U(4), U(4)), 3), ((B, T), 1), ((S(6), U(2)), 6)], ids=str)
def test_sums(formats, lanes, stalls):
    channels, pixels = 6, 12
    one, rng = np.ones(channels, dtype=np.int64), np.random.default_rng(4)
    edges = {x: Edge(f, one * f.lo, one * f.hi, (1, pixels)) for x, f in zip("ab", formats, strict=True)}
    multipliers = np.array([[3, -2, 5, 1, 0, 7], [-1, 4, 2, 8, 6, -7]])
    node = LoadableAdd("sum", "a", "y", ("b",), multipliers, factor_bits=5)
    edges["y"] = node.out(edges["a"], edges["b"])
    plan = JoinPlan(node, edges, lanes=lanes)
    assert type(plan.function) is LoadableAddersPlan
    xs = [rng.choice(f.values, (pixels, channels)) for f in formats]
    y = execute(node, *(x[None] for x in xs))[0]
    a, b, want = (
        to_beats(f.encode(v).reshape(-1, lanes), lanes, f.bits)
        for f, v in zip((*plan.formats, plan.format), (*xs, y), strict=True)
    )
    ends = streams(LoadableJoin(plan), {"i0": a, "i1": b}, {"o": len(want)}, stalls=stalls)
    assert ends["o"].payloads == want
    if stalls == (0, 0):
        assert ends["o"].given == [cycle + plan.latency + 1 for cycle in ends["i0"].taken]
    assert list(plan.memories) == ["factors"] and plan.cost.lut > 0
    assert LoadLayout(plan.memories).depths[0] == plan.beats_out
