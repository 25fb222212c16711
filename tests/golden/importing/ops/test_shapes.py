"""Import of what moves, picks and repeats values, in front of and behind layers, against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.joins import Concat
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import View
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(0, 1, (4, 4, 6, 6)).astype(np.float32)


def i64(g, *values):
    return g.const(values, np.int64)


def weights(g, *shape):
    return g.quant(g.const(np.random.default_rng(shape).normal(0, 1, shape)), 0.25)


def conv(g, t, *shape, **attributes):
    return g.op("Conv", t, weights(g, *shape), **attributes)


def hidden(g, t, channels=4):
    """Return codes of a convolution, so that the order of the input's values is of no help."""
    return g.quant(conv(g, t, channels, 4, 3, 3, pads=[1] * 4), 1.0, bits=4)


def sliced(g, t, starts, ends, axes, steps):
    return g.op("Slice", t, *(i64(g, *v) for v in (starts, ends, axes, steps)))


def focus(g, t):
    parts = [sliced(g, t, [y, x], [99, 99], [2, 3], [2, 2]) for x in (0, 1) for y in (0, 1)]
    return g.op("Concat", *parts, axis=1)


def nhwc(g, t):
    return g.op("Transpose", t, perm=[0, 2, 3, 1])


def shuffle(g, t):
    t = g.op("Transpose", g.op("Reshape", t, i64(g, 0, 2, 2, 6, 6)), perm=[0, 2, 1, 3, 4])
    return g.op("Reshape", t, i64(g, 0, 4, 6, 6))


def from_vector(g, t):
    return g.op("Reshape", g.op("Flatten", t), i64(g, -1, 9, 4, 4))


MOVES = {  # images (N, 4, 6, 6) to images, and the channels that they then have
    "focus": (focus, 16),
    "shuffle": (shuffle, 4),
    "gathered channels": (lambda g, t: g.op("Gather", t, i64(g, 3, 0, 2, 0), axis=1), 4),
    "gathered rows": (lambda g, t: g.op("Gather", t, i64(g, 5, 0, 0, 2), axis=2), 4),
    "every other channel": (lambda g, t: sliced(g, t, [1], [99], [1], [2]), 2),
    "crop": (lambda g, t: sliced(g, t, [1, 2], [5, 6], [2, 3], [1, 1]), 4),
    "turned round": (lambda g, t: sliced(g, t, [-1, -1], [-99, -99], [2, 3], [-1, -1]), 4),
    "space to depth": (lambda g, t: g.op("SpaceToDepth", t, blocksize=3), 36),
    "depth to space DCR": (lambda g, t: g.op("DepthToSpace", t, blocksize=2), 1),
    "depth to space CRD": (lambda g, t: g.op("DepthToSpace", t, blocksize=2, mode="CRD"), 1),
    "height and width exchanged": (lambda g, t: g.op("Transpose", t, perm=[0, 1, 3, 2]), 4),
    "rows and channels exchanged": (lambda g, t: g.op("Transpose", t, perm=[0, 2, 1, 3]), 6),
    "tiled": (lambda g, t: g.op("Tile", t, i64(g, 1, 2, 1, 2)), 8),
    "expanded": (lambda g, t: g.op("Expand", sliced(g, t, [2], [3], [2], [1]), i64(g, 1, 1, 5, 1)), 4),
    "another image": (from_vector, 9),
    "concatenated rows": (lambda g, t: g.op("Concat", t, sliced(g, t, [0], [2], [2], [1]), axis=2), 4),
}  # fmt: skip


@pytest.mark.parametrize("place", ["input", "hidden"])
@pytest.mark.parametrize("what", MOVES)
def test_moves_in_front_of_a_convolution(what, place, scratch):
    move, channels = MOVES[what]
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = graph.quant("input", 0.25)
    t = move(graph, hidden(graph, t) if place == "hidden" else t)
    t = graph.quant(conv(graph, t, 3, channels, 2, 2), 2.0)
    network = agree(graph.end(t), IMAGES, scratch / "m.onnx")
    if place == "hidden":
        assert [n for n in network.nodes if isinstance(n, Reorder)]


@pytest.mark.parametrize("what", MOVES)
def test_moves_at_the_end_cost_nothing(what, scratch):
    """The host puts the values of an output into order."""
    graph = Graph([len(IMAGES), 4, 6, 6])
    graph.end(MOVES[what][0](graph, hidden(graph, graph.quant("input", 0.25))))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert not [n for n in network.nodes if isinstance(n, Reorder)]


def test_a_layer_of_one_row_takes_any_order(scratch):
    """Its weights are put into order instead, but for values that come several times."""
    for repeats in (1, 2):
        graph = Graph([len(IMAGES), 4, 6, 6])
        t = graph.op("Flatten", shuffle(graph, hidden(graph, graph.quant("input", 0.25))))
        t = graph.op("Tile", t, i64(graph, 1, repeats))
        graph.end(graph.quant(graph.op("MatMul", t, weights(graph, 144 * repeats, 5)), 4.0))
        network = agree(graph, IMAGES, scratch / "m.onnx")
        assert len([n for n in network.nodes if isinstance(n, Reorder)]) == repeats - 1


def test_few_values_of_many_are_picked_first(scratch):
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = sliced(graph, nhwc(graph, hidden(graph, graph.quant("input", 0.25))), [2, 3], [3, 4], [1, 2], [1, 1])
    graph.end(graph.op("MatMul", graph.op("Flatten", t), weights(graph, 4, 3)))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert [n.weights.shape for n in network.nodes if isinstance(n, Dense)][-1] == (3, 4)


# Products over the last axis of any rank


@pytest.mark.parametrize("perm", [(0, 1, 2, 3), (0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1, 3)], ids=str)
@pytest.mark.parametrize("place", ["input", "hidden"])
def test_dense_over_the_last_axis(perm, place, scratch):
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = graph.quant("input", 0.25)
    t = graph.op("Transpose", hidden(graph, t) if place == "hidden" else t, perm=perm)
    k = (4, 4, 6, 6)[perm[3]]
    t = graph.quant(graph.op("Add", graph.op("MatMul", t, weights(graph, k, 5)), RNG.normal(0, 1, 5)), 1.0)
    agree(graph.end(t), IMAGES, scratch / "m.onnx")


def test_mixer(scratch):
    """Dense across tokens, on either side of the data, and across features."""
    x = RNG.normal(0, 1, (6, 8, 5)).astype(np.float32)
    graph = Graph([len(x), 8, 5])
    t = graph.quant("input", 0.25)
    t = graph.op("Transpose", t, perm=[0, 2, 1])
    t = graph.quant(graph.op("Relu", graph.op("MatMul", t, weights(graph, 8, 6))), 0.5, signed=0)
    t = graph.quant(graph.op("MatMul", graph.op("Transpose", t, perm=[0, 2, 1]), weights(graph, 5, 7)), 1.0)
    t = graph.quant(graph.op("MatMul", weights(graph, 3, 6), t), 1.0)
    agree(graph.end(graph.quant(graph.op("MatMul", t, weights(graph, 7, 4)), 1.0)), x, scratch / "m.onnx")


def test_one_order_is_made_once(scratch):
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = shuffle(graph, hidden(graph, graph.quant("input", 0.25)))
    graph.end(*(graph.quant(conv(graph, t, n, 4, 2, 2), 2.0) for n in (2, 3)))
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert len([n for n in network.nodes if isinstance(n, Reorder)]) == 1


# Constants that differ between pixels


@pytest.mark.parametrize("kind", ["Add", "Mul"])
def test_constants_by_pixel(kind, scratch):
    """Positional embeddings and masks; also where one value stands at several places with different constants."""
    for tiled in (False, True):
        graph = Graph([len(IMAGES), 4, 6, 6])
        t = hidden(graph, graph.quant("input", 0.25))
        if tiled:
            t = sliced(graph, graph.op("Tile", t, i64(graph, 1, 1, 2, 1)), [0], [6], [2], [1])
            t = graph.op("Concat", t, t, axis=2)
        shape = (1, 4, 12 if tiled else 6, 6)
        c = (
            np.random.default_rng(5).integers(0, 2, shape)
            if kind == "Mul"
            else np.random.default_rng(5).normal(size=shape)
        )
        t = graph.quant(graph.op(kind, t, c.astype(np.float32)), 0.5)
        agree(graph.end(graph.quant(conv(graph, t, 3, 4, 2, 2), 2.0)), IMAGES, scratch / "m.onnx")


# Side by side


@pytest.mark.parametrize("axis", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True], ids=["NCHW", "NHWC"])
def test_concatenation_of_any_axis(axis, last, scratch):
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = graph.quant("input", 0.25)
    parts = [hidden(graph, t), graph.op("Relu", hidden(graph, t))]
    parts = [nhwc(graph, p) if last else p for p in parts]
    t = graph.op("Concat", *parts, axis=axis)
    t = graph.op("Transpose", t, perm=[0, 3, 1, 2]) if last else t
    channels = 8 if axis == (3 if last else 1) else 4
    network = agree(graph.end(graph.quant(conv(graph, t, 3, channels, 2, 2), 2.0)), IMAGES, scratch / "m.onnx")
    needed = [n for n in network.nodes if isinstance(n, Reorder)]
    assert len([n for n in network.nodes if isinstance(n, Concat)]) == 1
    assert bool(needed) == (axis == (2 if last else 3))  # only what grows in width


def test_anchors_of_two_heads(scratch):
    """Heads of detectors of two sizes: channels last, anchors as rows, one behind the other."""
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = hidden(graph, graph.quant("input", 0.25))
    u = graph.quant(conv(graph, t, 4, 4, 2, 2, strides=[2, 2]), 1.0)
    heads = [graph.op("Reshape", nhwc(graph, conv(graph, x, 6, 4, 1, 1)), i64(graph, 0, -1, 3)) for x in (t, u)]
    network = agree(graph.end(graph.op("Concat", *heads, axis=1)), IMAGES, scratch / "m.onnx")
    assert network.outputs[0].index.shape == (1, 2 * 45, 3) and not [n for n in network.nodes if isinstance(n, Reorder)]


def test_a_view_where_the_order_is_right(scratch):
    """A vector of channels-last values is an image as it is."""
    x = RNG.normal(0, 1, (6, 10)).astype(np.float32)
    graph = Graph([len(x), 10])
    t = graph.quant(graph.op("MatMul", graph.quant("input", 0.25), weights(graph, 10, 36)), 1.0)
    t = graph.op("Transpose", graph.op("Reshape", t, i64(graph, -1, 3, 3, 4)), perm=[0, 3, 1, 2])
    network = agree(graph.end(graph.quant(conv(graph, t, 3, 4, 2, 2), 2.0)), x, scratch / "m.onnx")
    assert [type(n) for n in network.nodes if isinstance(n, Reorder | View)] == [View]


def test_undeclared_inputs_move_too(scratch):
    """In front of the first quantizer, which the host computes."""
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = graph.quant(graph.op("Tile", focus(graph, "input"), i64(graph, 1, 1, 1, 2)), 0.25)
    graph.end(graph.quant(conv(graph, t, 3, 16, 2, 2), 2.0))
    agree(graph, IMAGES, scratch / "m.onnx")


def test_the_input_is_laid_out_for_what_moves_it(scratch):
    """What a convolution reads is the order in which values enter, so nothing is moved."""
    graph = Graph([len(IMAGES), 4, 6, 6])
    t = focus(graph, graph.quant("input", 0.25))
    network = agree(graph.end(graph.quant(conv(graph, t, 3, 16, 2, 2), 2.0)), IMAGES, scratch / "m.onnx")
    assert network.inputs[0].size == (3, 3) and not [n for n in network.nodes if isinstance(n, Reorder)]
