"""Random networks on images: any topology that an import can give, branches among them, with any legal folding."""

import numpy as np

from fewbit.flow.folding.layers import layers_of
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Network, NetworkInput, Output, accumulator_format
from fewbit.golden.network.joins import Add, Concat, Multiply
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.network.spatial import Largest, Repeat, Upsample, View, Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.elementwise import Dequantize
from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.folding import Folding, LayerFolding

__all__ = ["ImageBuilder", "legal_folding", "random_gated_network", "random_image_network"]

ACTIVATIONS = (Bipolar(), Ternary(), Unsigned(2), Unsigned(4), Signed(3), Signed(4, True))
WEIGHTS = (Bipolar(), Bipolar(), Ternary(), Signed(3), Signed(4, True))


class ImageBuilder:
    """A network under construction. Methods take and give names of edges; samples are carried along."""

    def __init__(self, x_format, size, channels, *, seed, samples=6):
        self.rng = np.random.default_rng([seed, channels])
        shape = (channels, *size)
        order = np.arange(np.prod(shape)).reshape(shape).transpose(1, 2, 0).reshape(-1)
        given = NetworkInput("x", shape, x_format, None, str(x_format), size=size, order=order)
        self.network = Network("test", (given,))
        self.samples = self.rng.choice(x_format.values, (samples, *shape))
        at = given.arranged(self.samples).reshape(samples, size[0] * size[1], channels)
        self.at = {"input": at}
        self.edges = {"input": given.out()}

    def then(self, kind, x, *arguments, others=()):
        number = len(self.network.nodes)
        node = kind(f"{kind.__name__.lower()}{number}", x, f"e{number}", *arguments)
        self.network.nodes.append(node)
        self.at[node.y] = execute(node, *(self.at[e] for e in node.inputs))
        self.edges[node.y] = node.out(*(self.edges[e] for e in node.inputs))
        return node.y

    def windows(self, x, kernel, stride=(1, 1), pads=(0, 0, 0, 0), dilation=(1, 1), groups=1, pad=0):
        window = Window(size=self.edges[x].size, kernel=kernel, stride=stride, pads=pads, dilation=dilation)
        return self.then(Windows, x, window, pad, groups)

    def dense(self, x, neurons, fmt, groups=1):
        weights = self.rng.choice(fmt.values, (neurons, self.edges[x].channels // groups))
        weights.flat[0], weights.flat[-1] = fmt.lo, fmt.hi
        return self.then(Dense, x, weights, groups)

    def threshold(self, x, fmt, shared=False):
        values = self.at[x].reshape(-1, self.edges[x].channels)
        mean, spread = values.mean(axis=0)[:, None], values.std(axis=0)[:, None] + 0.5
        if shared:
            mean, spread = mean[:1], spread[:1]
        cuts = np.linspace(-1.2, 1.2, fmt.levels + 1)[1:-1]
        cuts = cuts + self.rng.normal(scale=0.1, size=(len(mean), fmt.levels - 1))
        return self.then(Threshold, x, np.sort(np.rint(mean + spread * cuts).astype(np.int64), axis=1), None, fmt)

    def conv(self, x, neurons, weights, activation, **geometry):
        """Add a convolution and its activation."""
        if geometry:
            x = self.windows(
                x, groups=geometry.get("groups", 1), **{k: v for k, v in geometry.items() if k != "groups"}
            )
        return self.threshold(self.dense(x, neurons, weights, geometry.get("groups", 1)), activation)

    def pool(self, x, **geometry):
        channels = self.edges[x].channels
        x = self.windows(x, groups=channels, pad=self.edges[x].format.lo, **geometry)
        return self.then(Largest, x, self.edges[x].channels // channels)

    def average(self, x, activation):
        channels, size = self.edges[x].channels, self.edges[x].size
        x = self.windows(x, size, groups=channels)
        x = self.then(Dense, x, np.ones((channels, size[0] * size[1]), dtype=np.int64), channels)
        return self.threshold(x, activation, shared=True)

    def add(self, a, b):
        channels = self.edges[a].channels
        factors = self.rng.integers(1, 6, (2, 1 if self.rng.random() < 0.5 else channels))
        return self.then(Add, a, (b,), np.broadcast_to(factors, (2, channels)).copy())

    def multiply(self, a, b):
        """Add a product, of factors behind zero points or not; either branch may have one pixel or one channel only."""
        size = max(self.edges[a].size, self.edges[b].size)
        channels = max(self.edges[a].channels, self.edges[b].channels)
        a, b = (self.broadcast(x, size, channels) for x in (a, b))
        plain = self.rng.random() < 0.5
        zeros = self.rng.integers(-2, 3, (2, 1 if self.rng.random() < 0.5 else channels)) * (not plain)
        return self.then(
            Multiply, a, (b,), np.ones((2, channels), dtype=np.int64), zeros + np.zeros_like(zeros, shape=(2, channels))
        )

    def broadcast(self, x, size, channels):
        if self.edges[x].size != size:
            x = self.then(Upsample, self.then(View, x, (1, 1)), (1, 1), size)
        return x if self.edges[x].channels == channels else self.then(Repeat, x, channels)

    def concat(self, a, b):
        formats = [self.edges[e].format for e in (a, b)]
        fmt = formats[0] if formats[0] == formats[1] else accumulator_format(
            [f.lo for f in formats], [f.hi for f in formats])  # fmt: skip
        return self.then(Concat, a, (b,), fmt)

    def done(self, x):
        edge = self.edges[x]
        label = isinstance(self.network.nodes[-1], ArgMax)
        chain = () if label else (Dequantize(np.array([0.5]), np.array([0.0])),)
        self.network.outputs.append(Output("y", x, np.arange(edge.length)[None], chain))
        return self.network


def _pick(rng, values):
    return values[rng.integers(len(values))]


def _geometry(rng, size, most=3):
    """Return a kernel that fits, with stride, dilation and any pads smaller than it."""
    while True:
        kernel = tuple(int(k) for k in rng.integers(1, most + 1, 2))
        if size[0] == 1:
            kernel = (1, kernel[1])
        dilation = tuple(int(d) for d in rng.choice([1, 1, 1, 2], 2))
        pads = tuple(int(rng.integers(0, k)) if rng.random() < 0.5 else 0 for k in kernel * 2)
        stride = tuple(int(s) for s in rng.choice([1, 1, 2, 3], 2))
        try:
            Window(size=size, kernel=kernel, stride=stride, dilation=dilation, pads=pads)
        except ValueError:
            continue
        return dict(kernel=kernel, stride=stride, dilation=dilation, pads=pads)


def random_image_network(rng):
    """Return a random network, and samples of its input ``(count, *shape)``."""
    x_format = _pick(rng, (Unsigned(8), Unsigned(4), *ACTIVATIONS))
    signal = rng.random() < 0.2
    size = (1 if signal else int(rng.integers(3, 8)), int(rng.integers(4, 9)))
    b = ImageBuilder(x_format, size, int(rng.integers(1, 5)), seed=int(rng.integers(1 << 30)))
    x = "input"
    for _ in range(int(rng.integers(1, 4))):
        x = _random_block(b, rng, x)
    if rng.random() < 0.3:
        x = b.average(x, _pick(rng, ACTIVATIONS))
    if rng.random() < 0.7:
        x = b.dense(b.then(View, x), int(rng.integers(1, 8)), _pick(rng, WEIGHTS))
        if rng.random() < 0.3:
            x = b.then(ArgMax, x)
    elif b.edges[x].length > 200:
        x = b.average(x, Unsigned(3))
    return b.done(x), b.samples


def _random_block(b, rng, x):
    activation = _pick(rng, ACTIVATIONS)
    edge = b.edges[x]
    channels = int(rng.integers(1, 9))
    kind = rng.choice(["conv", "grouped", "residual", "concat", "pool", "upsample"], p=[0.35, 0.15, 0.2, 0.1, 0.1, 0.1])
    if kind == "conv":
        return b.conv(x, channels, _pick(rng, WEIGHTS), activation, **_geometry(rng, edge.size))
    if kind == "grouped":
        groups = int(_pick(rng, [g for g in range(1, edge.channels + 1) if edge.channels % g == 0]))
        neurons = groups * int(rng.integers(1, 4))
        return b.conv(x, neurons, _pick(rng, WEIGHTS), activation, groups=groups, **_geometry(rng, edge.size))
    if kind == "residual":
        same = dict(
            kernel=(1 if edge.size[0] == 1 else 3, 3), pads=(int(edge.size[0] > 1), 1, int(edge.size[0] > 1), 1)
        )
        y = b.conv(x, channels, _pick(rng, WEIGHTS), activation, **same)
        y = b.conv(y, edge.channels, _pick(rng, WEIGHTS), _pick(rng, ACTIVATIONS), **same)
        return b.threshold(b.add(x, y) if rng.random() < 0.5 else b.add(y, x), activation)
    if kind == "concat":
        left = b.conv(x, channels, _pick(rng, WEIGHTS), activation)
        right = b.conv(x, int(rng.integers(1, 9)), _pick(rng, WEIGHTS), activation)
        return b.concat(left, right)
    if kind == "pool":
        return b.pool(x, **{k: v for k, v in _geometry(rng, edge.size).items() if k != "dilation"})
    if edge.length > 150:
        return b.conv(x, channels, _pick(rng, WEIGHTS), activation)
    return b.then(
        Upsample, x, edge.size, (1 if edge.size[0] == 1 else int(rng.integers(1, 3)), int(rng.integers(1, 4)))
    )


def random_gated_network(rng):
    """Return a random network with products of branches, and samples of its input ``(count, *shape)``."""
    size = int(rng.integers(3, 7)), int(rng.integers(3, 7))
    b = ImageBuilder(_pick(rng, ACTIVATIONS), size, int(rng.integers(1, 4)), seed=int(rng.integers(1 << 30)))
    channels = int(rng.integers(2, 7))
    x = b.conv("input", channels, _pick(rng, WEIGHTS), _pick(rng, ACTIVATIONS), kernel=(3, 3), pads=(1, 1, 1, 1))
    for _ in range(int(rng.integers(1, 3))):
        kind = rng.choice(["squeeze", "mask", "gate"], p=[0.5, 0.25, 0.25])
        if kind == "squeeze":
            y = b.threshold(b.dense(b.average(x, Unsigned(4)), int(rng.integers(1, 4)), Signed(3)), Unsigned(2))
            y = b.threshold(b.dense(y, channels, Signed(3)), Unsigned(3))
        else:
            y = b.conv(x, 1 if kind == "mask" else channels, _pick(rng, WEIGHTS), _pick(rng, ACTIVATIONS))
        y = b.threshold(b.multiply(x, y) if rng.random() < 0.5 else b.multiply(y, x), _pick(rng, ACTIVATIONS))
        x = b.threshold(b.add(x, y), _pick(rng, ACTIVATIONS)) if rng.random() < 0.3 else y
    return b.done(b.conv(x, 2, _pick(rng, WEIGHTS), Unsigned(4))), b.samples


def legal_folding(rng, network):
    """Return any legal folding, small and large ones alike."""
    folding = {}
    for name, layer in layers_of(network).items():
        pe = int(_pick(rng, layer.pes()))
        folding[name] = LayerFolding(pe, int(_pick(rng, layer.simds(pe))))
    return Folding(folding)
