# amaranth: UnusedElaboratable=no
"""Enlargement against golden, and its cycles: one a beat of the side that has more."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Upsample as Node
from fewbit.golden.numbers.formats import Unsigned
from fewbit.hw.stages.upsample import Upsample
from fewbit.hw.stages.upsample_plan import UpsamplePlan
from tests.support.stream_bench import STALLS, assert_varied, stream, to_beats

FORMAT, FRAMES = Unsigned(4), 3
CASES = {  # size, factors, channels, lanes
    "both ways": ((3, 4), (2, 2), 4, 2),
    "rows": ((3, 4), (3, 1), 2, 2),
    "columns": ((3, 4), (1, 3), 2, 1),
    "a signal": ((1, 7), (1, 2), 3, 3),
    "one column": ((5, 1), (2, 3), 2, 1),
    "one pixel": ((1, 1), (4, 3), 2, 1),
    "unequal": ((2, 3), (3, 2), 6, 2),
    "as it is": ((2, 3), (1, 1), 2, 1),
}


def upsample(name):
    size, factors, channels, lanes = CASES[name]
    ends = np.zeros(channels, dtype=np.int64), np.full(channels, FORMAT.hi)
    edges, node = {"x": Edge(FORMAT, *ends, size)}, Node("up", "x", "y", size, factors)
    edges["y"] = node.out(edges["x"])
    return node, edges, lanes


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("name", CASES)
def test_images(name, stalls):
    node, edges, lanes = upsample(name)
    plan = UpsamplePlan(node, edges, lanes=lanes)
    x = np.random.default_rng(len(name)).choice(FORMAT.values, (FRAMES, edges["x"].pixels, edges["x"].channels))
    y = execute(node, x)
    assert_varied(y)
    want = to_beats(FORMAT.encode(y).reshape(-1, lanes), lanes, FORMAT.bits)
    beats_frame = edges["y"].length // lanes
    assert len(want) == FRAMES * beats_frame
    beats = to_beats(FORMAT.encode(x).reshape(-1, lanes), lanes, FORMAT.bits)
    trace = stream(Upsample(plan), beats, len(want), stalls=stalls)
    assert trace.payloads == want
    if stalls == (0, 0):
        assert trace.given[0] == 2
        ends = trace.given[beats_frame - 1 :: beats_frame]
        assert set(np.diff(ends)) == {beats_frame}
        if plan.columns == 1:  # no beat of the first row must wait
            assert trace.given[: plan.row_beats] == [cycle + 2 for cycle in range(plan.row_beats)]


def test_lanes_must_divide_the_channels():
    node, edges, _ = upsample("both ways")
    with pytest.raises(ValueError, match="^up: lanes must divide its 4 channels, not 3$"):
        UpsamplePlan(node, edges, lanes=3)
