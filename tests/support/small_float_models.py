"""Small float models with samples whose labels are their own."""

import numpy as np
import onnxruntime

from fewbit.golden.model_file.file import INPUT_KEY
from tests.support.graphs import Graph


def dense(path, *, seed=3, count=120):
    """Save a model of three layers, 6-8-8-3, with batch norms, and ``samples.npz`` beside it: raw integers of
    ``uint5/16``."""
    rng = np.random.default_rng(seed)
    graph = Graph(["N", 6])
    t = graph.op("MatMul", "input", rng.normal(0, 0.6, (6, 8)))
    t = graph.op("BatchNormalization", t, *norm(rng, 8))
    t = graph.op("MatMul", graph.op("Relu", t), rng.normal(0, 0.5, (8, 8)))
    t = graph.op("Relu", graph.op("BatchNormalization", t, *norm(rng, 8)))
    graph.end(graph.op("Gemm", t, rng.normal(0, 0.5, (8, 3)), rng.normal(0, 0.3, 3)))
    return _saved(graph, path, rng.integers(0, 32, (count, 6)), centre="Gemm")


def convolutional(path, *, seed=4, count=24):
    """Save a model of two convolutions, a residual sum, pools of both kinds and a dense layer, for images of
    ``uint5/16``."""
    rng = np.random.default_rng(seed)
    g = Graph(["N", 2, 6, 6])
    t = g.op("Conv", "input", rng.normal(0, 0.4, (4, 2, 3, 3)), rng.normal(0, 0.2, 4), pads=[1] * 4)
    t = g.op("MaxPool", g.op("Relu", g.op("BatchNormalization", t, *norm(rng, 4))), kernel_shape=[2, 2], strides=[2, 2])
    branch = g.op("Conv", t, rng.normal(0, 0.4, (4, 4, 3, 3)), pads=[1] * 4)
    branch = g.op("BatchNormalization", branch, *norm(rng, 4))
    t = g.op("Flatten", g.op("GlobalAveragePool", g.op("Relu", g.op("Add", branch, t))))
    g.end(g.op("Gemm", t, rng.normal(0, 3, (3, 4)), np.zeros(3), transB=1))
    return _saved(g, path, rng.integers(0, 32, (count, 2, 6, 6)), centre="Gemm")


def norm(rng, width):
    """Return gamma, beta, mean and variance."""
    return (
        rng.uniform(0.5, 1.5, width),
        rng.normal(0, 0.3, width),
        rng.normal(0, 0.5, width),
        rng.uniform(0.5, 2, width),
    )


def _saved(graph, path, raw, centre=None):
    """Save model and samples; ``centre`` is the kind of the last layer, whose bias then evens the classes out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x = (raw / 16).astype(np.float32)

    def outputs():
        graph.save(path, **{INPUT_KEY: "uint5/16"})
        return onnxruntime.InferenceSession(path.read_bytes()).run(None, {"input": x})[0]

    y = outputs()
    if centre:
        bias = next(node for node in graph.nodes if node.op_type == centre).input[2]
        graph.constants[bias] = -y.mean(axis=0)
        y = outputs()
    np.savez(path.with_name("samples.npz"), x=raw, label=y.argmax(1))
    return path
