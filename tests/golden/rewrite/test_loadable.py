"""Networks of loadable numbers: they compute the same, take those of another network, and refuse those of none."""

from dataclasses import replace

import numpy as np
import pytest

from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import run
from fewbit.golden.network.graph import Network, NetworkInput, Output
from fewbit.golden.network.joins import Add
from fewbit.golden.network.loadable import (
    LoadableAdd,
    LoadableDense,
    LoadableRescale,
    LoadableScore,
    LoadableThreshold,
)
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.elementwise import Dequantize
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.golden.rewrite.loadable import OtherShapeError, given, loadable
from tests.support.image_networks import random_image_network
from tests.support.networks import Builder, float_network
from tests.support.retrained import retrained

B, T, U, S = Bipolar(), Ternary(), Unsigned, Signed


def chain(seed=2, **options):
    b = Builder(U(8), 13, seed=seed, samples=24).threshold(U(2), shared=True).dense(11, S(4)).threshold(B, **options)
    b = b.dense(8, T).rescale(U(6)).dense(5, S(3)).score().argmax()
    return b.done(), b.samples


def layers(network):
    return [node.name for node in network.nodes if isinstance(node, Dense)]


def marked(network):
    return loadable(network, layers(network))


def output(network, samples):
    return run(network, samples).edges[network.outputs[0].edge]


def other_of(network, **nodes):
    """The network with other nodes in place of those of these names."""
    return network.with_nodes([nodes.get(node.name, node) for node in network.nodes])


def node_of(network, name):
    return next(node for node in network.nodes if node.name == name)


@pytest.mark.parametrize("seed", range(5))
def test_another_network_in_the_same_structure(seed):
    network, samples = chain()
    before = marked(network)
    assert (output(before, samples) == output(network, samples)).all()
    other = retrained(network, samples, seed)
    after = given(before, other)
    assert (output(after, samples) == output(other, samples)).all()
    assert (output(other, samples) != output(network, samples)).any()
    for one, two in zip(before.nodes, after.nodes, strict=True):
        assert (type(one), one.name, one.inputs, one.y) == (type(two), two.name, two.inputs, two.y)
    edges, later = before.edges(), after.edges()
    for name, edge in edges.items():  # what hardware is made by
        assert edge.format == later[name].format and (edge.lo == later[name].lo).all()
        assert (edge.hi == later[name].hi).all()
    assert (output(given(after, network), samples) == output(network, samples)).all()  # and back


@pytest.mark.parametrize("seed", range(8))
def test_networks_of_images(seed):
    """With pools, sums and branches: everything that was trained is given."""
    network, samples = random_image_network(np.random.default_rng([3, seed]))
    before = marked(network)
    other = retrained(network, samples, seed)
    assert (output(before, samples) == output(network, samples)).all()
    assert (output(given(before, other), samples) == output(other, samples)).all()


def test_ranges_hold_for_any_numbers():
    """What any weights of the formats reach is in the edges, which those of the network alone would not have."""
    network, samples = chain()
    before = marked(network)
    edges, own = before.edges(), network.edges()
    dense = node_of(before, "dense1")
    for weights in (np.full(dense.weights.shape, dense.held.lo), np.full(dense.weights.shape, dense.held.hi)):
        found = replace(
            network, nodes=[n if n.name != "dense1" else replace(n, weights=weights) for n in network.nodes]
        )
        edge = found.edges()[dense.y]
        assert (edge.lo >= edges[dense.y].lo).all() and (edge.hi <= edges[dense.y].hi).all()
    assert (own[dense.y].hi < edges[dense.y].hi).all()
    for name in "threshold2", "rescale4":
        act = node_of(before, name)
        assert set(edges[act.y].lo) == {act.format.lo} and set(edges[act.y].hi) == {act.format.hi}


def test_forms():
    network, _ = chain()
    kinds = [type(node) for node in marked(network).nodes]
    assert kinds == [LoadableThreshold, LoadableDense, LoadableThreshold, LoadableDense, LoadableRescale, LoadableDense,
                     LoadableScore, ArgMax]  # fmt: skip
    some = loadable(network, ["dense1"])
    kinds = [type(node) for node in some.nodes]
    assert kinds[:4] == [Threshold, LoadableDense, LoadableThreshold, Dense] and Score in kinds
    assert loadable(some, ["dense1"]).nodes == some.nodes


@pytest.mark.parametrize(("fmt", "held"), [(S(4), S(4)), (S(3), S(4)), (S(7), S(8)), (S(5), S(5)), (T, T), (B, B),
                                           (U(3), U(3))], ids=str)  # fmt: skip
def test_formats_of_weights(fmt, held):
    """Those that leave the highest bit of a usual format unused have that one."""
    b = Builder(U(3), 9, seed=1).dense(6, fmt).threshold(U(2))
    assert node_of(marked(b.done()), "dense0").held == held


def test_averages_keep_their_weights():
    b = Builder(U(3), 9, seed=1)
    b = b._then(Dense, np.ones((4, 9), dtype=np.int64)).threshold(U(2))
    network = b.done()
    found = loadable(network, [])
    assert [type(node) for node in found.nodes] == [Dense, Threshold]
    found = marked(network)
    assert [type(node) for node in found.nodes] == [Dense, LoadableThreshold]
    other = other_of(network, dense0=replace(node_of(network, "dense0"), weights=np.full((4, 9), 2)))
    with pytest.raises(OtherShapeError, match="^dense0: is not loadable, and has other weights in the other network$"):
        given(found, other)


def refused(network, other, reason):
    with pytest.raises(OtherShapeError, match=reason) as error:
        given(network, other)
    assert "\n" not in str(error.value)


def test_other_layers_are_refused():
    network, _ = chain()
    before = marked(network)
    dense = node_of(network, "dense1")
    refused(before, other_of(network, dense1=replace(dense, weights=dense.weights * 3)),
            r"^dense1: its weights here are of int4, -8 to 7, and the other network has -?\d+$")  # fmt: skip
    ternary = node_of(network, "dense3")
    refused(before, other_of(network, dense3=replace(ternary, weights=ternary.weights * 2)),
            "^dense3: its weights here are of ternary, -1 to 1, and the other network has -2$")  # fmt: skip
    wider = Builder(U(8), 13, seed=2, samples=24).threshold(U(2), shared=True).dense(12, S(4)).threshold(B)
    refused(
        before, wider.done(), "^dense1: has 13 inputs and 12 neurons in the other network, not 13 inputs and 11 neur"
    )
    short = Builder(U(8), 13, seed=2, samples=24).threshold(U(2), shared=True).dense(11, S(4)).threshold(B)
    refused(before, short.done(), r"^the other network has 2 layers and other operations, not 5|^the other")


def test_other_activations_are_refused():
    network, samples = chain()
    before = marked(network)
    sign, line = node_of(network, "threshold2"), node_of(network, "rescale4")
    codes = np.tile([1, -1, 1], (11, 1))
    up_and_down = replace(sign, thresholds=np.tile([0, 3], (11, 1)), codes=codes)
    refused(
        before, other_of(network, threshold2=up_and_down), "^threshold2: its codes rise, or fall, .* and do both in"
    )
    refused(before, other_of(network, threshold2=replace(sign, format=T, codes=np.tile([-1, 1], (11, 1)))),
            "^threshold2: gives codes of ternary in the other network, not of bipolar$")  # fmt: skip
    for change, reason in (
        (dict(kink=np.ones(8, dtype=np.int64)), "rounds twice"), (dict(ties=0), "rounds halves to even"),
        (dict(exceptions=np.array([[0, 1, 1]])), "has exceptions"), (dict(shift=60), "needs a shift by 60 bits"),
        (dict(multiplier=line.multiplier << 12), "needs a multiplier of .* bits in the other network, of 16 at most"),
    ):  # fmt: skip
        refused(before, other_of(network, rescale4=replace(line, **change)), f"^rescale4: .*{reason}")
    cuts = np.sort(np.random.default_rng(1).integers(-9, 9, (8, 63)), axis=1)
    refused(before, other_of(network, rescale4=Threshold(line.name, line.x, line.y, cuts, None, U(6))),
            "^rescale4: is a multiplication and shift here, and thresholds that are on no line")  # fmt: skip
    score = node_of(network, "score6")
    refused(
        before, other_of(network, score6=replace(score, multiplier=score.multiplier << 20)), "^score6: its scores are"
    )
    shared = node_of(network, "threshold0")
    apart = replace(shared, thresholds=np.tile(shared.thresholds, (13, 1)))
    refused(
        before, other_of(network, threshold0=apart), "^threshold0: is the same for all channels here, and not in the"
    )


def test_a_line_may_be_searched_for():
    """Thresholds take a multiplication and shift of the other network, by the codes that it gives."""
    b = Builder(S(4), 10, seed=3).dense(9, S(4)).threshold(U(5)).dense(4, T)
    network = b.done()
    c = Builder(S(4), 10, seed=3).dense(9, S(4)).rescale(U(5)).dense(4, T)
    other = c.done()
    assert isinstance(other.nodes[1], Rescale)
    after = given(marked(network), other)
    assert (
        isinstance(after.nodes[1], LoadableThreshold) and (output(after, b.samples) == output(other, b.samples)).all()
    )


def test_lines_with_exceptions_are_searched_for():
    """Beside a plain line there is only what takes anything: thresholds."""
    b = Builder(S(4), 10, seed=3).dense(9, S(4)).rescale(U(5)).dense(4, T)
    network = b.done()
    line = network.nodes[1]
    for change in dict(ties=0), dict(exceptions=np.array([[2, 7, 1]])):
        special = other_of(network, **{line.name: replace(line, **change)})
        found = marked(special)
        assert isinstance(found.nodes[1], LoadableThreshold)
        assert (output(found, b.samples) == output(special, b.samples)).all()
    wide = Builder(S(4), 10, seed=3).dense(9, S(4)).rescale(U(9)).done()
    wide.nodes[1] = replace(wide.nodes[1], ties=0)
    with pytest.raises(ValueError, match="^rescale1: an activation of 512 levels that is no plain multiplication"):
        marked(wide)


def test_what_is_not_loadable_must_be_the_same():
    network, samples = chain()
    some = loadable(network, ["dense1"])
    dense = node_of(network, "dense3")
    refused(some, other_of(network, dense3=replace(dense, weights=-dense.weights)),
            "^dense3: is not loadable, and has other weights in the other network$")  # fmt: skip
    first = node_of(network, "threshold0")
    refused(some, other_of(network, threshold0=replace(first, thresholds=first.thresholds + 1)),
            "^threshold0: is not loadable, and has other thresholds in the other network$")  # fmt: skip
    other = other_of(
        network, dense1=replace(node_of(network, "dense1"), weights=node_of(network, "dense1").weights // 2)
    )
    assert (output(given(some, other), samples) == output(other, samples)).all()


def test_other_ends_are_refused():
    network, _ = chain()
    before = marked(network)
    (entry,) = network.inputs
    for what, value in ("shape", (1, 13)), ("format", U(7)), ("text", "uint8/255"), ("order", np.arange(13)[::-1]):
        other = replace(network, inputs=(replace(entry, **{what: value}),))
        refused(before, other, "^input x: the other network's (shape|format|declaration) is|^input x: .* another order")
    refused(before, replace(network, inputs=(entry, entry)), "^the other network has 2 inputs, not 1$")
    refused(before, replace(network, outputs=network.outputs * 2), "^the other network has 2 outputs, not 1$")
    (out,) = network.outputs
    refused(
        before, replace(network, outputs=[replace(out, scores=True)]), "^output y: the other network's is of another"
    )


def test_the_scale_of_the_output_is_the_other_networks():
    b = Builder(S(4), 10, seed=3).dense(9, S(4))
    network = b.done()
    chain = (Dequantize(np.array([0.25]), np.array([0.0])),)
    other = replace(network, outputs=[replace(network.outputs[0], chain=chain)])
    assert given(marked(network), other).outputs[0].chain == chain


def sums(multipliers):
    x = NetworkInput("x", (6,), S(4), S(4).encode, "codes")
    index = np.arange(6)[None]
    rng = np.random.default_rng(1)
    nodes = [
        Dense("dense0", "input", "a", rng.integers(-2, 3, (6, 6))),
        Add("add0", "a", "y", ("input",), np.array(multipliers)[:, None] * np.ones(6, dtype=np.int64)),
    ]
    return Network("sums", (x,), nodes, [Output("y", "y", index)])


def test_multipliers_of_sums():
    network, other = sums([2, 3]), sums([5, -7])
    before, samples = marked(network), S(4).values[:, None] * np.ones(6, dtype=np.int64)
    assert isinstance(before.nodes[1], LoadableAdd) and before.nodes[1].factor_bits == 5
    assert (output(given(before, other), samples) == output(other, samples)).all()
    refused(before, sums([40, 1]), "^add0: needs a multiplier of 6 bits in the other network, of 5 at most$")


def test_float_layers_have_no_loadable_form():
    network = float_network(np.random.default_rng(4), (7, 5, 3))
    name = network.nodes[0].name
    assert network.inputs[0].format == Float32()
    with pytest.raises(ValueError, match=f"^{name}: weights of a float32 layer cannot be loadable; leave it fixed"):
        loadable(network, [name])
