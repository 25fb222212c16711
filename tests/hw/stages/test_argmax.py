# amaranth: UnusedElaboratable=no
"""The index of the largest: the first of equals, at any position of any beat, in any format."""

import numpy as np
import pytest

from fewbit.golden.network.argmax import ArgMax as Node
from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Unsigned
from fewbit.hw.stages.argmax import ArgMax
from fewbit.hw.stages.argmax_plan import ArgMaxPlan
from tests.support.stream_bench import STALLS, stream, to_beats

FORMATS = Bipolar(), Unsigned(1), Unsigned(4), Signed(2), Signed(7), Unsigned(8), Signed(20)


def check(x_format, x, *, lanes, stalls=(0, 0)):
    length = x.shape[1]
    bound = np.zeros(length, dtype=np.int64)
    edges = {"x": Edge(x_format, bound, bound)}
    node = Node("top", "x", "y")
    edges["y"] = node.out(edges["x"])
    plan = ArgMaxPlan(node, edges, lanes=lanes)
    # Noise where a vector's last beat has lanes that are not there: more than any value.
    beats = to_beats(x_format.encode(x), lanes, x_format.bits)
    if length % lanes:
        largest = x_format.hi if isinstance(x_format, Signed) else (1 << x_format.bits) - 1
        pad = sum(largest << (k * x_format.bits) for k in range(length % lanes, lanes))
        for at in range(plan.beats_in - 1, len(beats), plan.beats_in):
            beats[at] |= pad
    trace = stream(ArgMax(plan), beats, len(x), stalls=stalls)
    assert trace.payloads == execute(node, x)[:, 0].tolist()
    if stalls == (0, 0):
        assert trace.taken == list(range(len(beats)))
        assert trace.given == [t + 1 for t in trace.taken[plan.beats_in - 1 :: plan.beats_in]]
    return trace.payloads


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("length, lanes", [
    (10, 1), (10, 2), (10, 3), (10, 10), (7, 4), (1, 1), (2, 1), (2, 2), (17, 8)
])  # fmt: skip
def test_lanes(length, lanes, stalls):
    x = np.random.default_rng(length).integers(-60, 61, (40, length))
    x[np.arange(length), np.arange(length)] = 63
    found = check(Signed(7), x, lanes=lanes, stalls=stalls)
    assert set(found) == set(range(length))


@pytest.mark.parametrize("lanes", [1, 4, 9])
@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_formats(fmt, lanes):
    """With many ties in the narrow ones: the first wins."""
    x = np.random.default_rng(fmt.bits).choice(fmt.values if fmt.bits < 16 else np.arange(fmt.lo, fmt.hi, 999), (60, 9))
    check(fmt, x, lanes=lanes)


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_position_with_and_without_ties(lanes):
    length = 8
    rows = [np.where(np.arange(length) == k, 5, 2) for k in range(length)]
    rows += [np.where(np.arange(length) >= k, 3, -4) for k in range(length)]
    rows += [np.full(length, v) for v in (-8, 7)] + [np.arange(length), -np.arange(length)]
    check(Signed(4), np.array(rows), lanes=lanes)


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_float(lanes):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 5)).astype(np.float32) * rng.choice([1e-30, 1, 1e30], (40, 1)).astype(np.float32)
    x[np.arange(5), np.arange(5)] = 3e38
    x[8:16] = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf], dtype=np.float32)[rng.integers(0, 6, (8, 5))]
    found = check(Float32(), x, lanes=lanes)
    assert set(found) == set(range(5))
