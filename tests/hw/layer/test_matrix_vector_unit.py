# amaranth: UnusedElaboratable=no
"""The matrix-vector unit against the golden model: every format, every kind of folding, what stands behind it."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.float32.units import FloatAdd
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.plan import LayerPlan
from tests.support.layer_bench import Layer, random_layer
from tests.support.stream_bench import STALLS, assert_varied

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
BOTH = STALLS["both"]


FORMATS = [
    # x, weights, output
    (B, B, B), (B, B, U(2)), (B, T, T), (T, T, T), (T, B, S(3)), (B, S(4, True), U(4)), (U(2), B, U(2)), (U(2), T, B),
    (U(4), S(4, True), U(4)), (U(4), S(4), S(4, True)), (S(3), S(3), S(3)), (S(4, True), U(3), S(4)),
    (U(1), U(1), U(1)), (S(2), U(2), S(1)), (U(8), S(8, True), U(5)), (S(8), S(8), B), (U(3), S(2), T),
]  # fmt: skip
# Inputs, neurons, PE and SIMD that divide them and that do not.
FOLDINGS = [(12, 6, 3, 4, BOTH), (11, 5, 2, 4, (0, 0)), (11, 5, 2, 4, BOTH)]


@pytest.mark.sampled(9)
@pytest.mark.parametrize("k, n, pe, simd, stalls", FOLDINGS[:2], ids=["divides", "pads"])
@pytest.mark.parametrize("formats", FORMATS, ids=lambda f: "-".join(map(str, f)))
def test_formats(formats, k, n, pe, simd, stalls):
    x, w, y = formats
    layer = random_layer(x, w, k, n, vectors=12).threshold(y)
    assert_varied(layer.y)
    layer.check(pe, simd, stalls)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("formats", [(B, B), (U(8), S(8)), (T, U(2)), (B, T), (S(4), B), (B, S(3, True))],
                         ids=lambda f: "-".join(map(str, f)))  # fmt: skip
@pytest.mark.parametrize("k, n, pe, simd, stalls", FOLDINGS[1:], ids=["full rate", "both"])
def test_accumulators(formats, k, n, pe, simd, stalls):
    layer = random_layer(*formats, k, n)
    assert_varied(layer.y)
    layer.check(pe, simd, stalls)


@pytest.mark.sampled(5)
@pytest.mark.long
@pytest.mark.parametrize("k, n, pe, simd", [
    (12, 6, 1, 1), (12, 6, 6, 12), (12, 6, 6, 1), (12, 6, 1, 12), (12, 6, 6, 4), (12, 6, 2, 12), (12, 6, 2, 4),
    (12, 10, 4, 6), (13, 7, 7, 5), (13, 7, 4, 13), (13, 7, 6, 2), (9, 1, 1, 2), (16, 12, 12, 4), (15, 13, 9, 7),
])  # fmt: skip
def test_foldings(k, n, pe, simd):
    layer = random_layer(U(2), S(3), k, n, vectors=10).threshold(U(2))
    assert_varied(layer.y)
    plan = layer.check(pe, simd, (0, 0), BOTH)
    assert plan.cycles == -(-k // simd) * -(-n // pe)
    assert plan.lanes * min(plan.steps, pe) >= pe


@pytest.mark.sampled(3)
@pytest.mark.parametrize("stalls", [STALLS["idle"], STALLS["back-pressure"]], ids=["idle", "back-pressure"])
@pytest.mark.parametrize("pe, simd", [(2, 4), (6, 12), (6, 5), (4, 12)])
def test_stalls_on_one_side(pe, simd, stalls):
    layer = random_layer(U(2), S(3), 12, 6, vectors=16).threshold(U(2))
    layer.check(pe, simd, stalls)


@pytest.mark.parametrize("w, n, pe", [(U(2), 1, 1), (S(3), 9, 2)], ids=str)
def test_one_input(w, n, pe):
    layer = random_layer(U(4), w, 1, n, vectors=16)
    assert_varied(layer.y)
    layer.check(pe, 1)
    layer.check(pe, 1, BOTH)


@pytest.mark.sampled(9)
@pytest.mark.long
@pytest.mark.parametrize("k, n, pe, simd, relu, stalls", [
    (4, 2, 2, 4, True, (0, 0)), (4, 2, 2, 4, True, BOTH), (12, 4, 4, 2, False, (0, 0)), (12, 5, 2, 2, True, (0, 0)),
    (12, 5, 2, 2, True, BOTH), (16, 3, 1, 1, False, (0, 0)), (6, 2, 1, 6, False, BOTH), (10, 3, 3, 1, True, BOTH),
    (7, 3, 2, 3, True, BOTH), (11, 4, 2, 4, False, (0, 0)),
])  # fmt: skip
def test_float(k, n, pe, simd, relu, stalls):
    rng = np.random.default_rng([k, n])
    weights, bias = rng.normal(size=(n, k)).astype(np.float32), rng.normal(size=n).astype(np.float32) / 4
    dense = FloatDense("dense", "x", "y", weights, bias, relu, simd, FloatAdd.LATENCY)
    layer = Layer(dense, Float32(), rng.normal(size=(9, k)).astype(np.float32), bound=(-np.inf, np.inf))
    assert_varied(layer.y > 0)
    layer.check(pe, simd, stalls)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("x, y, levels", [
    (U(3), U(2), 4), (B, U(3), 6), (B, T, 3), (S(3), S(3, True), 9), (U(2), S(2), 2), (T, U(4), 16),
], ids=str)  # fmt: skip
def test_codes(x, y, levels):
    """Any function of the accumulator: rising, falling, neither, and channels that are constant."""
    layer = random_layer(x, S(3), 14, 9, vectors=24)
    codes = layer.rng.permuted(np.tile(np.resize(y.values, levels), (9, 1)), axis=1)
    codes[1:4] = np.sort(codes[1:4], axis=1)[:, ::-1]
    codes[4] = y.hi
    layer.then(Threshold("act", "acc", "y", layer.cuts(levels - 1), codes, y))
    assert (layer.y[:, 4] == y.hi).all()
    assert_varied(layer.y)
    layer.check(4, 5, (0, 0), BOTH)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("x, y", [(B, B), (U(2), U(1)), (T, S(1))], ids=str)
@pytest.mark.parametrize("levels", [2, 4])
def test_one_bit_codes(x, y, levels):
    """One bit out: channels that rise, that fall, that are constant, whatever the number of thresholds."""
    layer = random_layer(x, B, 14, 9, vectors=24)
    codes = np.where(np.arange(levels) < levels // 2, y.lo, y.hi) * np.ones((9, 1), dtype=np.int64)
    codes[1:4] = codes[1:4, ::-1]
    codes[4], codes[5] = y.lo, y.hi
    layer.then(Threshold("act", "acc", "y", layer.cuts(levels - 1), codes, y))
    assert (layer.y[:, 4] == y.lo).all() and (layer.y[:, 5] == y.hi).all()
    assert_varied(layer.y)
    layer.check(4, 5)
    layer.check(9, 3, BOTH)


def test_one_row_of_thresholds_for_all():
    layer = random_layer(B, T, 14, 9, vectors=24)
    layer.then(Threshold("act", "acc", "y", np.array([[-3, -1, 2]]), None, U(2)))
    assert_varied(layer.y)
    layer.check(2, 5)
    layer = random_layer(B, T, 14, 9, vectors=24)
    layer.then(Threshold("act", "acc", "y", np.array([[1]]), np.array([[1, -1]]), B))
    assert_varied(layer.y)
    layer.check(2, 5)


@pytest.mark.parametrize("count, code", [(0, -1), (0, 1)])
def test_no_thresholds(count, code):
    layer = random_layer(B, B, 6, 4)
    layer.then(Threshold("act", "acc", "y", np.zeros((4, count), np.int64), np.full((4, 1), code), B))
    layer.check(2, 3)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("x, w, y", [(U(4), S(4), U(4)), (B, B, S(4)), (U(8), S(3), S(8, True)), (B, S(3), U(3))],
                         ids=str)  # fmt: skip
def test_rescale(x, w, y):
    layer = random_layer(x, w, 15, 7, vectors=16)
    # A spread of accumulators becomes a third of the codes.
    spread, shift = layer.y.std(axis=0) + 0.5, 10
    multiplier = np.rint((y.hi - y.lo) / 3 / spread * 2**shift).astype(np.int64)
    multiplier[::3] *= -1
    addend = np.rint((y.hi + y.lo) / 2 * 2**shift - layer.y.mean(axis=0) * multiplier).astype(np.int64)
    layer.then(Rescale("act", "acc", "y", multiplier, addend, shift, y))
    assert_varied(layer.y)
    assert {y.lo, y.hi} <= set(layer.y.ravel()) or y == S(8, True)
    layer.check(4, 4, (0, 0), BOTH)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("x, w", [(S(8), S(8)), (B, B)], ids=str)
def test_rescale_that_rounds_twice(x, w):
    """A kink at its level, a channel of which has none, and bounds that are narrower than the format's."""
    layer = random_layer(x, w, 15, 7, vectors=16)
    shift = 14
    multiplier = np.rint(40 / (layer.y.std(axis=0) + 0.5) * 2**shift).astype(np.int64)
    kink = np.array([0, *(1 << (shift - layer.rng.integers(1, 7, 6)))])
    addend = -np.rint(layer.y.mean(axis=0) * multiplier).astype(np.int64) + kink
    layer.then(Rescale("act", "acc", "y", multiplier, addend, shift, S(8), (-60, 100), kink, 3))
    assert_varied(layer.y)
    layer.check(4, 4, (0, 0), BOTH)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("pe, simd, stalls", [(5, 4, (0, 0)), (3, 15, BOTH)], ids=["full rate", "both"])
@pytest.mark.parametrize("x, w", [(B, B), (U(4), S(4)), (T, T)], ids=str)
@pytest.mark.parametrize("multipliers", ["one", "positive", "any"])
def test_score(x, w, multipliers, pe, simd, stalls):
    layer = random_layer(x, w, 15, 10, vectors=8)
    low, high = {"one": (1, 2), "positive": (1, 100), "any": (-50, 50)}[multipliers]
    addend = layer.rng.integers(-300, 300, 10)
    layer.then(Score("act", "acc", "y", layer.rng.integers(low, high, 10), addend))
    assert_varied(layer.y)
    layer.check(pe, simd, stalls)


@pytest.mark.parametrize("x, w", [(B, B), (U(2), S(3)), (T, T), (S(3), U(2))], ids=str)
@pytest.mark.parametrize("y", [U(1), U(2), U(3)], ids=str)
def test_extremes(x, w, y):
    """Every neuron at its least and its largest accumulator, and thresholds there: always reached, barely, never."""
    weights = random_layer(x, w, 7, 6).dense.weights
    largest, least = np.where(weights > 0, x.hi, x.lo), np.where(weights > 0, x.lo, x.hi)
    layer = Layer(Dense("dense", "x", "acc", weights), x, np.vstack([largest, least]), bound=(x.lo, x.hi))
    lo, hi = layer.edges["acc"].lo, layer.edges["acc"].hi
    assert (layer.y.max(axis=0) == hi).all() and (layer.y.min(axis=0) == lo).all()
    places = np.array([lo, lo + 1, lo + 2, hi - 1, hi, hi + 1, hi + 1])
    if y == U(1):
        thresholds = places[range(6), range(6), None]
    else:
        thresholds = {2: places[[1, 4, 5]], 3: places}[y.bits].T
    layer.then(Threshold("act", "acc", "y", thresholds, None, y))
    if y != U(1):
        assert (layer.y[:6].diagonal() == y.levels - 1 - (1 if y == U(2) else 2)).all()
        assert (layer.y[6:].diagonal() == (0 if y == U(2) else 1)).all()
    layer.check(4, 3)


def test_inputs_of_a_smaller_range():
    """Ranges of the edge, not of its format, size the accumulator."""
    rng = np.random.default_rng(0)
    dense = Dense("dense", "x", "acc", rng.integers(-4, 4, (6, 12)))
    layer = Layer(dense, U(4), rng.integers(5, 9, (10, 12)), bound=(5, 8))
    assert_varied(layer.y)
    layer.check(4, 5)
    layer.threshold(U(2))
    assert_varied(layer.y)
    layer.check(4, 5)


def test_reader_that_waits_fills_the_fifo_and_loses_nothing():
    layer = random_layer(U(2), S(3), 12, 6, vectors=30).threshold(U(2))
    layer.check(2, 12, (0, 0.95))


@pytest.mark.parametrize("pe, simd, message", [
    (0, 1, "dense: PE must be in 1 to 6"), (7, 1, "dense: PE must be in 1 to 6"), (1, 0, "SIMD must be in 1 to 12"),
    (1, 13, "SIMD must be in 1 to 12"),
])  # fmt: skip
def test_folding_must_fit(pe, simd, message):
    layer = random_layer(U(2), S(3), 12, 6)
    with pytest.raises(ValueError, match=message):
        LayerPlan(layer.dense, None, layer.edges, LayerFolding(pe, simd))


def test_one_bit_code_must_change_once():
    layer = random_layer(U(2), S(3), 12, 6)
    codes = np.tile([0, 1, 0], (6, 1))
    layer.then(Threshold("act", "acc", "y", layer.cuts(2), codes, U(1)))
    with pytest.raises(ValueError, match="act: a one-bit code that changes more than once"):
        LayerPlan(layer.dense, layer.act, layer.edges, LayerFolding(2, 3))
