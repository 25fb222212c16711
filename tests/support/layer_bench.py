"""A dense layer with what follows it, sent through a matrix-vector unit and compared with the golden model."""

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Ternary
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.loadable_unit import LoadableMatrixVectorUnit
from fewbit.hw.layer.matrix_vector_unit import MatrixVectorUnit
from fewbit.hw.layer.plan import LayerPlan
from tests.support.stream_bench import STALLS, Bench, from_beats, stream, to_beats

FULL_RATE = STALLS["full rate"]


def random_layer(x_format, w_format, k, n, *, vectors=8, seed=0):
    """Return a `Layer` of random weights and vectors of the given formats."""
    rng = np.random.default_rng([seed, k, n])
    weights = rng.choice(w_format.values, (n, k))
    # The formats of weights follow from them: let the extremes occur, and ternary have its zero.
    weights.flat[:2] = [w_format.hi, w_format.lo][: weights.size]
    if w_format == Ternary():
        weights.flat[2] = 0
    dense = Dense("dense", "x", "acc", weights)
    assert dense.weight_format == w_format
    return Layer(dense, x_format, rng.choice(x_format.values, (vectors, k)), bound=(x_format.lo, x_format.hi))


class Layer:
    """The node ``dense``, perhaps another one ``act`` behind it, vectors ``x``, and what comes of them, ``y``.

    ``bound`` is the range of every input.
    """

    def __init__(self, dense, x_format, x, *, bound):
        self.dense, self.act, self.x = dense, None, x
        self.rng = np.random.default_rng(1)
        k = x.shape[1]
        self.edges = {"x": Edge(x_format, np.full(k, bound[0]), np.full(k, bound[1]))}
        self._follow(dense, x)

    def _follow(self, node, x):
        self.edges[node.y] = node.out(self.edges[node.x])
        self.y = execute(node, x)
        return self

    def then(self, act):
        """Put the node ``act`` behind it; returns the layer."""
        self.act = act
        return self._follow(act, self.y)

    def cuts(self, count):
        """Return ``count`` rising thresholds a neuron, where its accumulators are."""
        mean, spread = self.y.mean(axis=0)[:, None], self.y.std(axis=0)[:, None] + 0.5
        cuts = np.linspace(-1.1, 1.1, count + 2)[1:-1] + self.rng.normal(scale=0.1, size=(self.y.shape[1], count))
        cuts = np.sort(np.rint(mean + spread * cuts).astype(np.int64), axis=1)
        return cuts.clip(self.edges["acc"].lo[:, None], self.edges["acc"].hi[:, None] + 1)

    def threshold(self, fmt):
        """Put the usual threshold to ``fmt`` behind it; returns the layer."""
        return self.then(Threshold("act", "acc", "y", self.cuts(fmt.levels - 1), None, fmt))

    def check(self, pe, simd, *stalls, products=None, weights="fixed", **options):
        """Stream the vectors through the unit, once for each of ``stalls``, by default at full rate.

        Returns the unit's plan, which is made with these options.
        """
        folding = LayerFolding(pe, simd, products, weights=weights)
        plan = LayerPlan(self.dense, self.act, self.edges, folding, **options)
        vectors, bench = len(self.x), Bench((LoadableMatrixVectorUnit if plan.memories else MatrixVectorUnit)(plan))
        beats = to_beats(plan.x_format.encode(self.x), simd, plan.x_format.bits)
        want = plan.format.encode(self.y)
        for which in stalls or [FULL_RATE]:
            trace = stream(bench, beats, vectors * plan.beats_out, stalls=which, quiet=plan.latency + 20)
            got = from_beats(trace.payloads, plan.lanes, plan.out_bits, vectors)[:, : plan.neurons]
            assert (got == want).all(), np.argwhere(got != want)[0]
            if which == FULL_RATE:
                check_cycles(plan, trace)
        return plan


def check_cycles(plan, trace):
    """Check that every beat leaves when the plan says: vectors ``cycles`` apart, rows ``steps``, the beats of a row
    one.

    The last step of the first row is issued with its beat if the steps pass straight through; else a cycle later, for
    the memory; and if a row must be whole before it begins, ``steps - 1`` cycles later still.
    """
    assert trace.taken[: plan.steps] == list(range(plan.steps))
    whole = plan.whole and plan.steps > 1
    issue = plan.steps - 1
    if plan.rows > 1 or whole:
        issue += 1 + (plan.steps - 1) * whole
    first = issue + plan.latency + 1
    vectors = len(trace.given) // plan.beats_out
    assert trace.given == [
        first + v * plan.cycles + beat // plan.row_beats * plan.steps + beat % plan.row_beats
        for v in range(vectors)
        for beat in range(plan.beats_out)
    ]
