# amaranth: UnusedElaboratable=no
"""Non-uniform weights and activations through the matrix-vector unit: every way to make their products."""

import numpy as np
import pytest

from golden.coding import Coding
from golden.formats import Bipolar, Levels, Signed, Ternary, Unsigned
from golden.network import Dense
from hw.target import Luts, Target
from tests.hw.bench import STALLS, assert_varied
from tests.hw.layer import Layer

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
BOTH = STALLS["both"]
TARGETS = {"portable": Target(), "xilinx": Target(luts=Luts.MODELS)}
BASIS = Levels((-18, -8, 8, 18), (5, 13))
CROSSED = Levels((-20, -10, -8, -2, 2, 8, 10, 20), (5, 9, 6))  # codes are not the signs' bits
TABLE = Levels((-4, 0, 1, 2, 8))


def _signs(count):
    patterns = np.arange(1 << count)
    return np.array([2 * (patterns >> i & 1) - 1 for i in range(count)])


def coding_of(kind, rng, n, k):
    """A `Coding` of random weights in the style of a method."""
    size, count = (n, k), {"lq2": 2, "lq3": 3}.get(kind)
    if count:
        return Coding(rng.integers(0, 1 << count, size), _signs(count), rng.integers(1, 30, (n, count)))
    if kind == "dorefa":
        return Coding(rng.integers(0, 8, size), _signs(3), np.tile([1, 2, 4], (n, 1)))
    if kind == "ttq":
        coefficients = rng.integers(1, 30, (n, 2)) * [1, -1]
        return Coding(rng.integers(0, 3, size), np.array([[0, 1, 0], [0, 0, 1]]), coefficients)
    if kind == "cluster":
        return Coding(rng.integers(0, 4, size), np.eye(4, dtype=np.int64), rng.integers(-30, 31, (n, 4)))
    if kind == "codebook":  # one for all neurons
        return Coding(rng.integers(0, 8, size), np.eye(8, dtype=np.int64), np.tile(rng.integers(-60, 61, 8), (n, 1)))
    table = np.array([-8, -2, -1, 0, 1, 4, 16])
    return Coding(rng.integers(0, 7, size), np.eye(7, dtype=np.int64), np.tile(table, (n, 1)))


def layer_of(x_format, kind, k, n, *, vectors=10, seed=0):
    rng = np.random.default_rng([seed, k, n])
    coding = coding_of(kind, rng, n, k)
    dense = Dense("dense", "x", "acc", coding.weights(), coding=coding)
    return Layer(dense, x_format, rng.choice(x_format.values, (vectors, k)), bound=(x_format.lo, x_format.hi))


CASES = [
    # x, weights, products, output
    (B, "lq2", "planes", B), (U(2), "lq3", "planes", U(2)), (S(3), "lq2", "planes", T), (BASIS, "lq2", "planes", U(2)),
    (CROSSED, "lq2", "planes", B), (CROSSED, "lq3", "plain", U(3)), (TABLE, "lq2", "planes", B),
    (U(2), "ttq", "planes", B), (T, "ttq", "planes", U(2)), (BASIS, "ttq", "planes", TABLE), (TABLE, "ttq", "plain", B),
    (U(3), "cluster", "planes", U(2)), (B, "cluster", "planes", B), (TABLE, "cluster", "plain", BASIS),
    (U(2), "codebook", "decode", U(3)), (B, "codebook", "decode", B), (TABLE, "codebook", "decode", U(2)),
    (U(4), "power", "shift", U(2)), (B, "power", "shift", B), (S(4, True), "power", "shift", S(3)),
    (TABLE, "power", "shift", BASIS), (U(2), "power", "decode", B), (U(2), "power", "planes", B),
    (U(2), "dorefa", "planes", U(2)), (B, "dorefa", "plain", B), (U(3), "dorefa", "decode", U(2)),
]  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("x, weights, products, y", CASES, ids=lambda v: v if isinstance(v, str) else str(v)[:12])
def test_formats(x, weights, products, y, target):
    """Inputs and neurons that PE and SIMD do not divide, without stalls: the cycles are those of the plan."""
    layer = layer_of(x, weights, 11, 5).threshold(y)
    assert_varied(layer.y)
    plan = layer.check(2, 4, products=products, target=TARGETS[target])
    assert plan.arithmetic.name == products
