"""Models of several inputs: what is joined, how the inputs are declared, and floats for each of them."""

from dataclasses import dataclass

import numpy as np

from tests.support.graphs import Graph

__all__ = ["MODELS", "Several", "several"]


@dataclass
class Several:
    """A model with its declaration, and floats ``(N, *shape)`` by the inputs' names."""

    graph: Graph
    spec: str | None
    x: dict[str, np.ndarray]


def _weights(graph, rng, *shape, bits=3):
    return graph.quant(graph.const(rng.normal(0, 0.6, shape)), 0.25, bits=bits, narrow=1)


def _end(graph, rng, x, size, neurons=3):
    return graph.end(graph.op("MatMul", x, _weights(graph, rng, size, neurons)))


def image_and_features(rng, count):
    """An image through a convolution and a pool, features beside it: one is an image, the other a vector once a frame.

    They are declared, in different formats.
    """
    graph = Graph(("N", 2, 6, 5))
    graph.add_input("the features", ("N", 4))
    t = graph.op("Conv", "input", _weights(graph, rng, 3, 2, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    t = graph.quant(graph.op("Relu", t), 0.5, bits=3, signed=0)
    t = graph.op("Flatten", graph.op("MaxPool", t, kernel_shape=[2, 2], strides=[2, 2]))
    other = graph.quant("the features", 0.5, bits=3, signed=0)
    _end(graph, rng, graph.op("Concat", t, other, axis=1), 22)
    x = {
        "input": (rng.integers(0, 256, (count, 2, 6, 5)) / np.float32(255)).astype(np.float32),
        "the features": rng.integers(-4000, 4000, (count, 4)).astype(np.float32) / 1024,
    }
    return Several(graph, "input=uint8/255; the features=int16f10", x)


def codes_and_raw(rng, count):
    """One input whose first quantizer runs on the host, and one that is declared."""
    graph = Graph(("N", 5))
    graph.add_input("raw", ("N", 3))
    t = graph.op("MatMul", graph.quant("input", 0.25, bits=4), _weights(graph, rng, 5, 4))
    t = graph.quant(t, 0.5, bits=4)
    u = graph.quant(graph.op("MatMul", "raw", _weights(graph, rng, 3, 4)), 0.5, bits=4)
    _end(graph, rng, graph.quant(graph.op("Add", t, u), 0.5, bits=4), 4)
    x = {"input": rng.normal(0, 1, (count, 5)).astype(np.float32), "raw": rng.integers(-8, 8, (count, 3)) * 0.5}
    return Several(graph, "raw=int4/2", x | {"raw": x["raw"].astype(np.float32)})


def read_twice(rng, count):
    """Two inputs of which each is read twice, in another order each time."""
    graph = Graph(("N", 4))
    graph.add_input("b", ("N", 4))
    a, b = graph.quant("input", 0.5, bits=3), graph.quant("b", 0.25, bits=3)
    parts = [graph.op("Concat", *pair, axis=1) for pair in ((a, b), (b, a))]
    parts = [graph.quant(graph.op("MatMul", p, _weights(graph, rng, 8, 3)), 0.5, bits=3) for p in parts]
    _end(graph, rng, graph.op("Concat", *parts, axis=1), 6)
    return Several(graph, None, {name: rng.normal(0, 1, (count, 4)).astype(np.float32) for name in ("input", "b")})


def three(rng, count):
    """Three inputs of different sizes and bits, joined one after the other."""
    graph = Graph(("N", 6))
    graph.add_input("1:second", ("N", 9))
    graph.add_input("third", ("N", 2))
    a, b, c = (graph.quant(x, 0.5, bits=n) for x, n in (("input", 2), ("1:second", 4), ("third", 6)))
    t = graph.quant(graph.op("MatMul", graph.op("Concat", a, b, axis=1), _weights(graph, rng, 15, 4)), 1.0, bits=3)
    _end(graph, rng, graph.op("Concat", t, c, axis=1), 6)
    sizes = {"input": 6, "1:second": 9, "third": 2}
    return Several(graph, None, {name: rng.normal(0, 2, (count, n)).astype(np.float32) for name, n in sizes.items()})


def two_images(rng, count):
    """Two images that are added in front of a convolution, one of which is read by another one before."""
    graph = Graph(("N", 2, 4, 6))
    graph.add_input("mask", ("N", 2, 4, 6))
    a, b = graph.quant("input", 0.5, bits=3), graph.quant("mask", 0.5, bits=3)
    t = graph.quant(graph.op("Conv", a, _weights(graph, rng, 2, 2, 1, 1), kernel_shape=[1, 1]), 0.5, bits=3)
    t = graph.quant(graph.op("Add", t, graph.op("Add", a, b)), 0.5, bits=4)
    t = graph.quant(graph.op("Conv", t, _weights(graph, rng, 3, 2, 3, 3), kernel_shape=[3, 3]), 1.0, bits=3)
    _end(graph, rng, graph.op("Flatten", t), 24)
    return Several(graph, None, {n: rng.normal(0, 1, (count, 2, 4, 6)).astype(np.float32) for n in ("input", "mask")})


def floats(rng, count):
    """A model without quantizers."""
    graph = Graph(("N", 2, 3, 3))
    graph.add_input("v", ("N", 4))
    t = graph.op("Relu", graph.op("Conv", "input", graph.const(rng.normal(size=(2, 2, 2, 2))), kernel_shape=[2, 2]))
    t = graph.op("Concat", graph.op("Flatten", t), "v", axis=1)
    graph.end(graph.op("MatMul", t, graph.const(rng.normal(size=(12, 3)))))
    shapes = {"input": (2, 3, 3), "v": (4,)}
    return Several(graph, None, {n: rng.normal(0, 1, (count, *s)).astype(np.float32) for n, s in shapes.items()})


MODELS = {f.__name__: f for f in (image_and_features, codes_and_raw, read_twice, three, two_images, floats)}


def several(name, path, *, count=12, seed=1):
    """Save the model of that name at ``path``, and return its `Several`."""
    made = MODELS[name](np.random.default_rng(seed), count)
    made.graph.save(path)
    return made
