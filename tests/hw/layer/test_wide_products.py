# amaranth: UnusedElaboratable=no
"""Layers of 9 to 16 bits against golden, their corners among the vectors: the least by the least, and so on."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from tests.support.layer_bench import Layer
from tests.support.stream_bench import STALLS, assert_varied
from tests.support.targets import EXPRESSIONS, PORTABLE

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
QUICK = [(U(9), S(9)), (S(16), S(6)), (S(16), B), (B, S(16)), (U(16), T)]
SLOW = [(S(9), S(9)), (S(12), S(12, True)), (S(16), S(16)), (U(16), S(16, True)), (U(16), U(16)), (S(8), S(16)),
        (U(1), S(12))]  # fmt: skip
PAIRS = [*QUICK, *(pytest.param(pair, marks=pytest.mark.slow) for pair in SLOW)]


# In Amaranth's simulator the netlist of so many products is slow.
TARGETS = [pytest.param(PORTABLE, id="portable"), pytest.param(EXPRESSIONS, id="expressions", marks=pytest.mark.slow)]


def layer_of(x_format, w_format, k, n, *, seed=0):
    """Return a `Layer` whose first neurons and first vectors are at the ends of their formats altogether."""
    rng = np.random.default_rng([seed, k, n])
    ends = [[f.lo, f.hi] for f in (w_format, x_format)]
    weights = rng.integers(w_format.lo, w_format.hi + 1, (n, k))
    x = rng.integers(x_format.lo, x_format.hi + 1, (10, k))
    for rows, (lo, hi), fmt in (weights, ends[0], w_format), (x, ends[1], x_format):
        if fmt == B:
            rows[:] = 2 * (rows > 0) - 1
        rows[0], rows[1], rows[2] = lo, hi, rng.choice([lo, hi], k)
    dense = Dense("dense", "x", "acc", weights)
    assert dense.weight_format == w_format
    return Layer(dense, x_format, x, bound=(x_format.lo, x_format.hi))


@pytest.mark.sampled(4)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("formats", PAIRS, ids=str)
def test_sums(formats, target):
    """With one and with several SIMD, and with constant weights."""
    layer = layer_of(*formats, 5, 4)
    assert_varied(layer.y)
    for pe, simd in (2, 3), (4, 5):
        layer.check(pe, simd, target=target)


def test_a_netlist():
    layer_of(S(9), S(9), 3, 3).check(1, 2, target=EXPRESSIONS)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("formats", [
    (U(9), S(9)), (S(9), S(9)), (S(12), S(12, True)), (S(16), S(16)), (U(16), S(16, True)), (U(16), U(16)),
    (S(16), S(6)), (S(8), S(16)),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("target", TARGETS)
def test_products_in_dsps(formats, target):
    layer = layer_of(*formats, 5, 4)
    for pe, simd in (1, 1), (4, 3):
        layer.check(pe, simd, products="dsp", target=target)


@pytest.mark.parametrize("bits", [9, pytest.param(16, marks=pytest.mark.slow)])
def test_sums_in_dsps(bits):
    layer = rescaled(layer_of(S(bits), S(bits), 5, 4), S(bits))
    layer.check(2, 3, (0, 0), STALLS["both"], products="sums", target=EXPRESSIONS)


def rescaled(layer, fmt, *, ties=None, factors=(1, 1)):
    """Put a `Rescale` to ``fmt`` behind a layer, with products as long as 62 bits."""
    edge = layer.edges["acc"]
    low, high = factors
    multiplier = layer.rng.integers(low, high + 1, edge.channels)
    shift = int((edge.hi - edge.lo).max() * high // fmt.levels).bit_length() - 1
    addend = np.full(edge.channels, (1 << shift - 1) + ((fmt.lo + fmt.hi + 1) // 2 << shift))
    return layer.then(Rescale("act", "acc", "y", multiplier, addend, shift, fmt, ties=ties))


@pytest.mark.sampled(9)
@pytest.mark.parametrize("factors", [(1, 1), (4, 4), (1 << 23, (1 << 24) - 1), (-9, 9)], ids=str)
@pytest.mark.parametrize("fmt", [S(16), U(13)], ids=str)
def test_codes_of_many_bits(fmt, factors):
    layer = rescaled(layer_of(S(16), S(12), 7, 4), fmt, factors=factors)
    assert_varied(layer.y)
    for pe, simd in (1, 4), (4, 2):
        layer.check(pe, simd, (0, 0), STALLS["both"])


@pytest.mark.parametrize("ties", [0, 1])
@pytest.mark.parametrize("pe", [1, 3])
def test_halves_to_even(pe, ties):
    """Sums of multiples of 8, halved four times: every second one is a half."""
    weights = np.array([[8, 16, -24], [8, -8, 8], [1, 8, 16]])
    x = np.random.default_rng(2).integers(-128, 128, (60, 3))
    layer = Layer(Dense("dense", "x", "acc", weights), S(8), x, bound=(-128, 127))
    node = Rescale("act", "acc", "y", np.ones(3, np.int64), np.array([8, 8, 8]), 4, S(12), ties=ties)
    halves = layer.y % 16 == 8
    layer.then(node)
    assert np.array_equal(layer.y[halves] % 2, np.full(halves.sum(), ties)) and 30 < halves.sum() < 150
    assert np.array_equal(layer.y[~halves], np.rint(layer.x @ weights.T / 16)[~halves])
    layer.check(pe, 2)
