"""Small networks made of golden nodes directly, with thresholds where their accumulators are."""

import numpy as np

from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Network, NetworkInput, Output
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.elementwise import Dequantize
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.hw.float32.units import FloatAdd
from fewbit.hw.folding import Folding, LayerFolding

__all__ = ["FORMATS", "Builder", "float_network", "folded", "random_folding", "random_network"]

FORMATS = (
    Bipolar(), Ternary(), Unsigned(1), Unsigned(2), Unsigned(4), Signed(3), Signed(4, True), Signed(8), Unsigned(8)
)  # fmt: skip


class Builder:
    """A network under construction, node behind node, with random samples that are carried along."""

    def __init__(self, x_format, length, *, seed=0, samples=48):
        self.rng = np.random.default_rng([seed, length])
        self.network = Network("test", (NetworkInput("x", (length,), x_format, None, str(x_format)),))
        self.samples = self.at = self.rng.choice(x_format.values, (samples, length))

    def _then(self, kind, *arguments):
        before = self.network.nodes[-1].y if self.network.nodes else "input"
        number = len(self.network.nodes)
        node = kind(f"{kind.__name__.lower()}{number}", before, f"e{number}", *arguments)
        self.network.nodes.append(node)
        self.at = execute(node, self.at)
        return self

    @property
    def format(self):
        return self.network.edges()[self.network.nodes[-1].y].format

    def dense(self, neurons, fmt):
        weights = self.rng.choice(fmt.values, (neurons, self.at.shape[1]))
        weights.flat[0], weights.flat[-1] = fmt.lo, fmt.hi
        return self._then(Dense, weights)

    def threshold(self, fmt, *, irregular=False, shared=False):
        """Add thresholds to ``fmt``; irregular ones give any code at any step, falling channels and constant ones among
        them."""
        mean, spread = self.at.mean(axis=0)[:, None], self.at.std(axis=0)[:, None] + 0.5
        if shared:
            mean, spread = mean[:1], spread[:1]
        levels = fmt.levels + (3 if irregular else 0)
        cuts = np.linspace(-1.2, 1.2, levels + 1)[1:-1] + self.rng.normal(scale=0.1, size=(len(mean), levels - 1))
        cuts = np.sort(np.rint(mean + spread * cuts).astype(np.int64), axis=1)
        edges = self.network.edges()
        edge = edges[self.network.nodes[-1].y if self.network.nodes else "input"]
        cuts = cuts.clip(edge.lo.min(), edge.hi.max())
        codes = None
        if irregular:
            codes = self.rng.choice(fmt.values, (len(cuts), levels))
            codes[0] = fmt.hi
            codes[1:4] = np.sort(codes[1:4], axis=1)[:, ::-1]
            if fmt.levels == 2:  # the hardware takes one change a channel where the code has one bit
                codes = np.sort(codes, axis=1)[:, :: self.rng.choice([-1, 1])]
        return self._then(Threshold, cuts, codes, fmt)

    def rescale(self, fmt, shift=10):
        spread = self.at.std(axis=0) + 0.5
        multiplier = np.rint((fmt.hi - fmt.lo) / 3 / spread * 2**shift).astype(np.int64)
        addend = np.rint((fmt.hi + fmt.lo) / 2 * 2**shift - self.at.mean(axis=0) * multiplier).astype(np.int64)
        return self._then(Rescale, multiplier, addend, shift, fmt)

    def score(self):
        multiplier = self.rng.integers(1, 40, self.at.shape[1])
        centre = np.rint(-self.at.mean(axis=0) * multiplier).astype(np.int64)
        return self._then(Score, multiplier, centre + self.rng.integers(-9, 10, len(centre)))

    def argmax(self):
        return self._then(ArgMax)

    def done(self):
        """Return the network, with its last edge as the output; where that is no label, the host scales it."""
        last = self.network.nodes[-1]
        label = isinstance(last, ArgMax)
        index = np.arange(self.at.shape[1])[None]
        chain = () if label else (Dequantize(np.array([0.5]), np.array([0.0])),)
        self.network.outputs.append(Output("y", last.y, index, chain))
        return self.network


def random_network(rng, *, most=24, layers=None):
    """Return any chain that an import can give."""
    fmt = FORMATS[rng.integers(len(FORMATS))]
    size = lambda: int(rng.integers(1, most + 1))  # noqa: E731
    b = Builder(fmt, size(), seed=int(rng.integers(1 << 30)), samples=16)
    if rng.random() < 0.3:
        b.threshold(FORMATS[rng.integers(5)], shared=rng.random() < 0.5)
    count = layers or int(rng.integers(1, 5))
    for layer in range(count):
        b.dense(size(), FORMATS[rng.integers(7)])
        if layer < count - 1:
            if rng.random() < 0.2:
                b.rescale(Unsigned(5))
            else:
                b.threshold(FORMATS[rng.integers(7)], irregular=rng.random() < 0.2)
    how = rng.random()
    if how < 0.2:
        b.threshold(Unsigned(3))
    elif how < 0.4:
        b.score()
    if rng.random() < 0.4:
        b.argmax()
    return b.done()


def float_network(rng, sizes):
    """Return a float32 network of dense layers with ReLU between them."""
    network = Network("float", (NetworkInput("x", (sizes[0],), Float32(), None, "float32"),))
    for i, (k, n) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        weights, bias = rng.normal(size=(n, k)).astype(np.float32), rng.normal(size=n).astype(np.float32)
        x, relu = (network.nodes[-1].y if i else "input"), i < len(sizes) - 2
        network.nodes.append(FloatDense(f"dense{i}", x, f"e{i}", weights, bias, relu))
    network.outputs.append(Output("y", network.nodes[-1].y, np.arange(sizes[-1])[None]))
    return network


def random_folding(rng, network):
    """Return any folding: dividing the layers or not, up to fully unfolded. Float layers get the order of their
    sums."""
    pairs = []
    for node in network.nodes:
        if isinstance(node, Dense | FloatDense):
            drawn = ([1, size, *rng.integers(1, size + 1, 2)] for size in node.weights.shape)
            pairs.append(tuple(int(rng.choice(options)) for options in drawn))
    return folded(network, pairs)


def folded(network, pairs):
    """Return the `Folding` of ``(pe, simd)`` or ``(pe, simd, products)`` of each layer in turn.

    Float layers get the order of their sums.
    """
    dense = [(i, node) for i, node in enumerate(network.nodes) if isinstance(node, Dense | FloatDense)]
    folding = Folding({n.name: LayerFolding(*pair) for (_, n), pair in zip(dense, pairs, strict=True)})
    for i, node in dense:
        if isinstance(node, FloatDense):
            network.nodes[i] = node.folded(simd=folding[node.name].simd, partials=FloatAdd.LATENCY)
    return folding
