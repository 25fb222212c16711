# amaranth: UnusedElaboratable=no
"""Repetition of channels against golden, under stalls, a beat a cycle."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Repeat as Node
from fewbit.golden.numbers.formats import Bipolar, Unsigned
from fewbit.hw.stages.repeat import Repeat
from fewbit.hw.stages.repeat_plan import RepeatPlan
from tests.support.stream_bench import STALLS, stream, to_beats

PIXELS = 12


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("channels, count, lanes", [(1, 6, 2), (1, 4, 4), (3, 4, 1), (2, 1, 1)])
def test_repetition(channels, count, lanes, stalls):
    fmt, end = Unsigned(4), np.full(channels, 15)
    edges, node = {"x": Edge(fmt, 0 * end, end, (1, PIXELS))}, Node("repeat", "x", "y", count)
    edges["y"] = node.out(edges["x"])
    plan = RepeatPlan(node, edges, lanes=lanes)
    x = np.random.default_rng(count).choice(fmt.values, (1, PIXELS, channels))
    want = to_beats(fmt.encode(execute(node, x)).reshape(-1, lanes), lanes, fmt.bits)
    trace = stream(Repeat(plan), to_beats(fmt.encode(x).reshape(-1, 1), 1, fmt.bits), len(want), stalls=stalls)
    assert trace.payloads == want
    if stalls == (0, 0):
        assert trace.given == list(range(len(want)))


def test_lanes_must_divide_the_copies():
    node = Node("repeat", "x", "y", 6)
    with pytest.raises(ValueError, match="^repeat: lanes must divide its 6 channels, not 4$"):
        RepeatPlan(node, {"x": Edge(Bipolar(), np.array([-1]), np.array([1]))}, lanes=4)
