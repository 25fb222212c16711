"""Import of ``Max``, ``Min`` and ``Mean`` of several tensors, and of ``ArgMin``, against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (8, 3, 5, 4)).astype(np.float32)


def branches(graph, count, scale=0.625):
    """Return convolutions of the input, each behind a quantizer."""
    rng, x = np.random.default_rng(1), graph.quant("input", 0.25, bits=6)
    weights = [graph.quant(graph.const(rng.normal(0, 1, (4, 3, 2, 2))), 0.25) for _ in range(count)]
    return [graph.quant(graph.op("Conv", x, w), scale, bits=5) for w in weights]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ["Max", "Min", "Mean"])
def test_of_several_tensors(kind, count, scratch):
    graph = Graph([len(IMAGES), *IMAGES.shape[1:]])
    t = graph.quant(graph.op(kind, *branches(graph, count)), 0.7, bits=5)
    w = graph.quant(graph.const(np.random.default_rng(2).normal(0, 1, (3, 4, 2, 2))), 0.25)
    agree(graph.end(graph.op("Conv", t, w)), IMAGES, scratch / "m.onnx")


def test_the_place_of_the_least_is_the_hosts(scratch):
    graph = Graph([len(IMAGES), *IMAGES.shape[1:]])
    graph.add_output(graph.op("ArgMin", branches(graph, 1)[0], axis=1), dtype=np.int64)
    network = agree(graph, IMAGES, scratch / "m.onnx")
    assert [name for name, _ in network.outputs[0].closing] == ["ArgMin"]


def test_what_is_refused(scratch):
    graph = Graph([len(IMAGES), *IMAGES.shape[1:]])
    a, b = branches(graph, 2)
    graph.end(graph.op("Max", a, graph.op("GlobalMaxPool", b)))
    with pytest.raises(ModelError, match="Max.*would broadcast"):
        import_model(graph.save(scratch / "m.onnx"))
