import weakref

import numpy as np
import pytest

from fewbit.golden.network import execute as golden
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import execute, labels_of, run
from fewbit.golden.network.graph import Edge, Network, NetworkInput, Output, accumulator_format
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.elementwise import Dequantize
from fewbit.golden.numbers.formats import Signed, Unsigned


def edge(length, lo, hi):
    full = np.ones(length, dtype=np.int64)
    return Edge(accumulator_format(lo, hi), lo * full, hi * full)


def corners(length, lo, hi):
    """Every combination of the two ends, where a linear function has its own ends."""
    return np.array(np.meshgrid(*[[lo, hi]] * length)).reshape(length, -1).T


@pytest.mark.parametrize("seed", range(10))
def test_dense_and_its_exact_range(seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-8, 8, (4, 6))
    node, (lo, hi) = Dense("d", "x", "y", weights), [(-1, 1), (0, 255), (-8, 7), (-3, -1)][seed % 4]
    x = corners(6, lo, hi)
    y = execute(node, x)
    assert np.array_equal(
        y, [[sum(int(w) * int(v) for w, v in zip(row, s, strict=True)) for row in weights] for s in x]
    )
    out = node.out(edge(6, lo, hi))
    assert np.array_equal(out.lo, y.min(axis=0)) and np.array_equal(out.hi, y.max(axis=0))
    out.format.encode(y)
    if out.format.bits > 1:
        with pytest.raises(ValueError, match="is not one of"):
            type(out.format)(out.format.bits - 1).encode(y)


def test_dense_beyond_double():
    node = Dense("d", "x", "y", np.array([[2**40 + 1, 1]]))
    assert execute(node, np.array([[2**20, 1]])).tolist() == [[2**60 + 2**20 + 1]]


def test_threshold_rows_by_channel_and_shared():
    x = np.arange(-4, 5)[:, None] * np.array([1, 1])
    node = Threshold("t", "x", "y", np.array([[-1, 2], [0, 9]]), np.array([[5, 0, 7], [1, -1, 4]]), Signed(4))
    y = execute(node, x)
    assert y[:, 0].tolist() == [5, 5, 5, 0, 0, 0, 7, 7, 7]
    assert y[:, 1].tolist() == [1, 1, 1, 1, -1, -1, -1, -1, -1]
    out = node.out(edge(2, -4, 4))
    assert (out.lo.tolist(), out.hi.tolist()) == ([0, -1], [7, 1])
    shared = Threshold("t", "x", "y", np.array([[-1, 2, 3]]), None, Unsigned(2))
    assert execute(shared, x)[:, 1].tolist() == [0, 0, 0, 1, 1, 1, 2, 3, 3]


def test_score_and_rescale():
    x = np.arange(-3, 4)[:, None]
    assert execute(Score("s", "x", "y", np.array([3]), np.array([-1])), x)[:, 0].tolist() == [-10, -7, -4, -1, 2, 5, 8]
    node = Rescale("r", "x", "y", np.array([3]), np.array([1]), 1, Signed(3))
    assert execute(node, x)[:, 0].tolist() == [-4, -3, -1, 0, 2, 3, 3]
    out = node.out(edge(1, -3, 3))
    assert (out.lo.tolist(), out.hi.tolist()) == ([-4], [3])


def test_first_of_equals_wins():
    assert execute(ArgMax("a", "x", "y"), np.array([[1, 3, 3], [2, 2, 2], [-5, -4, -5]]))[:, 0].tolist() == [1, 0, 1]
    assert ArgMax("a", "x", "y").out(edge(10, 0, 1)).format == Unsigned(4)


def test_unknown_node():
    with pytest.raises(TypeError, match="object has no golden execution"):
        execute(object(), np.zeros((1, 1)))


def network(**changes):
    nodes = [Dense("dense0", "input", "dense0", np.array([[1, 2, 0], [0, -1, 1]]))]
    chain = (Dequantize(np.array([0.5]), np.array([1.0])),)
    return Network(
        "n",
        (NetworkInput("x", (3,), Unsigned(4), None, "codes"),),
        nodes,
        [Output("y", "dense0", np.array([[1, 0]]), chain)],
    )


@pytest.mark.parametrize("count", [0, 1, 255, 256, 700])
def test_batches(count):
    values = np.random.default_rng(count).integers(0, 16, (count, 3))
    result = run(network(), values)
    assert np.array_equal(result.edges["dense0"], values @ [[1, 0], [2, -1], [0, 1]])
    y = result.outputs["y"]
    assert y.dtype == np.float32 and y.shape == (count, 2)
    assert np.array_equal(y, (result.edges["dense0"][:, ::-1] - 1) * np.float32(0.5))


@pytest.mark.parametrize(("values", "message"), [
    (np.zeros((2, 4), dtype=int), "shape"), (np.full((1, 3), 16), "16 is not one of uint4's"),
    (np.full((1, 3), -1), "-1 is not one of"), (np.full((1, 3), 0.5), "integers"),
])  # fmt: skip
def test_other_input_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        run(network(), values)


def test_labels():
    assert labels_of(np.float32([[1, 2, 2], [3, 0, 1]])).tolist() == [1, 0]
    assert labels_of(np.float32([[0.1], [0], [-1]])).tolist() == [1, 0, 0]
    assert labels_of(np.array([[4], [2]])).tolist() == [4, 2]
    assert labels_of(np.array([4, 2])).tolist() == [4, 2]
    assert labels_of(np.array([[4, 1, 0]])).tolist() == [4]


def chain_of_layers(depth):
    """Layers one behind the other, each behind a quantizer, and a sum of the first one's codes with the last one's."""
    rng, nodes, edge = np.random.default_rng(1), [], "input"
    for k in range(depth):
        nodes += [
            Dense(f"dense{k}", edge, f"sum{k}", rng.integers(-2, 3, (3, 3))),
            Threshold(f"threshold{k}", f"sum{k}", f"codes{k}", np.array([[-5, 0, 5]]), None, Unsigned(2)),
        ]
        edge = f"codes{k}"
    nodes.append(Add("add", "codes0", "y", (edge,), np.ones((2, 3), dtype=np.int64)))
    return Network(
        "chain", (NetworkInput("x", (3,), Unsigned(4), None, "codes"),), nodes, [Output("y", "y", np.arange(3)[None])]
    )


@pytest.mark.parametrize("count", [1, 3, 700])
def test_what_is_not_kept_changes_no_value(count):
    net, values = chain_of_layers(4), np.random.default_rng(count).integers(0, 16, (count, 3))
    every, some = run(net, values), run(net, values, keep=("codes2", "sum3"))
    assert list(every.edges) == ["input", *(n.y for n in net.nodes)] and list(some.edges) == ["codes2", "sum3"]
    assert all(np.array_equal(some.edges[name], every.edges[name]) for name in some.edges)
    assert np.array_equal(some.outputs["y"], every.outputs["y"]) and len(np.unique(some.outputs["y"])) > 2
    assert run(net, values, keep=()).edges == {}


def test_values_that_nobody_reads_any_more_are_dropped(monkeypatch):
    """However deep the network is, a node runs beside the first codes, which the sum at the end reads, and its own."""
    held = []

    def counted(node, *xs, execute=golden.execute):
        held[:] = [ref for ref in held if ref() is not None]
        y = execute(node, *xs)
        held.append(weakref.ref(y))
        most.append(len(held))
        return y

    monkeypatch.setattr(golden, "execute", counted)
    for depth in (4, 40):
        most = []
        run(chain_of_layers(depth), np.ones((5, 3), dtype=int), keep=())
        assert max(most) == 3
    most = []
    run(chain_of_layers(40), np.ones((5, 3), dtype=int))
    assert max(most) == 81
