"""Import of sums, concatenations, enlargement and padding against the qonnx executor; what sums cost."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network import execute
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge, Network, NetworkInput
from fewbit.golden.network.joins import Add, Concat
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Upsample, Windows
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.golden.rewrite.sums import smaller_sums
from tests.support.executor import Executor, agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (6, 3, 6, 6)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(0, 1, (3, 3, 3, 3))


def nodes_of(network, kind):
    return [n for n in network.nodes if isinstance(n, kind)]


def two_branches(graph, scales, zeros=(0.0, 0.0), bits=4):
    t = graph.quant("input", 0.25)
    branches = []
    for k, (scale, zero) in enumerate(zip(scales, zeros, strict=True)):
        w = graph.quant(graph.const(np.roll(WEIGHTS, k)), 0.25)
        branches.append(graph.quant(graph.op("Conv", t, w, pads=[1] * 4), scale, zero, bits=bits))
    return branches


# Sums


@pytest.mark.parametrize("kind", ["Add", "Sub"])
@pytest.mark.parametrize("scales", [(0.5, 0.5), (0.5, 0.75), (0.37, 0.37), (0.5, 0.6137), (0.013, 0.91)], ids=str)
@pytest.mark.parametrize("zeros", [(0.0, 0.0), (2.0, -1.0)], ids=str)
def test_sums(kind, scales, zeros, scratch):
    """Codes behind the sum equal those of the model's float32 sum, for every pair of codes that the images reach."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    t = graph.op(kind, *two_branches(graph, scales, zeros))
    graph.end(graph.quant(graph.op("Relu", t), max(scales), bits=3, signed=0))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (add,) = nodes_of(network, Add)
    assert np.abs(add.multipliers).max() <= (1 if scales[0] == scales[1] else 100)


def test_a_sum_of_several(scratch):
    """ONNX's ``Sum`` takes any number of operands, of which constants are some."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    branches = two_branches(graph, (0.5, 0.75))
    t = graph.op("Sum", *branches, np.linspace(-1, 1, 3).reshape(3, 1, 1), branches[0])
    graph.end(graph.quant(t, 1.0, bits=4))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert len(nodes_of(network, Add)) == 2


def test_sums_of_every_pair_have_the_models_code(scratch):
    """All 256 pairs of two 4-bit codes, through scales in no simple ratio, and a quantizer with many ties."""
    pairs = np.stack(np.meshgrid(np.arange(-8, 8), np.arange(-8, 8)), axis=0).astype(np.float32)[None]
    rng = np.random.default_rng(2)
    small = []
    for _ in range(20):
        a, b, c = rng.uniform(0.1, 1, 3).astype(np.float32)
        graph = Graph([1, 2, 16, 16])
        t = graph.quant("input", 1.0)
        left, right = (graph.op("Slice", t, *(graph.const(v, np.int64) for v in ([i], [i + 1], [1]))) for i in (0, 1))
        left, right = graph.quant(left, 1.0), graph.quant(right, 1.0)
        t = graph.quant(graph.op("Add", graph.op("Mul", left, a), graph.op("Mul", right, b)), c, bits=4)
        network = agree(graph.end(t), pairs, scratch / "m.onnx")
        small.append(np.abs(nodes_of(network, Add)[0].multipliers).max())
    assert np.median(small) < 100 and max(small) < 2000, small


def test_sums_per_channel(scratch):
    """A scale for each channel on one side: multipliers by channel."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    a, b = two_branches(graph, (np.array([0.5, 0.3, 1.1]).reshape(1, 3, 1, 1), 0.43))
    graph.end(graph.quant(graph.op("Add", a, b), 0.8))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (add,) = nodes_of(network, Add)
    assert add.multipliers.shape == (2, 3) and len({tuple(c) for c in add.multipliers.T}) == 3


def test_sums_of_accumulators(scratch):
    """Without quantizers in front: two convolutions' own integers, in the ratio of their scales."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    t = graph.quant("input", 0.25)
    a, b = (graph.op("Conv", t, graph.quant(graph.const(w), s), pads=[1] * 4)
            for w, s in ((WEIGHTS, 0.25), (WEIGHTS[::-1], 0.5)))  # fmt: skip
    graph.end(graph.quant(graph.op("Add", a, b), 0.75))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert nodes_of(network, Add)[0].multipliers.tolist() == [[1] * 3, [2] * 3]


def test_smaller_sums_give_the_same_codes():
    """Random thresholds, rising, falling and shared, behind random multipliers: every pair keeps its code."""
    rng = np.random.default_rng(3)
    smaller = 0
    for trial in range(40):
        a, b = rng.choice(np.array([Unsigned(3), Signed(4), Bipolar(), Ternary(), Signed(3, narrow=True)]), 2)
        channels = int(rng.integers(1, 4))
        shared = trial % 3 == 0
        multipliers = rng.integers(1, 900, (2, 1 if shared else channels)) * rng.choice([-1, 1], (2, 1))
        multipliers = np.broadcast_to(multipliers, (2, channels))
        network = Network("m", (NetworkInput("x", (channels,), Unsigned(8), None, "codes"),))
        for name, fmt in ("a", a), ("b", b):
            rows = np.linspace(1, 255, fmt.levels - 1).astype(np.int64)[None]
            network.nodes.append(Threshold(name, "input", name, rows, None, fmt))
        add = Add("s", "a", "s", ("b",), multipliers)
        edge = add.out(*(Edge(f, np.full(channels, f.lo), np.full(channels, f.hi)) for f in (a, b)))
        lo, hi = (edge.lo.min(), edge.hi.max()) if shared else (edge.lo[:, None], edge.hi[:, None])
        rows = np.sort(rng.integers(lo, hi + 1, (1 if shared else channels, 3)), axis=1)
        codes = None if trial % 2 else np.broadcast_to([3, 2, 1, 0], (len(rows), 4))
        network.nodes += [add, Threshold("t", "s", "t", rows, codes, Unsigned(2))]
        network.outputs = []
        small = smaller_sums(network)
        values = [np.repeat(f.values, channels).reshape(-1, 1, channels) for f in (a, b)]
        pairs = [np.repeat(values[0], len(values[1]), axis=0), np.tile(values[1], (len(values[0]), 1, 1))]
        before, after = (execute.execute(n.nodes[3], execute.execute(n.nodes[2], *pairs)) for n in (network, small))
        assert np.array_equal(before, after)
        assert small.nodes[3].codes is None
        smaller += np.abs(small.nodes[2].multipliers).max() < np.abs(multipliers).max()
    assert smaller > 30


# Side by side


@pytest.mark.parametrize("kinds", ["bb", "bq", "qq", "qbq"])
def test_concatenations(kinds, scratch):
    """Bipolar codes stay bipolar among themselves, and are ternary beside others; scales are by channel."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    t = graph.quant("input", 0.25)
    parts = [graph.bipolar(graph.op("Sub", t, 0.1), 0.5) if k == "b" else graph.quant(t, 0.25 * (i + 1), bits=2 + i)
             for i, k in enumerate(kinds)]  # fmt: skip
    t = graph.quant(graph.op("Concat", *parts, axis=1), 0.5, bits=3)
    w = np.random.default_rng(4).normal(0, 1, (2, 3 * len(kinds), 2, 2))
    graph.end(graph.op("Conv", t, graph.bipolar(graph.const(w))))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    (join,) = nodes_of(network, Concat)
    assert (join.format == Bipolar()) == (kinds == "bb")
    assert sum(n.format == Ternary() for n in nodes_of(network, Rescale)) == (kinds.count("b") if "q" in kinds else 0)


def test_vectors_side_by_side(scratch):
    """A branch of pixels, flattened channels first, beside a layer's own vector: the first is put into order."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    t = graph.quant("input", 0.25)
    a = graph.op("MaxPool", t, kernel_shape=[3, 3], strides=[3, 3])
    b = graph.quant(graph.op("GlobalAveragePool", t), 0.25, bits=3)
    t = graph.op("Concat", graph.op("Flatten", a), graph.op("Flatten", b), axis=1)
    graph.end(graph.op("MatMul", t, graph.bipolar(np.random.default_rng(5).normal(0, 1, (15, 4)))))
    agree(graph, IMAGES, scratch / "m.onnx")


# Padding and enlargement


@pytest.mark.parametrize("sign", [True, False])
def test_padding_in_front_is_merged(sign, scratch):
    """Pad, and the convolution's own padding, are one window; bipolar codes become ternary there, padded with zero."""
    graph = Graph([len(IMAGES), 3, 6, 6])
    t = graph.bipolar("input") if sign else graph.quant("input", 0.25, 3.0)
    t = graph.op("Pad", t, graph.const([0, 0, 1, 0, 0, 0, 2, 1], np.int64))
    graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS)), pads=[0, 1, 1, 0], strides=[2, 1]))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Windows, Dense]
    windows = network.nodes[0]
    assert windows.window.pads == (1, 1, 3, 1) and windows.pad == (0 if sign else 3)
    assert network.edges()[windows.y].format == (Ternary() if sign else Signed(4))


@pytest.mark.parametrize("spec, factor", [("uint8/127.5-1", 2), ("uint8/255+1", 1), ("uint8/51-1.25", 4)])
def test_raw_pixels_are_padded_with_an_exact_zero(spec, factor, scratch):
    """A zero half-way between two raw integers, or outside them, becomes one of new codes: one multiply and add."""
    scale, offset = {2: (1 / 127.5, -1), 1: (1 / 255, 1), 4: (1 / 51, -1.25)}[factor]
    raw = np.random.default_rng(6).integers(0, 256, (6, 3, 6, 6))
    x = (raw * scale + offset).astype(np.float32)
    graph = Graph([len(x), 3, 6, 6])
    graph.end(graph.op("Conv", "input", graph.bipolar(graph.const(WEIGHTS)), pads=[1, 1, 1, 1]))
    network = agree(graph, x, scratch / "m.onnx", spec)
    assert np.array_equal(network.encode(x), raw)
    recode = network.nodes[0]
    assert isinstance(recode, Rescale) and recode.shift == 0 and (recode.multiplier == factor).all()


def test_zero_at_no_simple_fraction_is_one_of_finer_codes(scratch):
    graph = Graph([len(IMAGES), 3, 6, 6])
    graph.end(graph.op("Conv", "input", graph.bipolar(graph.const(WEIGHTS)), pads=[1, 1, 1, 1]))
    network = import_model(graph.save(scratch / "m.onnx"), "uint8/255-0.4567891")
    x = (np.random.default_rng(6).integers(0, 256, IMAGES.shape) / 255 - 0.4567891).astype(np.float32)
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    (wanted,) = Executor(graph.model(), x).outputs
    assert np.abs(y - wanted).max() <= 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("how", ["Upsample", "Resize 10", "Resize scales", "Resize sizes", "chain"])
def test_enlargement(how, scratch):
    """Nearest neighbours by whole factors, in the forms of the exporters; the last computes sizes from the shape."""
    opset = {"Upsample": 9, "Resize 10": 10}.get(how, 13)
    graph = Graph([len(IMAGES), 3, 6, 6], opset=opset)
    t = graph.quant("input", 0.25)
    scales = np.float32([1, 1, 2, 3])
    form = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    if how == "Upsample":
        t = graph.op("Upsample", t, scales, mode="nearest")
    elif how == "Resize 10":
        t = graph.op("Resize", t, scales, mode="nearest")
    elif how == "Resize scales":
        t = graph.op("Resize", t, "", scales, **form)
    elif how == "Resize sizes":
        t = graph.op("Resize", t, "", "", graph.const([len(IMAGES), 3, 12, 18], np.int64), **form)
    else:
        ends = [graph.const(v, np.int64) for v in ([2], [4], [0])]
        size = graph.op("Mul", graph.op("Slice", graph.op("Shape", t), *ends), graph.const([2, 3], np.int64))
        start = graph.op("Slice", graph.op("Shape", t), *(graph.const(v, np.int64) for v in ([0], [2], [0])))
        t = graph.op("Resize", t, "", "", graph.op("Concat", start, size, axis=0), **form)
    graph.end(graph.op("Conv", t, graph.bipolar(graph.const(WEIGHTS))))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert nodes_of(network, Upsample)[0].factors == (2, 3)
