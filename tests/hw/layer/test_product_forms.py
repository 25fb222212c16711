# amaranth: UnusedElaboratable=no
"""Non-uniform weights and activations through the matrix-vector unit: every way to make their products."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.formats import Bipolar, Levels, PowersOfTwo, Signed, Ternary, Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.layer.product_forms import options_of
from tests.support.layer_bench import Layer
from tests.support.stream_bench import STALLS, assert_varied, from_beats, stream, to_beats
from tests.support.targets import EXPRESSIONS, PORTABLE

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
BOTH = STALLS["both"]
TARGETS = {"portable": PORTABLE, "xilinx": EXPRESSIONS}
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


def _on_both_targets():
    """Every case on both; of the two, one in turn is among the default tests."""
    for n, case in enumerate(CASES):
        for k, target in enumerate(TARGETS):
            yield pytest.param(*case, target, marks=[pytest.mark.slow] if (n + k) % 2 else [])


@pytest.mark.sampled(9)
@pytest.mark.long
@pytest.mark.parametrize("x, weights, products, y, target", list(_on_both_targets()),
                         ids=lambda v: v if isinstance(v, str) else str(v)[:12])  # fmt: skip
def test_formats(x, weights, products, y, target):
    """Inputs and neurons that PE and SIMD do not divide, without stalls: the cycles are those of the plan."""
    layer = layer_of(x, weights, 11, 5).threshold(y)
    assert_varied(layer.y)
    plan = layer.check(2, 4, products=products, target=TARGETS[target])
    assert plan.numbers.arithmetic.name == products


@pytest.mark.sampled(3)
@pytest.mark.parametrize("x, weights, products, pe, simd", [
    (BASIS, "lq3", "planes", 5, 11), (U(2), "ttq", "planes", 3, 11), (U(2), "cluster", "planes", 5, 3),
    (U(2), "codebook", "decode", 4, 11), (U(4), "power", "shift", 5, 2),
])  # fmt: skip
def test_foldings_under_stalls(x, weights, products, pe, simd):
    layer_of(x, weights, 11, 5).threshold(U(2)).check(pe, simd, BOTH, products=products)


@pytest.mark.parametrize("x, weights, products", [
    (U(2), "lq2", "planes"), (BASIS, "ttq", "planes"), (TABLE, "codebook", "decode"), (S(3), "power", "shift"),
])  # fmt: skip
def test_accumulators(x, weights, products):
    """Without an activation, the sums themselves; no two rows of the unit have the same addend."""
    layer = layer_of(x, weights, 10, 5)
    assert_varied(layer.y)
    layer.check(2, 5, products=products)


@pytest.mark.parametrize("products", ["plain", "planes"])
def test_groups(products):
    """Neurons that read slices of the inputs, several groups at a time and one after the other."""
    rng = np.random.default_rng(8)
    coding = coding_of("lq2", rng, 8, 6)
    dense = Dense("dense", "x", "acc", coding.weights(), 4, coding)
    x = rng.choice(BASIS.values, (8, 24))
    layer = Layer(dense, BASIS, x, bound=(BASIS.lo, BASIS.hi)).threshold(U(2))
    plan = LayerPlan(layer.dense, layer.act, layer.edges, LayerFolding(2, 3, products))
    assert plan.vectors == 4
    trace = stream(MatrixVectorUnit(plan), to_beats(BASIS.encode(x).reshape(-1, 6), 3, 2), 32 * plan.beats_out)
    got = from_beats(trace.payloads, plan.lanes, plan.out_bits, 32)[:, : plan.neurons].reshape(8, 8)
    assert (got == layer.y).all()


def test_what_is_chosen():
    """Two planes of one bit are cheaper than six-bit integers; ternary weights have nothing to choose from."""
    layer = layer_of(U(2), "lq2", 64, 8).threshold(U(2))
    found = LayerPlan(layer.dense, layer.act, layer.edges, LayerFolding(4, 32))
    assert found.numbers.arithmetic.name == "planes" and found.products_in == "2 planes"
    plain = Dense("dense", "x", "acc", np.array([[1, 0, -1], [0, 1, 1]]))
    edges = {"x": layer.edges["x"], "acc": plain.out(Edge(U(2), np.zeros(3), np.full(3, 3)))}
    assert [o.name for o in options_of(plain, U(2))] == ["plain"]
    with pytest.raises(ValueError, match="dense: products must be one of plain, not 'planes'"):
        LayerPlan(plain, None, edges, LayerFolding(1, 1, "planes"))


@pytest.mark.parametrize("fmt", [PowersOfTwo(0), PowersOfTwo(3), PowersOfTwo(4, zero=True), PowersOfTwo(7, True)],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("x_format", [B, T, U(1), U(4), S(3), S(5, True)], ids=str)
def test_shifts(x_format, fmt):
    """x * w == scale * heap + offset(w) for every pair of values."""
    terms = product_terms(x_format, fmt)
    x, w = (a.ravel() for a in np.meshgrid(x_format.values, fmt.values))
    planes = [[(codes >> k & 1).astype(bool) for k in range(f.bits)] for f, codes in
              ((x_format, x_format.encode(x)), (fmt, fmt.encode(w)))]  # fmt: skip
    heap = sum(bit.astype(np.int64) << e for bit, e in terms.terms(*planes))
    assert (x * w == terms.scale * heap + terms.offset(w)).all() and heap.min() >= 0
    assert (fmt.decode(fmt.encode(w)) == w).all() and len(terms.exponents) == x_format.bits + fmt.most
