"""Models with non-uniform quantizers on a grid, for tests: dense ones and convolutions."""

import numpy as np

from fewbit.golden.model_file.domains import EXCHANGE
from tests.support.graphs import Graph

STEP = 1 / 64  # of all levels: sums of products are exact in float32


class LevelGraph(Graph):
    """`Graph` with the operators of the exchange domain."""

    def ours(self, kind, x, /, *operands, **attributes):
        return self.op(kind, x, *operands, domain=EXCHANGE, **attributes)

    def data(self, x, name):
        """Return ``x`` quantized by what ``ACTIVATIONS`` has of that name."""
        kind, operands, *attributes = ACTIVATIONS[name]
        return self.ours(kind, x, *operands, **dict(*attributes))


def grid(rng, shape, lo=1, hi=24):
    """Return positive numbers on the grid."""
    return (rng.integers(lo, hi, shape) * STEP).astype(np.float32)


def _levels(rng, shape, count):
    """Return rising levels on the grid."""
    rows = [np.sort(rng.choice(np.arange(-40, 41), count, replace=False)) for _ in range(int(np.prod(shape)))]
    return (np.reshape(rows, (*shape, count)) * STEP).astype(np.float32)


def _powers(rng, shape, count):
    """Return 0 and positive and negative powers of two, with one scale a channel."""
    half = (count - 1) // 2
    row = np.r_[-(2.0 ** np.arange(half)[::-1]), 0, 2.0 ** np.arange(half)]
    return (row * rng.integers(1, 4, (*shape, 1)) * STEP).astype(np.float32)


WEIGHTS = {  # name: (operator, operands for parameters of a shape)
    "lq2": ("BasisQuant", lambda rng, shape: [grid(rng, (*shape, 2))]),
    "lq3": ("BasisQuant", lambda rng, shape: [grid(rng, (*shape, 3))]),
    "ttq": ("TernaryQuant", lambda rng, shape: [grid(rng, shape), grid(rng, shape), grid(rng, shape)]),
    "cluster4": ("LevelQuant", lambda rng, shape: [_levels(rng, shape, 4)]),
    "cluster16": ("LevelQuant", lambda rng, shape: [_levels(rng, shape, 16)]),
    "power": ("LevelQuant", lambda rng, shape: [_powers(rng, shape, 9)]),
    "dorefa": ("BasisQuant", lambda rng, shape: [np.tile(np.float32([1, 2, 4]) * STEP, (*shape, 1))]),
}
ACTIVATIONS = {
    "lq2": ("BasisQuant", [np.float32([5, 13]) * STEP * 4]),
    "lq3": ("BasisQuant", [np.float32([5, 9, 6]) * STEP * 4]),
    "lq2 0/1": ("BasisQuant", [np.float32([5, 13]) * STEP * 4], {"digits": "binary"}),
    "lq3 0/1": ("BasisQuant", [np.float32([5, -9, 6]) * STEP * 4], {"digits": "binary"}),
    "ttq": ("TernaryQuant", [np.float32(0.5), np.float32(0.75), np.float32(0.5)]),
    "levels": ("LevelQuant", [np.float32([-1, 0, 0.25, 0.5, 2])]),
    "power": ("LevelQuant", [np.float32([0, 0.25, 0.5, 1, 2])]),
    "uniform": None,
}


def level_model(weights, activations, *, seed=0, per_channel=True, conv=False, hidden=9, inputs=20):
    """Return a model of two layers and an output of logits, weights quantized by `WEIGHTS`, data by `ACTIVATIONS`."""
    rng = np.random.default_rng(seed)
    kind, parameters = WEIGHTS[weights]
    shape = [1, 2, 6, 6] if conv else [1, inputs]
    g = LevelGraph(shape)

    def quantized(t):
        return g.quant(t, 0.25, bits=3) if ACTIVATIONS[activations] is None else g.data(t, activations)

    def layer(t, *size):
        lead = (size[0], *[1] * (len(size) - 1)) if len(size) > 2 else (1, size[1])
        lead = lead if per_channel else tuple(1 for _ in size)
        w = g.ours(kind, g.const(rng.normal(0, 0.3, size).astype(np.float32)), *parameters(rng, lead))
        if len(size) > 2:
            return g.op("Conv", t, w, kernel_shape=list(size[2:]), pads=[1, 1, 1, 1])
        return g.op("MatMul", t, w)

    t = quantized("input")
    if conv:
        t = quantized(layer(t, 4, 2, 3, 3))
        t = g.op("MaxPool", t, kernel_shape=[2, 2], strides=[2, 2])
        t = g.op("Flatten", t)
        t = layer(t, 36, 5)
    else:
        t = quantized(layer(t, inputs, hidden))
        t = layer(t, hidden, 5)
    return g.end(t)
