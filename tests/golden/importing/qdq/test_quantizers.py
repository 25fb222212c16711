"""QuantizeLinear and DequantizeLinear against onnxruntime without optimizations, and what stands between them."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.qdq.quantizers import LinearQuantizer, dequantized_constant
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Signed, Unsigned
from tests.support.qdq_models import QdqGraph, compared, reference

SHAPE = (6, 9, 9)


def saved(graph, scratch, x=None):
    return graph.finish(x).save(scratch / "model.onnx")


def samples(shape=SHAPE, count=4, seed=5):
    return np.random.default_rng(seed).normal(0, 2, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_codes_are_onnxruntimes_at_ties_and_ends(dtype, scratch):
    """The quantizer alone: multiples of half a step, both ends of the type, and infinities."""
    info = np.iinfo(dtype)
    for scale in (0.1, 0.25, 1 / 3, 3e-5, 7.0):
        zero = int(info.min // 2 + info.max // 2 + 1)
        x = (np.arange(-600, 600) * 0.5 * np.float32(scale)).astype(np.float32)[None]
        x = np.concatenate([x, np.float32([[info.max * scale * 2, info.min * scale * 2 - 1, np.inf, -np.inf]])], axis=1)
        graph = QdqGraph((x.shape[1],))
        y, *_ = graph.quantize(scale=scale, zero=zero, dtype=dtype)
        graph.add_output(y, None, None)
        wanted = reference(graph.model(), {"input": x}, [y])[y]
        fmt = (Unsigned if info.min == 0 else Signed)(info.bits)
        found = LinearQuantizer(np.float32(scale), np.float32(zero), fmt, fmt.lo, fmt.hi).codes(x)
        assert np.array_equal(found, wanted)


def test_constants_keep_their_codes():
    codes = np.array([[-128, 5], [127, 0]])
    constant = dequantized_constant(codes, np.float32([[0.1], [0.3]]), np.array([[3], [-1]]))
    assert constant.array.dtype == np.float32
    assert np.array_equal(constant.array, (codes - [[3], [-1]]).astype(np.float32) * np.float32([[0.1], [0.3]]))
    assert np.array_equal(constant.integers.codes, codes) and (constant.integers.zero == [[3, 3], [-1, -1]]).all()


def network_of_layers(graph, *, dtype, per_channel):
    """Add a convolution, a pool of integers, a depthwise convolution and a dense layer, as exporters write them."""
    axis = 0 if per_channel else None
    graph.pair(dtype=dtype, zero=7, scale=graph.scale(around=0.02))
    bias = graph.weights((8,), dtype=np.int32, axis=axis, around=1e-9)
    t = graph.op("Conv", graph.x, graph.weights((8, 6, 3, 3), axis=axis), bias, pads=[1] * 4)
    code, *parameters = graph.quantize(graph.op("Relu", t), dtype=dtype, zero=-3 if dtype == np.int8 else 4)
    code = graph.op("MaxPool", code, kernel_shape=[2, 2], strides=[2, 2])
    graph.x = graph.op("DequantizeLinear", code, *parameters)
    graph.x = graph.op("Conv", graph.x, graph.weights((8, 1, 3, 3), axis=axis), group=8, pads=[1] * 4)
    graph.pair(dtype=dtype, zero=1)
    graph.x = graph.op("Flatten", graph.x)
    graph.x = graph.op("MatMul", graph.x, graph.weights((128, 5), axis=1 if per_channel else None))
    graph.pair(dtype=dtype, zero=2)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_layers(dtype, per_channel, scratch):
    codes = differ = 0
    for seed in range(4):
        graph = QdqGraph(SHAPE, seed=seed)
        network_of_layers(graph, dtype=dtype, per_channel=per_channel)
        found = compared(saved(graph, scratch), samples(seed=seed))
        codes, differ = codes + found[0], differ + found[1]
    assert codes > 5000 and differ <= codes / 5000, (codes, differ)  # where onnxruntime's float sum rounds at a tie


def test_types_of_four_bits(scratch):
    """Weights of int4 and uint4 with zero points, and codes of four bits between layers."""
    graph = QdqGraph((12,))
    graph.pair(dtype=np.int8)
    codes = np.random.default_rng(2).integers(0, 16, (12, 7))
    import ml_dtypes

    weights = graph.const(codes, ml_dtypes.uint4)
    zero = graph.const(np.full(7, 5), ml_dtypes.uint4)
    graph.x = graph.op("MatMul", graph.x, graph.op("DequantizeLinear", weights, graph.scale(7), zero, axis=1))
    scale, none = graph.const(np.float32(0.3)), graph.const(np.asarray(0), ml_dtypes.int4)
    code = graph.op("QuantizeLinear", graph.x, scale, none)
    graph.x = graph.op("MatMul", graph.op("DequantizeLinear", code, scale, none), graph.weights((7, 3)))
    path, x = saved(graph, scratch), samples((12,), count=50)
    network = import_model(path)
    wanted = reference(graph.model(), {"input": x}, [graph.x])[graph.x]
    assert Signed(4) in {edge.format for edge in network.edges().values()}
    assert np.allclose(run(network, network.encode(x)).outputs[graph.x], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("lo", "hi", "bits"), [(-7, 7, 4), (0, 80, 7), (-100, -20, 8)])
def test_a_clip_of_codes_is_fewer_bits(lo, hi, bits, scratch):
    """Brevitas writes codes of fewer than 8 bits as a Clip between the two; the bounds may be any."""
    graph = QdqGraph((10,))
    for _ in range(2):
        code, *parameters = graph.quantize()
        code = graph.op("Clip", code, graph.const(np.int8(lo), np.int8), graph.const(np.int8(hi), np.int8))
        graph.x = graph.op("DequantizeLinear", code, *parameters)
        graph.x = graph.op("MatMul", graph.x, graph.weights((10, 10)))
    graph.pair()
    path = saved(graph, scratch)
    codes, differ = compared(path, samples((10,), count=100))
    assert codes == 100 * 10 * 3 and differ == 0
    network = import_model(path)
    assert network.inputs[0].format.bits == bits and [type(n) for n in network.nodes][::2] == [Dense] * 2


def test_scales_by_channel_of_data(scratch):
    """Scale and zero point by channel of an image, of which only one differs."""
    graph = QdqGraph(SHAPE)
    graph.pair(scale=graph.scale(6), zero=np.zeros(6), axis=1)
    weights = graph.weights((6, 1, 3, 3), axis=0)
    graph.x = graph.op("Conv", graph.x, weights, group=6)
    graph.pair(scale=np.full(6, 0.1), zero=np.arange(6), axis=1)
    codes, differ = compared(saved(graph, scratch), samples())
    assert codes > 2000 and differ <= 1


def test_integers_may_be_moved_and_bounded(scratch):
    """What stands between the two works on integers: Relu, Reshape, Transpose, Slice, Concat, Max."""
    graph = QdqGraph(SHAPE)
    code, *parameters = graph.quantize(zero=0)
    left = graph.op("Slice", code, *(graph.const(v, np.int64) for v in ([0], [3], [1])))
    right = graph.op("Slice", code, *(graph.const(v, np.int64) for v in ([3], [6], [1])))
    code = graph.op("Concat", right, graph.op("Relu", left), axis=1)
    code = graph.op("MaxPool", code, kernel_shape=[3, 3])
    code = graph.op("Reshape", code, graph.const([0, -1], np.int64))
    graph.x = graph.op("DequantizeLinear", code, *parameters)
    graph.x = graph.op("MatMul", graph.x, graph.weights((294, 4)))
    graph.pair()
    codes, differ = compared(saved(graph, scratch), samples())
    assert codes > 4 * 6 * 81 and differ == 0


def test_an_input_of_codes(scratch):
    """A model whose input is the integers themselves."""
    import onnx

    graph = QdqGraph((12,), elem_type=onnx.TensorProto.UINT8)
    graph.x = graph.op(
        "DequantizeLinear", "input", graph.const(np.float32(0.02)), graph.const(np.asarray(128), np.uint8)
    )
    graph.x = graph.op("MatMul", graph.x, graph.weights((12, 5)))
    graph.pair()
    x = np.random.default_rng(0).integers(0, 256, (200, 12)).astype(np.uint8)
    path = saved(graph, scratch)
    codes, differ = compared(path, x)
    assert import_model(path).inputs[0].format == Unsigned(8) and codes >= 1000 and differ == 0


def test_a_network_may_end_in_probabilities_or_codes(scratch):
    """Behind Softmax the host computes the pair, too; a model may end in integers."""
    graph = QdqGraph((12,))
    graph.pair()
    graph.x = graph.op("MatMul", graph.x, graph.weights((12, 5)))
    logits = graph.pair()
    graph.x = graph.op("Softmax", logits, axis=-1)
    graph.pair(scale=1 / 256, zero=-128)
    path, x = saved(graph, scratch), samples((12,), count=20)
    network = import_model(path)
    (y,) = run(network, network.encode(x)).outputs.values()
    wanted = reference(graph.model(), {"input": x}, [graph.x])[graph.x]
    assert np.abs(y - wanted).max() <= 1 / 256 and (y == wanted).mean() > 0.98  # of exp the last bit may differ


def test_readers_of_an_input_may_have_a_quantizer_each(scratch):
    """Those that are the same give the same codes, of a transposed input, too; others need a declaration."""
    for scale, same in ((0.05, True), (0.06, False)):
        graph = QdqGraph((8, 8))
        shifted = graph.op("Sub", "input", 0.25)
        a, b = graph.pair(shifted, scale=0.05, zero=3), graph.pair(shifted, scale=scale, zero=3)
        c = graph.pair(graph.op("Transpose", shifted, perm=[0, 2, 1]), scale=0.05, zero=3)
        c = graph.op("Transpose", graph.pair(graph.op("MatMul", c, graph.weights((8, 8)))), perm=[0, 2, 1])
        graph.x = graph.op("Add", graph.op("Add", a, graph.op("MatMul", b, graph.weights((8, 8)))), c)
        graph.pair()
        if same:
            codes, differ = compared(saved(graph, scratch), samples((8, 8), count=20))
            assert codes > 3 * 20 * 64 and differ == 0
        else:
            refused(graph, scratch, "input 'input' gets here without a quantizer", "--input uint8/255")


def refused(graph, scratch, *words, x=None):
    with pytest.raises(ModelError) as error:
        import_model(saved(graph, scratch, x))
    line = str(error.value)
    assert "\n" not in line and all(word in line for word in words), line


def test_scales_of_weights_may_be_negative_or_zero(scratch):
    graph = QdqGraph((12,))
    steps = graph.const([0.02, -0.03, 0.0, -0.01, 0.04])
    w = graph.op("DequantizeLinear", graph.const(graph.codes((12, 5), np.int8), np.int8), steps, axis=1)
    graph.pair(graph.op("MatMul", graph.pair(), w), scale=0.1)
    x = np.random.default_rng(3).normal(0, 2, (40, 12)).astype(np.float32)
    found = compared(graph.finish().save(scratch / "model.onnx"), x)
    assert found[1] == 0 and found[0] == 40 * 17


def test_what_is_refused(scratch):
    graph = QdqGraph((12,))
    code, *_ = graph.quantize()
    refused(graph, scratch, "MatMul", "int8", "DequantizeLinear", x=graph.op("MatMul", code, graph.weights((12, 5))))

    graph = QdqGraph((12,))
    code, _, zero = graph.quantize(scale=0.0)
    refused(graph, scratch, "QuantizeLinear", "positive", x=graph.op("DequantizeLinear", code, graph.const(1.0), zero))

    graph = QdqGraph((12,))
    dynamic = graph.op("Slice", "input", *(graph.const(v, np.int64) for v in ([0], [1], [1])))
    code = graph.op("QuantizeLinear", "input", graph.op("Reshape", dynamic, graph.const([1], np.int64)),
                    graph.const(np.int8([0]), np.int8))  # fmt: skip
    refused(graph, scratch, "QuantizeLinear", "sample", x=code)

    graph = QdqGraph(SHAPE)
    code, *_ = graph.quantize(scale=np.float32([0.1, 0.2]), zero=np.zeros(2))
    refused(graph, scratch, "axis 1", x=code)
