# amaranth: UnusedElaboratable=no
"""Activations of loadable constants against a few lines of NumPy, with gaps, and their latency whatever these are.

Their hardware is `LoadableSearch`, `LoadableAffine` and `LoadableTable`, beside that of fixed ones.
"""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from fewbit.hw.activation.loadable_plans import (
    LoadableAffinePlan,
    LoadableSearchPlan,
    LoadableSignPlan,
    LoadableTablePlan,
    LoadableWholePlan,
)
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.shapes import IntShape
from tests.support.activation_bench import check_activation
from tests.support.stream_bench import assert_varied

SHAPES = [(1, 1), (1, 5), (4, 3)]  # lanes, beats
VECTORS = 20


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("depth", "latency"), [(1, 2), (2, 2), (3, 6), (5, 10)])
@pytest.mark.parametrize("xor", [0, 1], ids=["unsigned", "signed"])
@pytest.mark.parametrize("lanes, beats", SHAPES)
def test_search(lanes, beats, depth, latency, xor):
    rng = np.random.default_rng(depth * 100 + lanes * 10 + beats)
    neurons, size, bits = lanes * beats, 2**depth, max(5, depth + 2)
    even = np.linspace(0, 2**bits, size + 1)[1:-1]
    thresholds = np.sort(np.rint(even + rng.uniform(-1.5, 1.5, (neurons, size - 1))).astype(int), axis=1)
    accs, flips = rng.integers(0, 2**bits, (VECTORS, neurons)), np.arange(neurons) % 2
    index = (thresholds <= accs[:, :, None]).sum(axis=2)
    assert_varied(index)
    turned = xor * size // 2
    want = np.where(flips, size - 1 - index, index) ^ turned
    plan = LoadableSearchPlan(
        acc_shape=unsigned(bits), bits=depth, lanes=lanes, beats=beats, thresholds=thresholds.tolist(), xor=turned,
        width=bits + 1, flips=flips.tolist(),
    )  # fmt: skip
    assert list(plan.memories)[-1] == "flips"
    assert len(LoadLayout(plan.memories).depths) == (size if depth <= 2 else depth * lanes + 1)
    check_activation(plan, accs, want, latency=latency, lanes=lanes, bits=bits, out_bits=depth)


def test_search_for_codes_in_a_table():
    rng = np.random.default_rng(3)
    thresholds, codes = np.sort(rng.integers(0, 64, (6, 7)), axis=1), rng.integers(0, 8, (6, 8))
    accs = rng.integers(0, 64, (VECTORS, 6))
    want = codes[np.arange(6), (thresholds <= accs[:, :, None]).sum(axis=2)]
    plan = LoadableSearchPlan(acc_shape=unsigned(6), bits=3, lanes=2, beats=3, thresholds=thresholds.tolist(),
                              codes=codes.tolist(), width=7)  # fmt: skip
    assert [name for name in plan.memories if name.startswith("codes")] == ["codes0", "codes1"]
    check_activation(plan, accs, want, latency=7, lanes=2, bits=6, out_bits=3)


@pytest.mark.parametrize("flips", [[0] * 6, [1] * 6, [0, 1, 0, 1, 1, 0]], ids=str)
def test_sign(flips):
    """It takes a cycle also where nothing is inverted."""
    accs = np.random.default_rng(1).integers(-3, 4, (VECTORS, 6))
    plan = LoadableSignPlan(acc_shape=signed(3), lanes=2, beats=3, flips=flips)
    check_activation(plan, accs, (accs >= 0) ^ np.array(flips), latency=1, lanes=2, bits=3, out_bits=1)


@pytest.mark.parametrize(("scale", "rests", "latency"), [(1, [0] * 6, 0), (2, [0] * 6, 1), (2, [0, 1, 1, 0, 0, 1], 1)])
def test_whole(scale, rests, latency):
    accs = np.random.default_rng(1).integers(-16, 16, (VECTORS, 6))
    plan = LoadableWholePlan(acc_shape=signed(5), bits=7, lanes=2, beats=3, scale=scale, rests=rests)
    want = (scale * accs + np.array(rests)) & 127
    check_activation(plan, accs, want, latency=latency, lanes=2, bits=5, out_bits=7)


@pytest.mark.parametrize("factors", ["ones", "same", "mixed"])
@pytest.mark.parametrize("limits", [None, (-8, 7), (-3, 5), (0, 12)], ids=str)
def test_affine(limits, factors):
    """Structure and latency are those of any multipliers, also where these are all 1."""
    rng = np.random.default_rng(5)
    multipliers = {"ones": np.ones(6, int), "same": np.full(6, 4), "mixed": rng.integers(-9, 10, 6)}[factors]
    accs, addends = rng.integers(-64, 64, (VECTORS, 6)), rng.integers(-40, 40, 6)
    shift, bits = (0, 12) if limits is None else (5, 4)
    want = (accs * multipliers + addends) >> shift
    if limits is not None:
        want = want.clip(*limits)
    plan = LoadableAffinePlan(
        acc_shape=signed(7), bits=bits, lanes=2, beats=3, multipliers=multipliers.tolist(), addends=addends.tolist(),
        shift=shift, limits=limits, factor_shape=IntShape(6, True), addend_bits=9,
    )  # fmt: skip
    assert plan.scales
    assert list(plan.memories) == ["multipliers", "addends", *(["limits"] if limits else [])]
    check_activation(
        plan, accs, want & (2**bits - 1), latency=4 + (limits is not None), lanes=2, bits=7, out_bits=bits
    )  # fmt: skip


def test_table():
    words = np.random.default_rng(1).integers(0, 8, 16)
    codes = np.random.default_rng(2).integers(0, 16, (VECTORS, 6))
    plan = LoadableTablePlan(acc_shape=unsigned(4), bits=3, lanes=2, beats=3, words=words.tolist())
    assert list(plan.memories) == ["table0", "table1"]
    check_activation(plan, codes, words[codes], latency=1, lanes=2, bits=4, out_bits=3)


def test_what_is_refused():
    common = dict(acc_shape=unsigned(6), lanes=1, beats=1)
    with pytest.raises(ValueError, match="^Thresholds must have at most 5 bits, not 6$"):
        LoadableSearchPlan(thresholds=[[40]], bits=1, width=5, flips=[0], **common)
    with pytest.raises(ValueError, match="^Flips must be 1, one for each neuron, not 2$"):
        LoadableSearchPlan(thresholds=[[4]], bits=1, width=7, flips=[0, 1], **common)
    for name, numbers in ("Multipliers", dict(multipliers=[16])), ("Addends", dict(addends=[-9])), (
        "Limits", dict(limits=(0, 8)),
    ):  # fmt: skip
        given = dict(multipliers=[1], addends=[1], limits=(0, 1)) | numbers
        with pytest.raises(ValueError, match=f"^{name} must have at most [456] bits, not [56]$"):
            LoadableAffinePlan(bits=3, shift=1, factor_shape=IntShape(5, True), addend_bits=4, **given, **common)
