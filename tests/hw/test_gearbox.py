# amaranth: UnusedElaboratable=no
"""The width conversion against NumPy: padding, order, and one beat a cycle on the side with more of them."""

import numpy as np
import pytest

from fewbit.hw.gearbox import Gearbox
from fewbit.hw.gearbox_plan import GearboxPlan
from tests.support.stream_bench import STALLS, from_beats, stream, to_beats

STALLED = [name for name in STALLS if name != "full rate"]
# Either width divides the other, or neither; vectors that fill their beats on both sides, on one, on none; single
# beats; a last beat that brings more codes than it has lanes, or fewer.
TRIPLES = [
    (1, 1, 5), (4, 4, 8), (4, 4, 10), (8, 8, 3), (1, 4, 8), (1, 4, 5), (2, 8, 5), (2, 6, 18), (4, 1, 8), (4, 1, 6),
    (8, 2, 12), (8, 2, 24), (6, 3, 20), (3, 4, 5), (3, 4, 24), (4, 3, 24), (4, 3, 7), (2, 3, 7), (3, 2, 7), (5, 3, 31),
    (3, 5, 31), (6, 4, 22), (4, 6, 22), (7, 5, 5), (5, 7, 5), (7, 12, 13), (12, 7, 13), (11, 12, 36), (10, 3, 1),
    (16, 6, 50), (9, 10, 19), (10, 9, 91),
]  # fmt: skip


def run(triple, vectors, stalls):
    a, b, length = triple
    codes = np.random.default_rng(a + 20 * b + 400 * length).integers(0, 8, (vectors, length))
    sent = [beat | noise for beat, noise in zip(to_beats(codes, a, 3), pad_noise(triple, vectors), strict=True)]
    dut = Gearbox(bits=3, a=a, b=b, length=length)
    trace = stream(dut, sent, vectors * dut.plan.beats_out, stalls=stalls)
    return dut.plan, codes, trace


def pad_noise(triple, vectors):
    """Ones in the lanes behind each vector: the component must not rely on zeros there."""
    a, _, length = triple
    last = ((1 << (3 * (-length % a))) - 1) << (3 * (length - (-(-length // a) - 1) * a))
    return ([0] * (-(-length // a) - 1) + [last]) * vectors


def check_codes(plan, codes, trace):
    got = from_beats(trace.payloads, plan.b, 3, len(codes))
    assert (got[:, : plan.length] == codes).all()
    assert not got[:, plan.length :].any()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("stalls", STALLED, ids=STALLED)
@pytest.mark.parametrize("triple", TRIPLES, ids=str)
def test_stalls(triple, stalls):
    check_codes(*run(triple, 6, STALLS[stalls]))


@pytest.mark.parametrize("triple", TRIPLES, ids=str)
def test_full_rate(triple):
    vectors, settled = 24, 8
    plan, codes, trace = run(triple, vectors, (0, 0))
    check_codes(plan, codes, trace)
    ends = trace.given[plan.beats_out - 1 :: plan.beats_out]
    assert ends[-1] - ends[settled] == (vectors - 1 - settled) * max(plan.beats_in, plan.beats_out)
    completes = min(-(-plan.b // plan.a), plan.beats_in) - 1  # the input beat that completes the first output beat
    assert trace.given[0] == completes + (not plan.wires)


def test_capacity():
    """No bubble for any small triple, in a model of the queue: `capacity` is a rule, not a measurement."""
    for triple in np.ndindex(9, 9, 30):
        a, b, length = (int(n) + 1 for n in triple)
        plan = GearboxPlan(a=a, b=b, length=length)
        if a == b:
            continue
        assert plan.capacity % plan.unit == 0
        fill, place, given, ends = 0, 0, 0, []
        busier = max(plan.beats_in, plan.beats_out)
        for cycle in range(16 * busier + 2 * b):
            if fill >= b:
                fill, given = fill - b, given + 1
                ends += [cycle] * (given % plan.beats_out == 0)
            add = plan.last if place == plan.beats_in - 1 else a
            if fill + add <= plan.capacity:
                fill, place = fill + add, (place + 1) % plan.beats_in
        assert len(ends) > 12 and (np.diff(ends[8:]) > 0).all(), (a, b, length)
        assert ends[-1] - ends[6] == (len(ends) - 7) * busier, (a, b, length)


def test_dividing_widths_are_cheap():
    for a, b, length in (4, 16, 64), (16, 4, 64), (1, 8, 8), (8, 1, 8), (8, 2, 12):
        assert GearboxPlan(a=a, b=b, length=length).capacity == max(a, b)


@pytest.mark.parametrize("change", [{"a": 0}, {"b": 0}, {"length": 0}])
def test_parameters(change):
    with pytest.raises(ValueError, match="must be at least 1"):
        Gearbox(**{"bits": 3, "a": 4, "b": 2, "length": 8} | change)
