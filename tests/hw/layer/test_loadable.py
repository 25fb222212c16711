# amaranth: UnusedElaboratable=no
"""Layers of loadable numbers: exact for any numbers of the formats, in hardware that none of them changes."""

import re

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.loadable import LoadableDense, LoadableRescale, LoadableScore, LoadableThreshold
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.loadable import LoadableAccumulators, LoadableNumbers, loadable_line
from fewbit.hw.layer.loadable_unit import LoadableMatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.shell.verilog import convert
from tests.support.layer_bench import Layer, random_layer
from tests.support.stream_bench import STALLS
from tests.support.targets import XILINX

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed
K, N = 10, 7


def layer_of(x, w, *, seed=0, act=None, weights=None, count=8):
    """A layer of random weights, or of ``weights``, and what ``act(rng, accumulators)`` puts behind it."""
    rng = np.random.default_rng([seed, K, N])
    weights = rng.choice(w.values, (N, K)) if weights is None else weights
    samples = rng.choice(x.values, (count, K))
    samples[0], samples[1] = x.lo, x.hi
    layer = Layer(LoadableDense("dense", "x", "acc", weights, held=w), x, samples, bound=(x.lo, x.hi))
    return layer if act is None else layer.then(act(rng, layer.y))


def cuts(rng, y, count):
    mean, spread = y.mean(axis=0)[:, None], y.std(axis=0)[:, None] + 0.5
    found = np.linspace(-1.2, 1.2, count + 2)[1:-1] + rng.normal(scale=0.2, size=(N, count))
    return np.sort(np.rint(mean + spread * found).astype(np.int64), axis=1)


def searched(fmt):
    """Thresholds whose codes fall in some channels, and are constant in one."""

    def act(rng, y):
        codes = np.tile(fmt.values, (N, 1))
        codes[::3] = codes[::3, ::-1]
        codes[1] = fmt.hi
        return LoadableThreshold("act", "acc", "y", cuts(rng, y, fmt.levels - 1), codes, fmt)

    return act


def in_tables(fmt, most=5):
    def act(rng, y):
        codes = rng.choice(fmt.values, (N, most))
        return LoadableThreshold("act", "acc", "y", cuts(rng, y, most - 1), codes, fmt, most=most)

    return act


def line(fmt, clip=None):
    def act(rng, y):
        factors = rng.integers(-9, 60, N)
        middle = -(factors * np.rint(y.mean(axis=0)).astype(np.int64)) + (int(fmt.hi + fmt.lo) << 4)
        middle[0] = 1 << 50  # far beyond the end of the codes
        return LoadableRescale("act", "acc", "y", factors, middle, 5, fmt, clip, factor_bits=8)

    return act


def scores(rng, y):
    return LoadableScore(
        "act", "acc", "y", rng.integers(1, 30, N), rng.integers(-9, 9, N), factor_bits=6, held=S(20)
    )  # fmt: skip


ACTS = {"none": None, "sign": searched(B), "two": searched(U(2)), "three": searched(S(3)),
        "narrow": searched(S(4, True)), "tables": in_tables(U(3)), "line": line(U(6)), "signed line": line(S(6)),
        "clipped line": line(U(6), (3, 40)), "scores": scores}  # fmt: skip


@pytest.mark.sampled(12)
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("x", "w"), [(U(3), S(4)), (B, B), (S(4), T), (S(3), U(2)), (T, T), (B, S(3))], ids=str)
def test_results_are_goldens(x, w, act):
    layer = layer_of(x, w, act=ACTS[act])
    layer.check(3, 4, STALLS["full rate"], STALLS["both"], weights="loadable")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("products", ["dsp", "sums", "plain"])
@pytest.mark.parametrize("act", ["sign", "two", "line"])
def test_products(products, act):
    layer_of(U(3), S(4), act=ACTS[act]).check(4, 5, products=products, weights="loadable")


@pytest.mark.parametrize(("pe", "simd"), [(N, K), (1, 1), (N, 3), (2, K)])
def test_foldings(pe, simd):
    """Also where each memory is one word."""
    layer_of(U(2), S(3), act=ACTS["two"]).check(pe, simd, weights="loadable")


@pytest.mark.sampled(9)
@pytest.mark.parametrize("act", ["none", "sign", "two", "three", "line", "scores"])
@pytest.mark.parametrize(("x", "w"), [(U(3), S(4)), (B, B), (S(4), T), (T, T)], ids=str)
@pytest.mark.parametrize("end", ["lo", "hi"])
def test_the_largest_sums_fit(x, w, act, end):
    """Weights at an end of their format, made into hardware by other ones."""
    weights = np.full((N, K), getattr(w, end))
    layer = layer_of(x, w, act=ACTS[act], weights=weights)
    layer.check(3, 4, weights="loadable")


def planned(layer, pe, simd, **options):
    return LayerPlan(layer.dense, layer.act, layer.edges, LayerFolding(pe, simd, weights="loadable"), **options)


def verilog_of(plan):
    """The Verilog of a unit without the first contents of its memories."""
    text = convert(LoadableMatrixVectorUnit(plan), "unit")
    text, blocks = re.subn(r"initial begin\n(?: +\S+\[\d+\] = \d+'[hd][0-9a-f]+;\n)+ +end\n", "", text)
    text = re.sub(r"\(\* init = \d+'[hd][0-9a-f]+ \*\)", "", text)  # of a memory of one word, and of what reads it
    return re.sub(r"(reg (?:\[\d+:0\] )?\\?[\w.]*word\d+\S* ?) = \d+'[hd][0-9a-f]+;", r"\1;", text), blocks


@pytest.mark.sampled(21)
@pytest.mark.long
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("pe", "simd"), [(3, 4), (N, K)])
def test_no_number_changes_the_hardware(act, pe, simd):
    texts = set()
    for seed, weights in ((0, None), (1, np.full((N, K), 7))):
        layer = layer_of(U(3), S(4), seed=seed, act=ACTS[act], weights=weights)
        text, blocks = verilog_of(planned(layer, pe, simd))
        assert blocks > 0 or pe == N
        texts.add(text)
    assert len(texts) == 1


def test_an_average_keeps_its_weights():
    """Weights that are all one are no trained numbers: what is loaded is the activation alone."""
    x = U(3)
    rng = np.random.default_rng(1)
    layer = Layer(Dense("dense", "x", "acc", np.ones((N, K), dtype=np.int64)), x, rng.choice(x.values, (8, K)),
                  bound=(x.lo, x.hi))  # fmt: skip
    layer.then(searched(U(2))(rng, layer.y))
    plan = layer.check(3, 4, weights="loadable")
    assert plan.memories and all(name.startswith("activation.") for name in plan.memories)


def test_memories_in_their_order():
    plan = planned(layer_of(U(3), S(4), act=ACTS["sign"]), 3, 4, target=XILINX)
    assert list(plan.memories) == ["weights", "init", "activation.flips"]
    assert plan.weights_in.endswith(", loadable") and isinstance(plan.numbers, LoadableNumbers)
    assert isinstance(plan.numbers.accumulators, LoadableAccumulators) and not plan.numbers.constant


def test_what_is_refused():
    layer = random_layer(U(3), S(4), K, N).threshold(U(2))
    with pytest.raises(ValueError, match="^dense: its activation act is not loadable$"):
        layer.check(3, 4, weights="loadable")
    for products in "shift", "decode", "planes":
        with pytest.raises(
            ValueError, match=f"^dense: products '{products}' are made for the weights that there are; "
        ):
            layer_of(U(3), S(4)).check(3, 4, products=products, weights="loadable")
    with pytest.raises(ValueError, match="^dense: sums in DSPs begin at zero"):
        layer_of(U(3), S(4)).check(3, 4, products="sums", weights="loadable")
    with pytest.raises(ValueError, match="^dense: weights 'external' are not supported, only fixed, loadable$"):
        layer_of(U(3), S(4)).check(3, 4, weights="external")
    edges = {"x": Edge(Float32(), np.zeros(K), np.zeros(K)), "acc": Edge(Float32(), np.zeros(N), np.zeros(N))}
    with pytest.raises(ValueError, match="^dense: weights of a float32 layer cannot be loadable$"):
        LayerPlan(layer.dense, None, edges, LayerFolding(1, 1, weights="loadable"))
    twice = Threshold("act", "acc", "y", np.tile([0, 5], (N, 1)), np.tile([1, -1, 1], (N, 1)), B)
    marked = LoadableThreshold("act", "acc", "y", twice.thresholds, twice.codes, B, most=2)
    with pytest.raises(ValueError, match="^act: a one-bit code that changes more than once is not supported$"):
        layer_of(U(3), S(4)).then(marked).check(3, 4, weights="loadable")


def test_a_line_of_accumulators():
    act = LoadableRescale("a", "x", "y", np.array([3, -2]), np.array([10, 1 << 60]), 4, S(5), factor_bits=6)
    found = loadable_line(act, S(5), scale=2, base=np.array([1, -1]), most=100)
    assert found["multipliers"].tolist() == [6, -4] and found["factor_shape"].width == 8
    bound = (1 << 7) * 101 + (1 << 5 + 1 + 4)
    assert found["addends"].tolist() == [13, bound] and found["limits"] == (-16, 15) and found["shift"] == 4
    assert bound < 1 << found["addend_bits"] - 1
