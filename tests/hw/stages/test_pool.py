# amaranth: UnusedElaboratable=no
"""Pools against golden, by value in every format: tap by tap, and all taps of several pixels at once."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Largest as Node
from fewbit.golden.numbers.formats import Bipolar, Float32, Levels, Signed, Ternary, Unsigned
from fewbit.hw.stages.pool import Largest, LargestOfAll
from fewbit.hw.stages.pool_plan import LargestOfAllPlan, LargestPlan
from tests.support.stream_bench import STALLS, assert_varied, stream, to_beats

FORMATS = (
    Bipolar(), Ternary(), Unsigned(1), Unsigned(4), Signed(3), Signed(4, True), Levels((-6, -1, 0, 5, 9)), Float32(),
)  # fmt: skip
PIXELS = 24


def pool(fmt, channels, taps):
    """A node, its edges, ``(PIXELS, channels, taps)`` values, and golden's results ``(PIXELS, channels)``.

    The results are drawn, and of every pixel one tap has them, the others no more: else nearly all were the largest.
    """
    rng = np.random.default_rng([channels, taps, fmt.bits])
    size = PIXELS, channels, taps
    if fmt == Float32():
        x = (rng.normal(size=size) * 10.0 ** rng.integers(-20, 20, size)).astype(np.float32)
        bound = np.full(channels * taps, np.inf)
        edge = Edge(fmt, -bound, bound, (1, PIXELS))
    else:
        values = np.asarray(fmt.values)
        most = rng.integers(0, len(values), size[:2])[:, :, None]
        index = np.minimum(rng.integers(0, len(values), size), most)
        np.put_along_axis(index, rng.integers(0, taps, size[:2])[:, :, None], most, axis=2)
        x = values[index]
        ends = np.ones(channels * taps, dtype=np.int64)
        edge = Edge(fmt, ends * fmt.lo, ends * fmt.hi, (1, PIXELS))
    node = Node("pool", "x", "y", taps)
    edges = {"x": edge, "y": node.out(edge)}
    y = execute(node, x.reshape(1, PIXELS, channels * taps))[0]
    assert_varied(y)
    return node, edges, x, y


def check(fmt, *, channels, taps, lanes, stalls=(0, 0)):
    """A block of lanes comes tap by tap, block after block."""
    node, edges, x, y = pool(fmt, channels, taps)
    plan = LargestPlan(node, edges, lanes=lanes)
    x = x.reshape(PIXELS, channels // lanes, lanes, taps).swapaxes(2, 3)
    beats = to_beats(fmt.encode(x).reshape(-1, lanes), lanes, fmt.bits)
    assert len(beats) == plan.pixels * plan.channels // plan.lanes * plan.taps
    trace = stream(Largest(plan), beats, len(beats) // taps, stalls=stalls)
    assert trace.payloads == to_beats(fmt.encode(y).reshape(-1, lanes), lanes, fmt.bits)
    if stalls == (0, 0):
        assert trace.taken == list(range(len(beats)))
        assert trace.given == [cycle + 1 for cycle in trace.taken[taps - 1 :: taps]]


def check_all(fmt, *, channels, taps, abreast, stalls=(0, 0)):
    """A beat has the taps of ``abreast`` pixels, one pixel after the other, each tap with its channels."""
    node, edges, x, y = pool(fmt, channels, taps)
    plan = LargestOfAllPlan(node, edges, abreast=abreast)
    beats = to_beats(fmt.encode(x.swapaxes(1, 2)).reshape(-1, plan.lanes * taps), plan.lanes * taps, fmt.bits)
    trace = stream(LargestOfAll(plan), beats, len(beats), stalls=stalls)
    assert trace.payloads == to_beats(fmt.encode(y).reshape(-1, plan.lanes), plan.lanes, fmt.bits)
    if stalls == (0, 0):
        assert trace.taken == list(range(PIXELS // abreast))
        assert trace.given == [cycle + 1 for cycle in trace.taken]


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_formats(fmt):
    check(fmt, channels=4, taps=4, lanes=2)
    check_all(fmt, channels=2, taps=4, abreast=2)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("channels, taps, lanes", [(1, 1, 1), (6, 1, 3), (6, 4, 1), (6, 9, 3), (4, 2, 4)])
def test_tap_by_tap(channels, taps, lanes, stalls):
    check(Signed(4), channels=channels, taps=taps, lanes=lanes, stalls=stalls)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("channels, taps, abreast", [(1, 1, 1), (3, 4, 1), (2, 9, 3), (3, 2, 4), (1, 5, 8)])
def test_all_taps(channels, taps, abreast, stalls):
    check_all(Signed(4), channels=channels, taps=taps, abreast=abreast, stalls=stalls)


def test_lanes_must_divide_the_channels():
    node, edges, *_ = pool(Unsigned(2), 4, 4)
    with pytest.raises(ValueError, match="^pool: lanes must divide its 4 channels, not 3$"):
        LargestPlan(node, edges, lanes=3)
