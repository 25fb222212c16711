"""Random float32 convolutional models: those of `tests.support.conv_models` without quantizers."""

import numpy as np

from tests.support.conv_models import ENDS, ConvMaker
from tests.support.graphs import OPSETS, Case, Graph

BLOCKS = ("conv", "conv", "depthwise", "residual", "concat", "maxpool", "avgpool", "upsample", "pad", "slice",
          "shuffle")  # fmt: skip


def random_float_case(seed, *, samples=5, batch=None):
    """Return a random float32 model; ``batch`` 0 makes the batch axis symbolic."""
    rng = np.random.default_rng(seed)
    style = {
        "opset": int(rng.choice([n for n in OPSETS if n > 9])), "dyadic": False, "exporter": "keras", "input": "float",
        "signal": bool(rng.random() < 0.25), "layout": str(rng.choice(["NCHW", "NHWC"])),
        "before": str(rng.choice(["", "/255"])), "end": str(rng.choice(ENDS)),
        "blocks": [str(b) for b in rng.choice(BLOCKS, rng.integers(1, 5))],
    }  # fmt: skip
    size = (int(rng.integers(9, 17)),) if style["signal"] else tuple(int(n) for n in rng.integers(5, 9, 2))
    shape = (int(rng.integers(1, 4)), *size)
    dims = (*size, shape[0]) if style["layout"] == "NHWC" else shape
    graph = Graph([(samples if batch is None else batch) or "N", *dims], opset=style["opset"])
    maker = FloatMaker(graph, rng, style, shape)
    maker.start(None)
    for block in style["blocks"]:
        getattr(maker, block)()
    graph.end(*maker.ending(style["end"]))
    return Case(graph, None, rng.normal(0, 1, (samples, *dims)).astype(np.float32), style)


class FloatMaker(ConvMaker):
    """The same parts without quantizers; activations are ReLUs behind layers, as the baseline has them."""

    def quantize(self, *, sign=None, channels=False, scale=None, t=None):
        self.t = self.t if t is None else t
        return self.t

    def conv_weights(self, shape):
        return self.graph.const(self.rng.normal(0, 0.3, shape))

    def weights(self, k, n, axis):
        return self.graph.const(self.rng.normal(0, 0.3, (n, k) if axis == 0 else (k, n))), 0.3

    def bias_constant(self, n):
        return self.graph.const(self.rng.normal(0, 0.5, n))

    def activation(self, t):
        return self.graph.op("Relu", t)

    def residual(self):
        g, start, shape = self.graph, self.t, self.shape
        channels = int(self.rng.integers(1, 5))
        a = self.add_conv(channels, same=True)
        self.shape = shape
        b = self.add_conv(channels, same=True, kernel=[1] * self.rank, t=start)
        self.t = g.op("Add", a, b)
        if self.rng.random() < 0.6:
            self.t = g.op("Relu", self.t)

    def avgpool(self):
        """Add an average pool without padding, which would need another divisor at the border."""
        k = [min(2, n) for n in self.shape[1:]]
        self.t = self.graph.op("AveragePool", self.t, kernel_shape=k, strides=k)
        self.shape = (self.shape[0], *(n // a for n, a in zip(self.shape[1:], k, strict=True)))
