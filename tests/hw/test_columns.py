"""The parallel line buffer against golden windows, beat by beat; its cycles against the cycle model."""

import numpy as np
import pytest

from golden.execute import execute
from golden.spatial import Windows
from golden.window import Window
from hw.columns import ColumnsPlan, WindowColumns
from sim.sliding import ColumnsMachine
from tests.hw.bench import STALLS, stream, to_beats
from tests.hw.test_sliding import GEOMETRIES


def case(name, whole, **more):
    size, kernel, stride, dilation, pads, channels, _, _ = GEOMETRIES[name]
    window = Window(size=size, kernel=kernel, stride=stride, dilation=dilation, pads=pads)
    return ColumnsPlan(window=window, channels=channels, whole=whole, **dict(bits=3, out_bits=3, pad_code=5) | more)


@pytest.mark.parametrize("whole", [False, True], ids=["columns", "whole"])
@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("stalls", [STALLS["full rate"], STALLS["both"]], ids=["full rate", "both"])
def test_windows(name, whole, stalls):
    plan = case(name, whole)
    codes = np.random.default_rng(1).integers(0, 8, (3, plan.window.pixels, plan.channels))
    patches = execute(Windows("w", "x", "y", plan.window, pad=plan.pad_code), codes)
    if not whole:
        height, width = plan.window.kernel
        patches = patches.reshape(-1, height, width, plan.channels).swapaxes(1, 2)
    want = to_beats(patches.reshape(-1, plan.lanes_out), plan.lanes_out, 3)
    beats = to_beats(codes.reshape(1, -1), plan.lanes, 3)
    trace = stream(WindowColumns(plan), beats, plan.beats_out * 3, stalls=stalls, seed=4)
    assert trace.payloads == want
    machine, taken, given = ColumnsMachine(plan), [], []
    for now, (offers, wants) in enumerate(zip(trace.offered, trace.wanted, strict=True)):
        takes, gives = offers and machine.ready(False), machine.valid() and wants
        machine.move(takes, gives)
        taken += [now] * takes
        given += [now] * gives
    assert (trace.taken, trace.given) == (taken, given)


@pytest.mark.parametrize("whole", [False, True], ids=["columns", "whole"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_frame_takes_its_cycles_and_not_one_more(name, whole):
    plan = case(name, whole)
    machine, left, given = ColumnsMachine(plan), [], 0
    for now in range(12 * (plan.beats_in + plan.cycles) + 100):
        takes, gives = machine.ready(False), machine.valid()
        machine.move(takes, gives)
        given += gives
        if gives and given % plan.beats_out == 0:
            left.append(now)
    assert left[8] - left[4] == 4 * max(plan.beats_in, plan.cycles)
