# amaranth: UnusedElaboratable=no
"""Values in another order against golden, the plan that finds blocks, parts and loops, and cycles."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.reorder import Reorder as Node
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary
from fewbit.hw.stages.reorder import Reorder, Wired
from fewbit.hw.stages.reorder_plan import ReorderPlan, WiredPlan, block_of, frames_of, loops_of, plan_of
from fewbit.sim.cycles.machines import machine_of
from tests.support.stream_bench import STALLS, assert_varied, from_beats, stream, to_beats

FRAMES = 3
RNG = np.random.default_rng(1)


def places(*shape):
    return np.arange(np.prod(shape)).reshape(shape)


def shuffled(height, width, channels, block):
    """Return the order of DepthToSpace, an index (height*block, width*block, channels)."""
    i = places(height, width, block, block, channels)
    return i.transpose(0, 2, 1, 3, 4).reshape(-1)


REFLECTED = np.pad(places(3, 4, 2), ((1, 1), (2, 1), (0, 0)), mode="reflect").reshape(-1)
STUFFED = np.full((5, 7, 2), -1)
STUFFED[::2, ::2] = places(3, 4, 2)
CASES = {  # length of x, order, bound, (block, readers, spread) or None if wired
    "transposed": (24, places(4, 6).T.reshape(-1), 24, (1, 1, 1)),
    "transposed, several readers": (24, places(4, 6).T.reshape(-1), 6, (1, 4, 4)),
    "channels of a pixel": (24, (places(4, 6)[:, [3, 0, 5, 1, 2, 4]]).reshape(-1), 24, (1, 1, 1)),
    "channels of a pixel in a beat": (24, (places(4, 6)[:, [3, 0, 5, 1]]).reshape(-1), 4, None),
    "blocks of pixels": (48, shuffled(2, 3, 2, 2), 24, (2, 1, 1)),
    "blocks of pixels, several readers": (48, shuffled(2, 3, 2, 2), 8, (4, 2, 2)),
    "reflected": (24, REFLECTED, 40, (2, 1, 1)),
    "stuffed": (24, STUFFED.reshape(-1), 40, (2, 1, 1)),
    "stuffed, several readers": (24, STUFFED.reshape(-1), 9, (2, 5, 2)),
    "cropped": (30, places(5, 6)[1:4, 2:5].reshape(-1), 30, (1, 1, 1)),
    "anything": (20, RNG.permutation(np.r_[np.arange(20), -1, -1, 3, 3]), 24, (1, 1, 1)),
    "one value often": (4, np.array([2, 2, 2, 2, 2, 2]), 6, (1, 1, 1)),
    "in one beat": (12, RNG.permutation(12), 1, None),
}


def planned(name, fmt):
    length, order, bound, _ = CASES[name]
    edges = {"x": Edge(fmt, np.full(length, fmt.lo), np.full(length, fmt.hi))}
    node = Node("reorder", "x", "y", order, (), 0)
    edges["y"] = node.out(edges["x"])
    return node, edges, plan_of(node, edges, bound=bound)


def prediction(plan, beats_in, beats_out):
    """Return the cycles in which beats are given at full rate, by the machine of the cycle model."""
    machine, given, cycle = machine_of(plan), [], 0
    while len(given) < beats_out:
        gives = machine.valid()
        takes = beats_in > 0 and machine.ready(gives)
        machine.move(takes, gives)
        beats_in -= takes
        given += [cycle] * gives
        cycle += 1
    return given


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("name", CASES)
def test_against_golden(name, stalls):
    check(name, Signed(4), stalls)


@pytest.mark.parametrize("name", ["stuffed", "channels of a pixel in a beat"])
def test_formats(name):
    """Bipolar codes beside zeros become ternary."""
    check(name, Bipolar(), STALLS["both"])
    assert planned("stuffed", Bipolar())[2].format == Ternary()


def check(name, fmt, stalls):
    node, edges, plan = planned(name, fmt)
    want_plan = CASES[name][3]
    if want_plan is None:
        assert isinstance(plan, WiredPlan)
    else:
        assert (plan.block, plan.readers, plan.spread) == want_plan
    parts = frames_of(node.order, edges["x"].length)
    x = np.random.default_rng(len(name)).choice(fmt.values, (FRAMES, 1, edges["x"].length))
    y = execute(node, x)
    assert y.tolist() == [[[v[p] if p >= 0 else 0 for p in node.order] for v in frame] for frame in x]
    if edges["y"].length > 6:
        assert_varied(y[..., node.order >= 0])
    codes = to_beats(fmt.encode(x).reshape(FRAMES * parts, -1), plan.lanes_in, fmt.bits)
    count = y.size // plan.lanes
    kind = Wired if isinstance(plan, WiredPlan) else Reorder
    trace = stream(kind(plan), codes, count, stalls=stalls, quiet=80)
    got = from_beats(trace.payloads, plan.lanes, plan.format.bits, FRAMES)
    assert plan.format.decode(got).tolist() == y.reshape(FRAMES, -1).tolist()
    if stalls == (0, 0):
        assert trace.given == prediction(plan, len(codes), count)


def test_parts_of_a_frame():
    assert frames_of(places(4, 6)[:, ::-1].reshape(-1), 24) == 4
    assert frames_of(shuffled(2, 3, 2, 2), 48) == 2
    assert frames_of(places(4, 6).T.reshape(-1), 24) == 1
    assert frames_of(np.array([0, 1, 4, 5]), 8) == 2


def test_blocks():
    assert block_of(shuffled(2, 3, 4, 2), 96) == 8
    assert block_of(np.array([2, 3, -1, -1, 0, 1]), 4) == 2
    assert block_of(np.array([1, 2, 3, 0]), 4) == 1


def test_loops_are_few():
    """Orders of nested axes take one counter an axis, also where axes have tables or leave places out."""
    for order, most in ((places(8, 9, 10).transpose(2, 0, 1), 3), (places(16, 16), 1), (places(6, 7)[::-1, 1:5], 2)):
        base, loops = loops_of(order.reshape(-1, 1))
        assert len(loops) <= most
        assert all(loop.step(0) is not None for loop in loops)
    base, loops = loops_of(np.where(STUFFED[..., :1] < 0, -1, STUFFED[..., :1] // 2).reshape(-1, 1))
    assert [loop.count for loop in loops] == [7, 5] and base.tolist() == [0]


def test_what_does_not_fit_is_refused():
    node, edges, _ = planned("transposed", Signed(4))
    with pytest.raises(ValueError, match="^reorder: 5 blocks of 1 values do not fit its order$"):
        ReorderPlan(node, edges, order=node.order, length=24, block=1, readers=5)
    with pytest.raises(ValueError, match="^reorder: spread must be a power of two, not 3$"):
        ReorderPlan(node, edges, order=node.order, length=24, block=1, spread=3)
