"""The line buffer against golden windows, beat by beat; its cycles against the cycle model and against the bound."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.formats import Bipolar, Ternary, Unsigned
from fewbit.hw.stages.sliding_window import SlidingWindow
from fewbit.hw.stages.window_plan import SlidingPlan
from fewbit.sim.cycles.machines.windows import SlidingMachine
from tests.support.stream_bench import STALLS, stream, to_beats

# size, kernel, stride, dilation, pads, channels, lanes, blocks
GEOMETRIES = {
    "3x3": ((6, 7), (3, 3), (1, 1), (1, 1), (0, 0, 0, 0), 4, 2, 1),
    "3x3 padded": ((5, 6), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 2, 2, 1),
    "3x3 strided, padded": ((7, 8), (3, 3), (2, 2), (1, 1), (1, 1, 1, 1), 2, 1, 1),
    "pool": ((6, 6), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), 6, 3, 2),
    "pool with a rest": ((7, 5), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), 2, 1, 2),
    "overlapping pool": ((7, 7), (3, 3), (2, 2), (1, 1), (1, 0, 0, 1), 2, 2, 1),
    "projection": ((5, 7), (1, 1), (2, 2), (1, 1), (0, 0, 0, 0), 3, 3, 1),
    "thin": ((5, 7), (1, 1), (3, 3), (1, 1), (0, 0, 0, 0), 3, 1, 1),
    "dilated": ((9, 8), (3, 2), (1, 1), (2, 3), (2, 1, 0, 3), 1, 1, 1),
    "signal": ((1, 12), (1, 5), (1, 2), (1, 1), (0, 2, 0, 2), 3, 1, 1),
    "whole": ((3, 4), (3, 4), (1, 1), (1, 1), (0, 0, 0, 0), 4, 2, 2),
    "asymmetric": ((4, 5), (3, 3), (1, 2), (1, 1), (2, 0, 0, 1), 2, 1, 1),
    "all of the row is padding": ((3, 3), (2, 2), (1, 1), (1, 1), (2, 2, 2, 2), 1, 1, 1),
    "5x5": ((8, 9), (5, 5), (1, 1), (1, 1), (0, 0, 0, 0), 1, 1, 1),
    "one pixel": ((1, 1), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 2, 1, 1),
    "groups": ((4, 4), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 6, 1, 3),
}


def case(name, **more):
    size, kernel, stride, dilation, pads, channels, lanes, blocks = GEOMETRIES[name]
    window = Window(size=size, kernel=kernel, stride=stride, dilation=dilation, pads=pads)
    options = dict(bits=3, out_bits=3, pad_code=5) | more
    return SlidingPlan(
        window=window, channels=channels, lanes=lanes, blocks=blocks, chunks=channels // lanes // blocks, **options
    )


def expected(plan, codes):
    """Beats of codes ``(F, pixels, C)``: golden windows with a group for every block."""
    node = Windows("w", "x", "y", plan.window, pad=plan.pad_code, groups=plan.blocks)
    return execute(node, codes).reshape(-1, plan.lanes)


def run(plan, codes, stalls=(0, 0)):
    beats = to_beats(codes.reshape(1, -1), plan.lanes, plan.bits)
    # The last rows of a frame may be in no window: they enter after the last beat has left.
    return stream(SlidingWindow(plan), beats, plan.beats_out * len(codes), stalls=stalls, seed=4, quiet=100)


@pytest.mark.sampled(12)
@pytest.mark.long
@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
def test_windows(name, stalls):
    plan = case(name)
    codes = np.random.default_rng(1).integers(0, 8, (3, plan.window.pixels, plan.channels))
    trace = run(plan, codes, stalls)
    assert trace.payloads == to_beats(expected(plan, codes), plan.lanes, plan.out_bits)
    predicted = model(plan, trace.offered, trace.wanted)
    assert (trace.taken, trace.given) == predicted


def model(plan, offered, wanted):
    """When the machine takes and gives beats, given when it is offered one and one is wanted."""
    machine, taken, given = SlidingMachine(plan), [], []
    for now, (offers, wants) in enumerate(zip(offered, wanted, strict=True)):
        takes, gives = offers and machine.ready(False), machine.valid() and wants
        machine.move(takes, gives)
        taken += [now] * takes
        given += [now] * gives
    return taken, given


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_frame_takes_its_beats_and_not_a_cycle_more(name):
    plan = case(name)
    machine, left, given, entered = SlidingMachine(plan), [], 0, 0
    for now in range(12 * (plan.beats_in + plan.beats_out) + 100):
        takes, gives = machine.ready(False), machine.valid()
        machine.move(takes, gives)
        entered, given = entered + takes, given + gives
        if gives and given % plan.beats_out == 0:
            left.append(now)
    assert left[8] - left[4] == 4 * max(plan.beats_in, plan.beats_out)


def test_recoding():
    window = Window(size=(3, 4), kernel=(3, 3), pads=(1, 1, 1, 1))
    recode = Ternary().encode(Bipolar().decode(range(2))).tolist()
    plan = SlidingPlan(
        window=window, channels=2, lanes=2, blocks=1, chunks=1, bits=1, out_bits=2, pad_code=0, recode=recode
    )
    values = np.random.default_rng(2).choice([-1, 1], (2, 12, 2))
    node = Windows("w", "x", "y", window)
    trace = run(plan, Bipolar().encode(values))
    assert trace.payloads == to_beats(Ternary().encode(execute(node, values)).reshape(-1, 2), 2, 2)


def test_memory_is_rows_of_the_window_and_one():
    window = Window(size=(28, 28), kernel=(3, 3), pads=(1, 1, 1, 1))
    plan = SlidingPlan(window=window, channels=8, lanes=8, blocks=1, chunks=1, bits=1, out_bits=1)
    assert plan.depth <= 4 * 28
    assert plan.frame_cycles(plan.depth) == plan.beats_out
    slow = SlidingPlan(window=window, channels=8, lanes=8, blocks=1, chunks=1, bits=1, out_bits=1, interval=9999)
    assert slow.depth < plan.depth and slow.frame_cycles(slow.depth) <= 9999


@pytest.mark.parametrize("change, text", [({"lanes": 3}, "must make 4 channels"), ({"blocks": 3}, "must make 4")])
def test_refused(change, text):
    common = dict(
        window=Window(size=(3, 3), kernel=(2, 2)), channels=4, lanes=2, blocks=1, chunks=2, bits=1, out_bits=1
    )
    SlidingPlan(**common)
    with pytest.raises(ValueError, match=text):
        SlidingPlan(**common | change)


def test_formats_have_room_for_their_pads():
    assert Windows("w", "x", "y", Window(size=(2, 2), kernel=(2, 2), pads=(1, 0, 0, 0))).format_of(
        Unsigned(2)
    ) == Unsigned(2)
