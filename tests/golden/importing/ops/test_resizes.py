"""Import of ``Resize`` against the qonnx executor: pixels repeated, picked one by one, and weighted sums of them."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.reorder import Reorder
from fewbit.golden.network.spatial import Upsample
from tests.support.executor import agree
from tests.support.graphs import Graph
from tests.support.qdq_models import QdqGraph, compared

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


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize(("transformation", "scale"), [("half_pixel", 2), ("half_pixel", 0.5), ("asymmetric", 4),
                                                       ("half_pixel", 1)])  # fmt: skip
def test_integers_lose_their_fraction(transformation, scale, dtype, scratch):
    """onnxruntime's QOperator models resize codes."""
    graph = QdqGraph((4, 6, 6))
    code, *parameters = graph.quantize(scale=0.05, zero=7, dtype=dtype)
    code = graph.op("Resize", code, "", graph.const([1, 1, scale, scale]), mode="linear",
                    coordinate_transformation_mode=transformation)  # fmt: skip
    graph.x = graph.op("Conv", graph.op("DequantizeLinear", code, *parameters), graph.weights((3, 4, 1, 1)))
    graph.pair()
    x = np.random.default_rng(0).normal(0, 4, (8, 4, 6, 6)).astype(np.float32)
    codes, differ = compared(graph.finish().save(scratch / "m.onnx"), x)
    assert codes > 8 * 4 * 36 and differ == 0


def test_integers_are_refused_where_a_float_sum_decides(scratch):
    graph = QdqGraph((4, 6, 6))
    code, *parameters = graph.quantize()
    code = graph.op("Resize", code, "", graph.const([1, 1, 3, 3]), mode="linear")
    graph.finish(graph.op("DequantizeLinear", code, *parameters)).save(scratch / "m.onnx")
    with pytest.raises(ModelError, match="put DequantizeLinear in front of it, and a quantizer behind it"):
        import_model(scratch / "m.onnx")


def test_other_modes_are_refused(scratch):
    with pytest.raises(ModelError, match="only the modes nearest and linear are supported, not cubic"):
        import_model(resized("cubic", [1, 1, 2, 2]).save(scratch / "m.onnx"))
