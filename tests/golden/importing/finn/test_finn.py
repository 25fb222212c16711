"""Import of FINN-ONNX: thresholds, products of bits and channels that stand last, against the qonnx executor."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.execute import run
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Bipolar
from tests.support.executor import Executor
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

SEED = np.random.default_rng(0)
INPUTS = SEED.normal(0, 1, (40, 6)).astype(np.float32)
IMAGES = SEED.normal(0, 1, (8, 3, 6, 5)).astype(np.float32)
LAST = "qonnx.custom_op.channels_last"


def whole(*shape, most=7):
    return SEED.integers(-most, most + 1, shape).astype(np.float32)


def threshold(graph, x, rows, count, spread, **attributes):
    """Add a MultiThreshold whose thresholds are spread over the range of an accumulator, some of them equal."""
    table = np.sort(np.round(SEED.normal(0, spread, (rows, count)) * 2) / 2 + 0.0037, axis=1)
    return graph.op("MultiThreshold", x, table, domain=graph.domain, out_dtype="INT8", **attributes)


def same(graph, x, path, **shapes):
    """Import a graph, whose output must be the executor's; returns the network.

    The executor must be told the ``shapes`` of tensors by name that it cannot infer.
    """
    network, model = import_model(graph.save(path)), graph.model()
    model.graph.value_info.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items())
    for opset in model.opset_import:  # the executor takes the version of a domain for that of ONNX's operators
        opset.version = 13 if opset.domain == LAST else opset.version
    (want,) = Executor(model, x).outputs
    (got,) = run(network, network.encode(x)).outputs.values()
    assert got.shape == want.shape and len(np.unique(want)) > 9
    assert np.abs(got - want).max() <= 1e-6 * np.abs(want).max()
    return network


@pytest.mark.parametrize("domain", ["qonnx.custom_op.general", "finn.custom_op.general"])
@pytest.mark.parametrize(
    "scale, bias", [(1.0, 0.0), (1.0, -7.0), (2.0, -15.0), (0.5, 0.25), (0.1, -0.37), (-0.25, 1.0)]
)
def test_thresholds(domain, scale, bias, scratch):
    """One row, and a row a channel; output scales and biases; the input's own thresholds run on the host."""
    graph = Graph([len(INPUTS), 6], domain=domain)
    x = threshold(graph, "input", 1, 14, 1.0, out_scale=scale, out_bias=bias)
    x = threshold(graph, graph.op("MatMul", x, whole(6, 8)), 8, 15, 40.0 * abs(scale), out_scale=scale, out_bias=bias)
    network = same(graph.end(graph.op("Mul", graph.op("MatMul", x, whole(8, 5)), 0.013)), INPUTS, scratch / "m.onnx")
    assert [type(n).__name__ for n in network.nodes] == ["Dense", "Threshold", "Dense"]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", ""])
def test_layouts_of_images(layout, scratch):
    """Channels are the axis that the layout says, or the second one of an image without a layout."""
    graph = Graph([len(IMAGES), 3, 6, 5])
    last, first = {"perm": [0, 2, 3, 1]}, {"perm": [0, 3, 1, 2]}
    x = graph.op("Conv", threshold(graph, "input", 3, 7, 1.0), whole(4, 3, 3, 3))
    x = graph.op("Transpose", x, **last) if layout == "NHWC" else x
    x = threshold(graph, x, 4, 15, 60.0, **({"data_layout": layout} if layout else {}))
    x = graph.op("Transpose", x, **first) if layout == "NHWC" else x
    x = graph.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    same(graph.end(graph.op("Conv", x, whole(2, 4, 1, 1))), IMAGES, scratch / "m.onnx")


def test_signs_and_products_of_bits(scratch):
    """Thresholds of one bit that give -1 and 1, and 0 and 1 in front of XnorPopcountMatMul."""
    graph = Graph([len(INPUTS), 6])
    x = graph.op(
        "MatMul", threshold(graph, "input", 6, 1, 0.5, out_scale=2.0, out_bias=-1.0), np.sign(whole(6, 9) + 0.5)
    )
    x = threshold(graph, x, 9, 1, 2.0)
    x = graph.op("XnorPopcountMatMul", x, np.float32(whole(9, 5) > 0), domain=graph.domain)
    network = same(
        graph.end(graph.op("Add", graph.op("Mul", x, 0.7), np.linspace(-1, 1, 5))), INPUTS, scratch / "m.onnx"
    )
    assert network.inputs[0].format == Bipolar()
    assert sum(isinstance(n, Threshold) for n in network.nodes) == 1


def test_channels_last(scratch):
    """A convolution with padding, stride, groups and a bias, batch norm and a pool, all with channels last."""
    images = IMAGES[:1].transpose(0, 2, 3, 1)
    graph, shapes = Graph([1, 6, 5, 3]), {}

    def known(tensor, *shape):
        shapes[tensor] = shape
        return tensor

    def conv(x, size, kernels, *bias, **attributes):
        w = known(graph.quant(graph.const(kernels), 0.25), *kernels.shape)
        y = graph.op("Conv", x, w, *bias, domain=LAST, strides=[1, 1], dilations=[1, 1], **attributes)
        return known(y, 1, *size, len(kernels))

    x = known(graph.quant("input", 0.25), 1, 6, 5, 3)
    x = conv(x, (6, 4), SEED.normal(0, 1, (6, 3, 3, 1)), np.linspace(-1, 1, 6), kernel_shape=[3, 3], pads=[1, 1, 1, 0],
             group=3)  # fmt: skip
    numbers = [SEED.uniform(0.5, 1.5, 6) * s for s in (np.array([1, -1, 1, 1, -1, 1]), 0.3, 0.2, 1)]
    x = known(graph.op("BatchNormalization", x, *numbers, domain=LAST, epsilon=1e-5, momentum=0.9), 1, 6, 4, 6)
    x = known(graph.quant(known(graph.op("Relu", x), 1, 6, 4, 6), 0.25, signed=0), 1, 6, 4, 6)
    x = graph.op("MaxPool", x, domain=LAST, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    x = conv(known(x, 1, 3, 2, 6), (3, 2), SEED.normal(0, 1, (4, 1, 1, 6)), kernel_shape=[1, 1], pads=[0] * 4, group=1)
    del shapes[x]
    same(graph.end(x), images, scratch / "m.onnx", **shapes)


def test_errors(scratch):
    """Thresholds of other channels, and factors that are no bits, are refused in one line."""
    graph = Graph([1, 6])
    graph.end(threshold(graph, graph.op("MatMul", graph.quant("input", 0.25), whole(6, 5)), 4, 3, 1.0))
    with pytest.raises(ModelError, match=r"thresholds must be one row a channel, not of shape \(4, 3\)"):
        import_model(graph.save(scratch / "m.onnx"))
    graph = Graph([1, 6])
    graph.end(graph.op("XnorPopcountMatMul", threshold(graph, "input", 1, 1, 1.0), whole(6, 5), domain=graph.domain))
    with pytest.raises(ModelError, match="must be a matrix of zeros and ones"):
        import_model(graph.save(scratch / "m.onnx"))
