# amaranth: UnusedElaboratable=no
"""Forks, queues and concatenations: every beat to everyone who waits for it, in order, and in the right format."""

import numpy as np
import pytest
from amaranth.back import verilog

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Concat as Node
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.stages.routing import Concat, Fork, Queue
from fewbit.hw.stages.routing_plan import ConcatPlan, ForkPlan, QueuePlan
from tests.support.stream_bench import STALLS, assert_varied, simulate, stream, streams, to_beats

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
BITS, LANES, COUNT, PIXELS = 3, 2, 60, 10


def random_beats(count=COUNT):
    beats = to_beats(np.random.default_rng(count).integers(0, 1 << BITS, (count, LANES)), LANES, BITS)
    assert_varied(beats)
    return beats


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("count", [2, 3, 5])
def test_fork(count, stalls):
    beats = random_beats()
    names = [f"o{k}" for k in range(count)]
    dut = Fork(ForkPlan(bits=BITS, lanes=LANES, count=count))
    ends = streams(dut, {"i": beats}, dict.fromkeys(names, COUNT), stalls=stalls)
    i, copies = ends["i"], [ends[name] for name in names]
    assert all(copy.payloads == beats for copy in copies)
    # A beat is done when the last of them has taken it, in that cycle.
    assert i.taken == [max(cycles) for cycles in zip(*(copy.given for copy in copies), strict=True)]
    # Each takes it as soon as it is offered and wanted, whether the others do or not.
    for copy in copies:
        starts = [next(c for c in range(t + 1) if c > before and i.offered[c]) for before, t in
                  zip([-1, *i.taken], i.taken, strict=False)]  # fmt: skip
        assert copy.given == [next(c for c in range(s, s + 1000) if copy.wanted[c]) for s in starts]
    if stalls == (0, 0):
        assert i.taken == list(range(COUNT))


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("depth", [2, 3, 4, 17])
def test_queue(depth, stalls):
    beats = random_beats()
    trace = stream(Queue(QueuePlan(bits=BITS, lanes=LANES, depth=depth)), beats, COUNT, stalls=stalls)
    assert trace.payloads == beats
    if stalls == (0, 0) and depth > 2:  # two beats are on their way
        assert trace.taken == list(range(COUNT))
        assert trace.given == [cycle + 2 for cycle in trace.taken]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("depth", [2, 3, 17])
def test_a_queue_in_ultra_ram_is_the_same_cycle_for_cycle(depth, stalls):
    beats, traces = random_beats(), []
    for ram in (None, "ultra"):
        plan = QueuePlan(bits=BITS, lanes=LANES, depth=depth)
        plan.ram = ram
        traces.append(stream(Queue(plan), beats, COUNT, stalls=stalls))
    assert traces[0].payloads == traces[1].payloads == beats
    assert traces[0].taken == traces[1].taken and traces[0].given == traces[1].given


def test_a_queue_says_where_its_memory_is():
    plan = QueuePlan(bits=8, lanes=9, depth=4097)
    assert list(plan.mapped()) == [Buffer(72, 4096)]
    plan.ram = "ultra"
    assert list(plan.mapped()) == [Buffer(72, 4096, "ultra")]
    assert 'ram_style = "ultra"' in verilog.convert(Queue(plan), emit_src=False)


@pytest.mark.parametrize("depth", [2, 3, 8, 33])
def test_queue_holds_its_depth(depth):
    """While nobody reads, it takes so many beats and not one more; then all of them come out."""
    dut, beats = Queue(QueuePlan(bits=BITS, lanes=LANES, depth=depth)), random_beats(depth + 4)

    async def testbench(ctx):
        taken, given = 0, []
        ctx.set(dut.i.valid, 1)
        for cycle in range(4 * depth + 20):
            ctx.set(dut.i.p.as_value(), beats[min(taken, depth + 3)])
            ctx.set(dut.o.ready, cycle > 2 * depth + 4)
            if cycle == 2 * depth + 4:
                assert taken == depth
                ctx.set(dut.i.valid, 0)
            *_, ready, offers, valid, payload = await ctx.tick().sample(
                dut.i.ready, dut.i.valid, dut.o.valid, dut.o.p.as_value()
            )
            taken += ready and offers
            given += [payload] * (valid and cycle > 2 * depth + 4)
        assert given == beats[:depth]

    simulate(dut, testbench)


def concat_of(channels, formats, fmt, lanes):
    """A plan, the node, and random values ``(PIXELS, channels)`` of each input."""
    rng = np.random.default_rng([*channels, len(formats)])
    names = [f"x{k}" for k in range(len(channels))]
    edges = {
        x: Edge(f, np.full(c, f.lo), np.full(c, f.hi), (1, PIXELS))
        for x, f, c in zip(names, formats, channels, strict=True)
    }
    node = Node("both", names[0], "y", tuple(names[1:]), fmt)
    edges["y"] = node.out(*(edges[x] for x in names))
    xs = [rng.choice(f.values, (PIXELS, c)) for f, c in zip(formats, channels, strict=True)]
    return ConcatPlan(node, edges, lanes=lanes), node, xs


def check_concat(channels, formats, fmt, *, lanes, stalls=(0, 0)):
    plan, node, xs = concat_of(channels, formats, fmt, lanes)
    y = execute(node, *(x[None] for x in xs))[0]
    assert_varied(y)
    beats = {
        f"i{k}": to_beats(f.encode(x).reshape(-1, n), n, f.bits)
        for k, (x, f, n) in enumerate(zip(xs, formats, plan.lanes_in, strict=True))
    }
    want = to_beats(fmt.encode(y).reshape(-1, plan.lanes), plan.lanes, fmt.bits)
    assert len(want) == plan.pixels * plan.channels // plan.lanes
    ends = streams(Concat(plan), beats, {"o": len(want)}, stalls=stalls)
    assert ends["o"].payloads == want
    if stalls == (0, 0):
        assert ends["o"].given == list(range(len(want)))
    # Every beat that leaves is one that enters in that cycle, or one of each input where a pixel is a beat.
    entered = [set(ends[name].taken) for name in beats]
    assert set(ends["o"].given) == set.union(*entered)
    assert not plan.whole or all(cycles == entered[0] for cycles in entered)


FORMATS = [
    ((U(2), U(2)), U(2)), ((U(1), U(3)), U(3)), ((B, B), B), ((T, S(4)), S(4)), ((U(2), S(3)), S(3)),
    ((S(2), T, U(1)), S(3)),
]  # fmt: skip


@pytest.mark.parametrize("width, depth, cheaper", [
    (8, 20, []),
    (6, 70, [65, 33]),  # of 69 words to 64, whose addresses need no comparison, and to 32 in half as many LUTs
    (32, 132, [129, 65, 33]),
    (4, 3000, [2049, 513, 449]),  # one block RAM to LUTs
    (36, 1100, [1025, 513, 65]),  # three block RAMs, two, one
])  # fmt: skip
def test_depths_from_which_on_a_queue_takes_less(width, depth, cheaper):
    plan = QueuePlan(bits=width, lanes=1, depth=2)
    assert list(plan.cheaper_than(depth))[: len(cheaper)] == cheaper
    assert plan.width == width


@pytest.mark.parametrize("lanes", [None, 1, 2])
@pytest.mark.parametrize("formats, fmt", FORMATS, ids=str)
def test_formats_of_a_concatenation(formats, fmt, lanes):
    check_concat([4, 2, 6][: len(formats)], formats, fmt, lanes=lanes)


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("channels, lanes", [((3, 2), None), ((3, 2), 1), ((4, 8), 4), ((2, 4, 6, 2), 2)])
def test_concatenations_under_stalls(channels, lanes, stalls):
    check_concat(channels, [U(3)] * len(channels), U(3), lanes=lanes, stalls=stalls)


@pytest.mark.parametrize("make, message", [
    (lambda: ForkPlan(bits=1, lanes=1, count=1), "^Count must be at least 2, not 1$"),
    (lambda: QueuePlan(bits=1, lanes=1, depth=1), "^Depth must be at least 2, not 1$"),
    (lambda: concat_of((4, 6), (B, B), B, 4), r"^both: lanes must divide \[4, 6\], not 4$"),
])  # fmt: skip
def test_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
