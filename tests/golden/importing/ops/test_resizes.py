"""Import of ``Resize`` against the qonnx executor: pixels repeated, picked one by one, and weighted sums of them."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import Upsample
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

IMAGES = np.random.default_rng(0).normal(0, 1, (4, 4, 5, 6)).astype(np.float32)


def resized(mode, scales, **attributes):
    graph = Graph([len(IMAGES), 4, 5, 6])
    t = graph.op("Resize", graph.quant("input", 0.25, bits=4), "", graph.const(scales), mode=mode, **attributes)
    w = graph.quant(graph.const(np.random.default_rng(1).normal(0, 1, (3, 4, 2, 2))), 0.25)
    return graph.end(graph.quant(graph.op("Conv", t, w), 1.93))


@pytest.mark.parametrize("transformation", ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"])
@pytest.mark.parametrize("scales", [[1, 1, 2, 3], [1, 1, 1.5, 0.5]])
def test_nearest(scales, transformation, scratch):
    graph = resized("nearest", scales, coordinate_transformation_mode=transformation)
    network = agree(graph, IMAGES, scratch / "m.onnx")
    kinds = {type(node) for node in network.nodes}
    assert kinds & {Upsample, Reorder}
    assert Upsample not in kinds or scales[2] == 2


@pytest.mark.parametrize("transformation", ["asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"])
@pytest.mark.parametrize("scales", [[1, 1, 2, 2], [1, 1, 3, 1], [1, 1, 0.5, 0.5]])
def test_linear(scales, transformation, scratch):
    agree(resized("linear", scales, coordinate_transformation_mode=transformation), IMAGES, scratch / "m.onnx")


def test_other_modes_are_refused(scratch):
    with pytest.raises(ModelError, match="only the modes nearest and linear are supported, not cubic"):
        import_model(resized("cubic", [1, 1, 2, 2]).save(scratch / "m.onnx"))
