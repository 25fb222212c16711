"""The parallel line buffer against golden windows, beat by beat; its cycles against the cycle model."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window
from fewbit.hw.stages.window_columns import WindowColumns
from fewbit.hw.stages.window_columns_plan import ColumnsPlan
from fewbit.hw.stages.window_plan import abreast_of
from fewbit.sim.cycles.machines.windows import ColumnsMachine
from tests.hw.stages.test_sliding_window import GEOMETRIES
from tests.support.stream_bench import STALLS, stream, to_beats

# size, kernel, stride, dilation, pads, channels, windows abreast
ABREAST = {
    "two of 3x3": ((5, 8), (3, 3), (1, 1), (1, 1), (0, 0, 0, 0), 2, 2),
    "two of 3x3 padded": ((5, 6), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 2, 2),
    "a whole row": ((4, 6), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1), 1, 6),
    "strided, padded": ((7, 8), (3, 3), (2, 2), (1, 1), (1, 1, 1, 1), 2, 2),
    "two pools": ((6, 8), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), 3, 2),
    "a pool of two columns at a time": ((6, 6), (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), 3, 1),
    "four dilated": ((6, 12), (2, 3), (1, 1), (2, 3), (1, 3, 1, 3), 1, 4),
    "three of a signal": ((1, 12), (1, 5), (1, 1), (1, 1), (0, 3, 0, 1), 3, 3),
    "two thin": ((4, 12), (1, 1), (3, 3), (1, 1), (0, 0, 0, 0), 2, 2),
}


def geometry(name):
    *shape, abreast = ABREAST[name] if name in ABREAST else (*GEOMETRIES[name][:6], 1)
    size, kernel, stride, dilation, pads, channels = shape
    return Window(size=size, kernel=kernel, stride=stride, dilation=dilation, pads=pads), channels, abreast


def case(name, whole, **more):
    window, channels, abreast = geometry(name)
    options = dict(bits=3, out_bits=3, pad_code=5) | more
    return ColumnsPlan(window=window, channels=channels, whole=whole, abreast=abreast, **options)


FORMS = [(name, whole) for name in GEOMETRIES for whole in (False, True)] + [(name, True) for name in ABREAST]


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("name", "whole"), FORMS)
@pytest.mark.parametrize("stalls", [STALLS["full rate"], STALLS["both"]], ids=["full rate", "both"])
def test_windows(name, whole, stalls):
    plan = case(name, whole)
    window, channels, _ = geometry(name)
    codes = np.random.default_rng(1).integers(0, 8, (3, window.pixels, channels))
    patches = execute(Windows("w", "x", "y", window, pad=plan.pad_code), codes)
    if not whole:
        height, width = window.kernel
        patches = patches.reshape(-1, height, width, channels).swapaxes(1, 2)
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


@pytest.mark.parametrize(("name", "whole"), FORMS)
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


def test_windows_abreast_divide_the_row_and_their_strides_the_image():
    assert abreast_of(geometry("two of 3x3")[0]) == [1, 2]
    assert abreast_of(geometry("a whole row")[0]) == [1, 2, 3, 6]
    assert abreast_of(geometry("strided, padded")[0]) == [1, 2, 4]
    assert abreast_of(geometry("pool with a rest")[0]) == [1]


@pytest.mark.parametrize("name", ABREAST)
def test_windows_abreast_take_so_many_times_less(name):
    window, _, abreast = geometry(name)
    plan = case(name, True)
    assert plan.beats_out * abreast == window.out_pixels
    assert plan.beats_in * abreast * window.stride[1] == window.pixels
