# amaranth: UnusedElaboratable=no
"""Functions of single codes against golden: every format in and out, one table for all positions or one each."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.stages.pointwise import Pointwise
from fewbit.hw.stages.pointwise_plan import PointwisePlan
from tests.support.stream_bench import STALLS, assert_varied, from_beats, stream, to_beats

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
LENGTH, VECTORS = 11, 16


def check(node, x_format, *, lanes, stalls=(0, 0), length=LENGTH, varied=True):
    """Stream random vectors through the unit; its plan."""
    full = np.ones(length, dtype=np.int64)
    edges = {"x": Edge(x_format, full * x_format.lo, full * x_format.hi)}
    edges["y"] = node.out(edges["x"])
    x = np.random.default_rng(length).choice(x_format.values, (VECTORS, length))
    plan = PointwisePlan(node, edges, lanes=lanes)
    beats = to_beats(x_format.encode(x), lanes, x_format.bits)
    trace = stream(Pointwise(plan), beats, VECTORS * plan.beats_out, stalls=stalls)
    y = execute(node, x)
    assert (from_beats(trace.payloads, lanes, plan.format.bits, VECTORS)[:, :length] == plan.format.encode(y)).all()
    if varied:
        assert_varied(y)
    if stalls == (0, 0):
        assert trace.taken == list(range(len(beats)))
        assert trace.given == [t + plan.latency + 1 for t in trace.taken]
    return plan


def threshold(x, y, *, rows, codes=None, seed=0):
    """A threshold node that spreads the values of ``x`` over those of ``y``; random codes for ``codes=True``."""
    rng = np.random.default_rng(seed)
    cuts = np.sort(rng.integers(x.lo, x.hi + 2, (rows, y.levels - 1)), axis=1)
    if x.levels >= y.levels:  # a good spread, where there is room for one
        even = np.linspace(x.lo, x.hi, y.levels + 1)[1:-1]
        cuts = np.sort(np.rint(even + rng.uniform(-0.4, 0.4, cuts.shape)).astype(np.int64), axis=1)
    return Threshold("f", "x", "y", cuts, rng.choice(y.values, (rows, y.levels)) if codes else None, y)


PAIRS = [
    (U(8), B), (U(8), U(2)), (U(8), T), (S(8), S(4)), (S(4, True), B), (T, B), (U(4), U(4)), (B, U(1)), (S(6), U(3))
]  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rows", [1, LENGTH], ids=["shared", "each its own"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: "-".join(map(str, p)))
def test_thresholds(pair, rows):
    node = threshold(*pair, rows=rows)
    check(node, pair[0], lanes=3)
    check(node, pair[0], lanes=3, stalls=STALLS["both"])


@pytest.mark.parametrize("rows", [1, LENGTH], ids=["shared", "each its own"])
@pytest.mark.parametrize("pair", [(U(4), U(3)), (S(5), S(3, True)), (U(8), T), (T, B), (B, B)], ids=str)
def test_any_codes(pair, rows):
    node = threshold(*pair, rows=rows, codes=True, seed=3)
    check(node, pair[0], lanes=4, varied=rows > 1)


@pytest.mark.parametrize("lanes", [1, 2, 5, 11])
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
def test_lanes(lanes, stalls):
    check(threshold(U(4), U(3), rows=LENGTH), U(4), lanes=lanes, stalls=stalls)


@pytest.mark.parametrize("fmt", [U(9), S(12), U(16), S(16)], ids=str)
@pytest.mark.parametrize("rows", [1, LENGTH], ids=["shared", "each its own"])
def test_wide_sensors(fmt, rows):
    """Too wide for a table: thresholds, also where one row serves all."""
    plan = check(threshold(fmt, U(3), rows=rows), fmt, lanes=2)
    assert plan.latency > 1


@pytest.mark.parametrize("codes", [None, True], ids=["in order", "any codes"])
def test_what_all_channels_share_is_stored_once(codes):
    few, many = (
        check(threshold(U(10), U(3), rows=1, codes=codes), U(10), lanes=2, length=length, varied=codes is None)
        for length in (4, 24)
    )
    own = check(threshold(U(10), U(3), rows=24, codes=codes), U(10), lanes=2, length=24, varied=codes is None)
    assert [m.bits for m in few.function.mapped()] == [m.bits for m in many.function.mapped()]
    assert sum(m.bits for m in own.function.mapped()) > 6 * sum(m.bits for m in many.function.mapped())


@pytest.mark.parametrize("count, code", [(0, -1), (0, 1)])
def test_constant(count, code):
    node = Threshold("f", "x", "y", np.zeros((1, count), np.int64), np.full((1, 1), code), B)
    check(node, U(2), lanes=2, varied=False)
    rows = Threshold("f", "x", "y", np.zeros((LENGTH, count), np.int64), np.full((LENGTH, 1), code), B)
    check(rows, U(2), lanes=2, varied=False)


def test_thresholds_that_no_value_reaches():
    cuts = np.array([[-500, -3, 2, 500]])
    node = Threshold("f", "x", "y", cuts, np.array([[0, 1, 2, 3, 0]]), U(2))
    for rows in (1, LENGTH):
        wide = Threshold("f", "x", "y", np.repeat(cuts, rows, axis=0), np.repeat(node.codes, rows, axis=0), U(2))
        check(wide, S(4), lanes=3)


@pytest.mark.parametrize("x, y", [(U(8), U(4)), (S(8), S(4, True)), (S(5), U(3))], ids=str)
def test_rescale(x, y):
    rng = np.random.default_rng(5)
    slope = (y.hi - y.lo) / (x.hi - x.lo) * 1.2
    multiplier = np.rint(slope * 2**8 * rng.uniform(0.8, 1.2, LENGTH)).astype(np.int64)
    multiplier[::4] *= -1
    addend = np.rint((y.lo + y.hi) / 2 * 2**8 - multiplier * (x.lo + x.hi) / 2).astype(np.int64)
    node = Rescale("f", "x", "y", multiplier, addend, 8, y)
    check(node, x, lanes=2)
    check(node, x, lanes=3, stalls=STALLS["both"])


@pytest.mark.parametrize("bits", [0, 3, 8])
def test_rescale_with_a_kink_and_bounds_of_its_own(bits):
    rng, x, y = np.random.default_rng(6), S(8), S(6)
    multiplier = rng.integers(30, 60, LENGTH)
    addend = rng.integers(-500, 500, LENGTH)
    kink = np.where(np.arange(LENGTH) % 3, 1 << bits, 0)
    kinked = Rescale("f", "x", "y", multiplier, addend, 8, y, (-9, 11), kink, -2)
    check(kinked, x, lanes=2)
    check(kinked, x, lanes=3, stalls=STALLS["both"])
    values = np.broadcast_to(np.arange(-128, 128)[:, None], (256, LENGTH))
    straight = Rescale("f", "x", "y", multiplier, addend, 8, y, (-9, 11))
    assert (kinked.values(values) != straight.values(values)).any() and kinked.values(values).min() == -9


def test_rescale_of_bipolar_codes():
    one = np.ones(LENGTH, dtype=np.int64)
    check(Rescale("f", "x", "y", one, 0 * one, 0, T), B, lanes=2)
    check(Rescale("f", "x", "y", 3 * one, one, 1, S(4)), B, lanes=3, stalls=STALLS["both"])


@pytest.mark.parametrize("x", [S(7), U(6)], ids=str)
@pytest.mark.parametrize("factor", [1, 37], ids=["shift", "product"])
def test_rescale_with_exceptions(x, factor):
    """At both ends of the range, several in a channel, in the first and the last."""
    rng = np.random.default_rng(9)
    places = {(int(c), int(v)): 1 for c, v in zip(rng.integers(0, LENGTH, 60), rng.choice(x.values, 60), strict=True)}
    places |= {(0, x.lo): -1, (0, x.hi): 1, (LENGTH - 1, x.lo): 2, (LENGTH - 1, x.hi): -1}
    rows = np.array([(c, v, by) for (c, v), by in sorted(places.items())], dtype=np.int64)
    multiplier, addend = np.full(LENGTH, factor), rng.integers(-9, 9, LENGTH) * factor
    node = Rescale("f", "x", "y", multiplier, addend, 2, S(12), (-500, 500), exceptions=rows)
    check(node, x, lanes=2)
    check(node, x, lanes=3, stalls=STALLS["both"])
    plain = Rescale("f", "x", "y", multiplier, addend, 2, S(12), (-500, 500))
    values = np.broadcast_to(x.values[:, None], (len(x.values), LENGTH))
    assert (node.values(values) != plain.values(values)).sum() == len(rows)
