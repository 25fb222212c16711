"""A network of two layers, 6-4-3, that generates in a fraction of a second."""

import numpy as np
from onnx import TensorProto

from tests.support.graphs import Graph

SPEC = "uint5/16"  # what its first quantizer does to its input, as a declaration


def small(path, *, seed=1, batch="N", integers=False, outputs=1, bias=False, external=False, shape=(6,)):
    """Save the model at ``path``; ``integers`` gives it an input of uint8 in place of floats."""
    rng = np.random.default_rng(seed)
    graph = Graph([batch, *shape], elem_type=TensorProto.UINT8 if integers else TensorProto.FLOAT)
    t = graph.op("Cast", "input", to=TensorProto.FLOAT) if integers else "input"
    t = graph.quant(graph.op("Flatten", t), 1.0 if integers else 1 / 16, 0.0, 8 if integers else 5, 0)
    t = graph.op("MatMul", t, graph.quant(graph.const(rng.normal(0, 0.3, (6, 4))), 1 / 8, bits=4))
    hidden = graph.quant(graph.op("Relu", t), 1 / 8, bits=3, signed=0)
    t = graph.op("MatMul", hidden, graph.quant(graph.const(rng.normal(0, 0.3, (4, 3))), 1 / 8, bits=4))
    if bias:
        t = graph.op("Add", graph.op("Mul", t, [0.5, 1.5, 0.7]), [0.25, -1.0, 3.0])
    graph.end(*[t, hidden][:outputs])
    path.parent.mkdir(parents=True, exist_ok=True)
    return graph.save(path, external=external)


def samples(count=20, seed=2):
    """Return raw integers of `SPEC`, that is codes of the first quantizer; `/ 16` makes the model's floats."""
    return np.random.default_rng(seed).integers(0, 32, (count, 6))
