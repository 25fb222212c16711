"""Integer networks of random weights, made of golden nodes without a model file: what planning is measured on.

ResNet-8 and ResNet-20 of images of 32 by 32, ResNet-18 and ResNet-50 of 224 by 224 (He and others, CVPR 2016).
"""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge, Network, NetworkInput, Node, Output
from fewbit.golden.network.joins import Add
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Largest, Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.formats import Format, Signed, Unsigned
from fewbit.golden.rewrite.rescale import FEWEST_LEVELS

__all__ = ["BLOCKS", "IntegerNetwork", "integer_mlp", "integer_resnet"]

BLOCKS = {8: (1, 1, 1), 20: (3, 3, 3), 56: (9, 9, 9), 18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}  # of each stage, by depth
_BOTTLENECK = 4  # times the width of a block's convolutions, at depth 50
_SHIFT = 20  # of a multiplication that stands for thresholds


class IntegerNetwork:
    """A network under construction, behind the edge ``x``; weights are uniform over their format.

    Parameters
    ----------
    name : str
    shape : tuple of int
        Height, width and channels of the image, or the values of a vector.
    x_format : Format
    seed : int
    """

    def __init__(self, name: str, shape: tuple[int, ...], x_format: Format, *, seed: int = 1):
        self.rng = np.random.default_rng(seed)
        given = NetworkInput("image", shape, x_format, np.asarray, "codes", size=shape[:-1])
        self.nodes: list[Node] = []
        self.edges: dict[str, Edge] = {given.edge: given.out()}
        self.x = given.edge
        self.network = Network(name, (given,), self.nodes)

    @property
    def edge(self) -> Edge:
        """The edge behind which the network grows."""
        return self.edges[self.x]

    def then(self, kind: type[Node], *arguments: object) -> str:
        """Add a node of this kind, whose parameters behind its edges are ``arguments``."""
        number = len(self.nodes)
        node = kind(f"{kind.__name__.lower()}{number}", self.x, f"e{number}", *arguments)
        self.nodes.append(node)
        self.edges[node.y] = node.out(*(self.edges[x] for x in node.inputs))
        self.x = node.y
        return self.x

    def dense(self, neurons: int, weights: Format) -> str:
        """Add a dense layer."""
        return self.then(Dense, self.rng.integers(weights.lo, int(weights.hi) + 1, (neurons, self.edge.channels)))

    def conv(self, neurons: int, kernel: int, weights: Format, *, stride: int = 1) -> str:
        """Add a convolution that pads to keep the size."""
        if kernel > 1 or stride > 1:
            self.then(Windows, self._window(kernel, stride))
        return self.dense(neurons, weights)

    def max_pool(self, kernel: int, stride: int) -> str:
        """Add a max pool that pads by half of its kernel with the lowest value."""
        self.then(Windows, self._window(kernel, stride), int(self.edge.format.lo), self.edge.channels)
        return self.then(Largest, kernel * kernel)

    def average(self) -> str:
        """Add the sum over all pixels."""
        channels, pixels = self.edge.channels, self.edge.pixels
        self.then(Windows, Window(size=self.edge.size, kernel=self.edge.size), 0, channels)
        return self.then(Dense, np.ones((channels, pixels), dtype=np.int64), channels)

    def quantize(self, fmt: Format) -> str:
        """Add thresholds that spread an accumulator's middle over ``fmt``; where they are many, a multiplication."""
        channels, spread = self.edge.channels, np.maximum(self.edge.hi - self.edge.lo, 64) // 16
        jitter = self.rng.integers(-spread // 8, spread // 8 + 1)
        levels = int(fmt.hi - fmt.lo) + 1
        if levels >= FEWEST_LEVELS:
            multiplier = np.maximum(1, (levels << _SHIFT) // (2 * spread))
            addend = jitter * multiplier // 8 + (1 << _SHIFT - 1)
            return self.then(Rescale, multiplier, addend, _SHIFT, fmt)
        cuts = np.linspace(-1, 1, levels + 1)[1:-1] * spread[:, None] + jitter[:, None]
        return self.then(Threshold, np.sort(np.rint(cuts).astype(np.int64), axis=1).reshape(channels, -1), None, fmt)

    def add(self, other: str) -> str:
        """Add the sum with another edge."""
        return self.then(Add, (other,), np.ones((2, self.edge.channels), dtype=np.int64))

    def done(self) -> Network:
        """Return the network, with its last edge as the output."""
        self.network.outputs.append(Output("y", self.x, np.arange(self.edge.length)[None]))
        return self.network

    def _window(self, kernel: int, stride: int) -> Window:
        return Window(
            size=self.edge.size, kernel=(kernel, kernel), stride=(stride, stride), pads=(kernel // 2,) * 4
        )  # fmt: skip


def integer_resnet(
    depth: int, *, weight_bits: int = 4, bits: int = 4, size: int | None = None, width: int | None = None,
    classes: int | None = None, seed: int = 1,
) -> Network:  # fmt: skip
    """Return a residual network of integers, without a model file.

    Parameters
    ----------
    depth : int
        One of `BLOCKS`.
    weight_bits, bits : int
        Bits of weights, and of activations.
    size : int or None
        The pixels along each side of the image, of three channels of 8 bits; by default 224 at depths 18 and 50, else
        32.
    width, classes : int or None
        The channels of the first stage, of which each further one has twice as many, and the classes; by default 64 and
        1000 at depths 18 and 50, else 16 and 10.
    seed : int
    """
    large = depth in (18, 50)
    size, width = size or (224 if large else 32), width or (64 if large else 16)
    classes = classes or (1000 if large else 10)
    net = IntegerNetwork(f"resnet{depth}", (size, size, 3), Unsigned(8), seed=seed)
    weights, codes = Signed(weight_bits, True), Unsigned(bits)
    net.conv(width, 7 if large else 3, weights, stride=2 if large else 1)
    net.quantize(codes)
    if large:
        net.max_pool(3, 2)
    for stage, blocks in enumerate(BLOCKS[depth]):
        for block in range(blocks):
            _block(net, width << stage, 2 if stage and not block else 1, weights, bits, bottleneck=depth == 50)
    net.average()
    net.quantize(codes)
    net.dense(classes, weights)
    return net.done()


def _block(net: IntegerNetwork, width: int, stride: int, weights: Format, bits: int, *, bottleneck: bool) -> None:
    """Add a block of two convolutions, or of three with a wide end, beside which its input is added."""
    shortcut, end = net.x, width * _BOTTLENECK if bottleneck else width
    changes = stride > 1 or net.edge.channels != end
    if bottleneck:
        net.conv(width, 1, weights)
        net.quantize(Unsigned(bits))
    net.conv(width, 3, weights, stride=stride)
    net.quantize(Unsigned(bits))
    net.conv(end, 1 if bottleneck else 3, weights)
    branch = net.quantize(Signed(bits))
    if changes:
        net.x = shortcut
        net.conv(end, 1, weights, stride=stride)
        shortcut = net.quantize(Signed(bits))
    net.x = branch
    net.add(shortcut)
    net.quantize(Unsigned(bits))


def integer_mlp(
    x_format: Format, weights: Format, *, inputs: int = 16, layers: Sequence[int] = (64, 32, 32, 5), bits: int = 16,
    seed: int = 1,
) -> Network:  # fmt: skip
    """Return dense layers with activations of ``bits`` bits, by default of the sizes that classify jets."""
    net = IntegerNetwork("mlp", (inputs,), x_format, seed=seed)
    for neurons in layers[:-1]:
        net.dense(neurons, weights)
        net.quantize(Unsigned(bits))
    net.dense(layers[-1], weights)
    return net.done()
