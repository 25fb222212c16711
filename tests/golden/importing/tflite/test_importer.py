"""Models of TensorFlow Lite: every tensor of the network is the interpreter's, with its reference kernels."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.tensors import Closed, Constant
from fewbit.golden.importing.tflite.file import TfliteFile
from fewbit.golden.importing.tflite.importer import TfliteImporter, import_tflite
from fewbit.golden.importing.tflite.operands import KERNELS, kernel
from fewbit.golden.importing.tflite.sixteen_bits import logistic16, softmax16, tanh16
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.execute import output_of, run
from fewbit.golden.network.joins import Multiply
from fewbit.golden.network.pointwise import Rescale
from tests.support.tflite_models import Chain, TfliteBuilder, reference_tensors


def check(chain, samples=20):
    """Compare every tensor of every sample, before and after the network is made tidy; returns the tidy network."""
    content = chain.content()
    importer = TfliteImporter(TfliteFile(content), "model")
    importer.network("auto")
    most = 1 << 8 * np.dtype(chain.dtype).itemsize - 1
    x = chain.rng.integers(-most, most, (samples, *chain.shape(chain.model.inputs[0])[1:])).astype(chain.dtype)
    references = [reference_tensors(content, sample[None]) for sample in x]
    found = run(importer.result, x.astype(np.int64))
    compared = 0
    for number, value in importer.values.items():
        if isinstance(value, Constant | Closed) or value.chain:
            continue
        mine = found.edges[value.edge][:, value.index.reshape(-1)]
        theirs = np.array([reference[number].reshape(-1) for reference in references])
        assert np.array_equal(mine, theirs), chain.model.tensors[number].name
        if number not in chain.model.inputs:
            assert np.unique(mine, return_counts=True)[1].max() < 0.9 * mine.size, "most codes are one"
            compared += 1
    assert compared
    network = import_tflite(content, "model")
    theirs = np.array([reference[chain.x].reshape(-1) for reference in references])
    result = run(network, x.astype(np.int64))
    assert np.array_equal(next(iter(result.outputs.values())).reshape(samples, -1), theirs)
    return network


def check_two(chain, samples=20):
    """Compare the result of two inputs for samples that hold their ends, before and after the network is made tidy."""
    content, shape = chain.content(), chain.shape()
    x = chain.rng.integers(-(1 << 15), 1 << 15, (2, samples, *shape[1:])).astype(np.int16)
    x[:, :2] = chain.rng.choice([-(1 << 15), (1 << 15) - 1, 0, -1, 1], (2, 2, *shape[1:]))
    want = np.concatenate(
        [reference_tensors(content, *(part[None] for part in pair))[chain.x] for pair in zip(*x, strict=True)]
    )
    assert len(np.unique(want)) > want.size // 100
    for network in (TfliteImporter(TfliteFile(content), "model").network("auto"), import_tflite(content, "model")):
        found = run(network, network.together(list(x)).astype(np.int64))
        (values,) = found.outputs.values()
        assert np.array_equal(values.reshape(want.shape), want)
    return network


@pytest.mark.parametrize("act", [0, 1, 3], ids=["none", "relu", "relu6"])
@pytest.mark.parametrize("per_channel", [False, True])
def test_convolutions_and_dense(act, per_channel):
    chain = Chain((1, 7, 6, 3), seed=act)
    chain.conv(5, 3, act=act, per_channel=per_channel)
    chain.depthwise(3, 2, stride=2, act=act)
    chain.conv(4, 2, padding=1, act=act, per_channel=per_channel)
    flat = (1, int(np.prod(chain.shape())))
    chain.same("RESHAPE", flat, constants=[chain.model.tensor((2,), np.int32, data=flat)])
    chain.dense(6, per_channel=per_channel, act=act)
    network = check(chain)
    assert sum(isinstance(node, Rescale) for node in network.nodes) >= 3


@pytest.mark.parametrize("same", [True, False])
@pytest.mark.parametrize(
    ("kernel", "stride"), [((3, 3), (2, 2)), ((2, 2), (2, 2)), ((4, 3), (2, 1)), ((5, 2), (3, 3)), ((1, 3), (1, 1))]
)
def test_transposed_convolutions(kernel, stride, same):
    """With and without overlap, with pixels that no input reaches, and one behind the other."""
    chain = Chain((1, 4, 5, 3), seed=18)
    chain.transposed(6, kernel, stride=stride, same=same)
    chain.conv(4, 3)
    chain.transposed(3, kernel[::-1], stride=stride[::-1], same=same, bias=False, per_channel=False)
    check(chain, 6)


def test_a_transposed_convolution_of_sixteen_bits():
    chain = Chain((1, 4, 4, 3), seed=19, dtype=np.int16)
    chain.transposed(4, (3, 3))
    check(chain, 6)


@pytest.mark.parametrize("keeps", [True, False])
def test_dense_over_the_last_axis(keeps):
    """Of an image's pixels, and of the rows that a reshape makes of them."""
    chain = Chain((1, 3, 4, 5), seed=2)
    chain.conv(6, 2)
    chain.dense_of_rows(7, keeps=keeps)
    shape = (1, 3, 28)
    chain.same("RESHAPE", shape, constants=[chain.model.tensor((3,), np.int32, data=shape)])
    chain.dense_of_rows(4, keeps=keeps)
    check(chain)


def test_dilation_and_weights_of_four_bits():
    chain = Chain((1, 9, 9, 2), seed=3)
    chain.conv(4, 3, padding=1, dilation=2)
    chain.conv(5, 3, stride=2, bits=4)
    chain.dense(4, bits=4)
    check(chain)


@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("scales", [(1, 1, 1), (3.7, 1, 2.2), (0.0007, 1, 1.1)], ids=["equal", "near", "far"])
def test_sums_of_sixteen_bits(name, scales):
    """Of every code, at scales in any ratio."""
    chain = Chain((1, 8, 8, 4), seed=31, dtype=np.int16)
    left, right = chain.x, chain.tensor((1, 8, 8, 4), scales[1])
    chain.model.tensors[left].quantization.scale = [float(np.float32(scales[0]))]
    chain.model.inputs = [left, right]
    chain.then(name, (1, 8, 8, 4), inputs=[left, right], scale=scales[2], table=name.capitalize() + "Options",
               potScaleInt16=False)  # fmt: skip
    check_two(chain)


@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("powers", [(-3, -5, -3), (-9, -4, -4), (-2, -2, -2)])
def test_sums_of_sixteen_bits_at_powers_of_two(name, powers):
    """One operand is shifted with rounding, and the sum saturates."""
    chain = Chain((1, 8, 8, 4), seed=32, dtype=np.int16)
    left, right = chain.x, chain.tensor((1, 8, 8, 4), 2.0 ** powers[1])
    chain.model.tensors[left].quantization.scale = [2.0 ** powers[0]]
    chain.model.inputs = [left, right]
    chain.then(name, (1, 8, 8, 4), inputs=[left, right], scale=2.0 ** powers[2], table=name.capitalize() + "Options",
               potScaleInt16=True)  # fmt: skip
    check_two(chain)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
@pytest.mark.parametrize("scale", [2.0**-12, 2.0**-11, 0.0013, 0.00004, 0.4])
def test_functions_of_sixteen_bits(name, scale):
    """Every code, at powers of two and at other scales."""
    chain = Chain((1, 1 << 16), seed=33, dtype=np.int16)
    chain.model.tensors[chain.x].quantization.scale = [float(np.float32(scale))]
    given = chain.x
    chain.then(name, (1, 1 << 16), scale=2.0**-15, zero=0)
    content, x = chain.content(), np.arange(-(1 << 15), 1 << 15).astype(np.int16)[None]
    want = reference_tensors(content, x)[chain.x]
    scale = np.float32(chain.model.tensors[given].quantization.scale[0])
    function = {"LOGISTIC": logistic16, "TANH": tanh16}[name]
    assert np.array_equal(function(x, scale), want)
    small = Chain((1, 6), seed=34, dtype=np.int16)
    small.model.tensors[small.x].quantization.scale = [float(scale)]
    small.then(name, (1, 6), scale=2.0**-15, zero=0)
    check(small)


def test_activations_of_sixteen_bits():
    chain = Chain((1, 5, 5, 3), seed=4, dtype=np.int16)
    chain.conv(4, 3)
    chain.depthwise(3)
    chain.conv(3, 1)
    check(chain)


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize(("name", "table"), [("ADD", "AddOptions"), ("SUB", "SubOptions")])
def test_branches(name, table, dtype):
    chain = Chain((1, 4, 5, 3), seed=5, dtype=dtype)
    start = chain.x
    left = chain.conv(4, 3)
    chain.x = start
    right = chain.conv(4, 1, act=1)
    scale = max(chain.quantization(left)[0], chain.quantization(right)[0])
    chain.then(name, chain.shape(), inputs=[left, right], scale=scale, table=table, fusedActivationFunction=0)
    chain.conv(3, 3)
    check(chain)


@pytest.mark.parametrize("act", [0, 1], ids=["none", "relu"])
@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_products_of_branches(act, dtype):
    chain = Chain((1, 4, 5, 3), seed=15, dtype=dtype)
    start = chain.x
    left = chain.conv(4, 3)
    chain.x = start
    right = chain.conv(4, 1)
    scale = chain.quantization(left)[0] * chain.quantization(right)[0] * 25
    chain.then("MUL", chain.shape(), inputs=[left, right], scale=scale, table="MulOptions", fusedActivationFunction=act)
    chain.conv(3, 3)
    network = check(chain)
    assert [node.zeros.shape for node in network.nodes if isinstance(node, Multiply)] == [(2, 4)]


@pytest.mark.parametrize("keep", [True, False], ids=["keepdims", "flat"])
def test_squeeze_and_excite(keep):
    """As in MobileNetV3: mean, two pointwise layers, a sigmoid, and its product with the feature map."""
    chain = Chain((1, 6, 5, 3), seed=16)
    x = chain.conv(4, 3, act=1)
    axes = chain.model.tensor((2,), np.int32, data=[1, 2])
    shape, scale = (1, 1, 1, 4) if keep else (1, 4), chain.quantization()[0] * 0.3
    chain.then("MEAN", shape, scale=scale, constants=[axes], table="ReducerOptions", keepDims=keep)
    if keep:
        chain.conv(3, 1, act=1)
        chain.conv(4, 1)
    else:
        chain.dense(3, act=1)
        chain.dense(4)
    gate = chain.then("LOGISTIC", shape, scale=1 / 256, zero=-128)
    scale = chain.quantization(x)[0] * 0.7
    shape = chain.shape(x)
    chain.then("MUL", shape, inputs=[x, gate], scale=scale, table="MulOptions", fusedActivationFunction=0)
    chain.conv(3, 3)
    check(chain)


@pytest.mark.parametrize(("name", "table"), [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")])
@pytest.mark.parametrize("shape", [(1, 1, 1, 4), (1, 4, 5, 1), (1, 1, 5, 4)], ids=["pixel", "mask", "row"])
def test_what_broadcasts(name, table, shape):
    chain = Chain((1, 4, 5, 3), seed=17)
    start = chain.x
    left = chain.conv(4, 3)
    if shape == (1, 4, 5, 1):
        chain.x = start
        right = chain.conv(1, 3)
    else:
        size = dict(filterHeight=4, filterWidth=1 if shape[2] == 5 else 5)
        right = chain.same("MAX_POOL_2D", shape, padding=1, table="Pool2DOptions", strideH=1, strideW=1, **size)
    scales = chain.quantization(left)[0], chain.quantization(right)[0]
    scale = scales[0] * scales[1] * 40 if name == "MUL" else max(scales) * 1.5
    chain.then(name, (1, 4, 5, 4), inputs=[right, left], scale=scale, table=table, fusedActivationFunction=0)
    chain.conv(3, 3)
    check(chain)


@pytest.mark.parametrize("by_channel", [False, True])
@pytest.mark.parametrize(("name", "table"), [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")])
def test_a_constant_beside_data(name, table, by_channel):
    chain = Chain((1, 4, 5, 3), seed=6)
    chain.conv(4, 3)
    shape = (4,) if by_channel else (1,)
    other = chain.model.tensor(shape, np.int8, scale=0.05, zero=3, data=chain.rng.integers(-90, 90, shape))
    scale = chain.quantization()[0] * (2 if name != "MUL" else 4)
    chain.then(name, chain.shape(), inputs=[chain.x, other], scale=scale, table=table, fusedActivationFunction=0)
    check(chain)


def test_pools_means_and_padding():
    chain = Chain((1, 8, 8, 3), seed=7)
    chain.same(
        "PAD", (1, 10, 11, 3), constants=[chain.model.tensor((4, 2), np.int32, data=[[0, 0], [1, 1], [1, 2], [0, 0]])]
    )
    chain.conv(4, 3, padding=1)
    size = dict(table="Pool2DOptions", strideH=1, strideW=1, filterHeight=2, filterWidth=3)
    chain.same("MAX_POOL_2D", (1, 8, 9, 4), padding=0, **size)
    chain.same("AVERAGE_POOL_2D", (1, 8, 9, 4), padding=0, **size)
    chain.same("AVERAGE_POOL_2D", (1, 7, 7, 4), padding=1, **size)
    scale = chain.quantization()[0] * 0.4
    axes = chain.model.tensor((2,), np.int32, data=[1, 2])
    chain.then("MEAN", (1, 4), scale=scale, constants=[axes], table="ReducerOptions", keepDims=False)
    check(chain)


def test_functions_of_one_code():
    chain = Chain((1, 6, 6, 4), seed=8)
    chain.conv(6, 3)
    shape = chain.shape()
    scale = chain.quantization()[0]
    chain.then("QUANTIZE", shape, scale=scale * 1.3)
    chain.then("LEAKY_RELU", shape, scale=scale * 1.2, table="LeakyReluOptions", alpha=0.3)
    chain.then("HARD_SWISH", shape, scale=scale, zero=-20, table="HardSwishOptions")
    chain.then("LOGISTIC", shape, scale=1 / 256, zero=-128)
    chain.then("QUANTIZE", shape, scale=0.02, zero=-20)
    chain.then("TANH", shape, scale=1 / 128, zero=0)
    check(chain)


@pytest.mark.parametrize("name", ["MEAN", "REDUCE_MAX"])
@pytest.mark.parametrize(("axes", "keep"), [([1], False), ([2], True), ([2, 3], False), ([3], True), ([1, 2], True)])
def test_what_reduces_axes(name, axes, keep):
    chain = Chain((1, 4, 5, 3), seed=41)
    chain.conv(6, 3)
    shape = tuple(1 if k in axes else n for k, n in enumerate(chain.shape()) if keep or k not in axes)
    given = chain.model.tensor((len(axes),), np.int32, data=axes)
    scale, zero = chain.quantization()
    if name == "MEAN":
        scale, zero = scale * 0.7 / np.prod([chain.shape()[a] for a in axes]) ** 0.5, None
    chain.then(name, shape, scale=scale, zero=zero, constants=[given], table="ReducerOptions", keepDims=keep)
    check(chain)


@pytest.mark.parametrize("name", ["RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "PRELU", "ABS",
                                  "QUANTIZE", "LOG"])  # fmt: skip
@pytest.mark.parametrize("seed", range(5))
def test_every_code_where_many_are_ties(name, seed):
    """The quotient of both scales is nearly one of small integers, so that how it is rounded decides."""
    rng = np.random.default_rng([seed, 60])
    chain = Chain((1, 256), seed=seed)
    scale = np.float32(rng.uniform(0.003, 0.1))
    chain.model.tensors[chain.x].quantization.scale = [float(scale)]
    more = {"LEAKY_RELU": {"table": "LeakyReluOptions", "alpha": 0.3}}.get(name, {})
    if name == "PRELU":
        slope = chain.model.tensor((1,), np.int8, scale=0.1, zero=0, data=[int(rng.integers(1, 50))])
        more["constants"] = [slope]
    out = float(np.float32(scale * rng.choice([2, 4, 8]) / rng.integers(3, 40))) if name != "LOG" else 0.03
    chain.then(name, (1, 256), scale=out, **more)
    content, x = chain.content(), np.arange(-128, 128).astype(np.int8)[None]
    want = reference_tensors(content, x)[chain.x].reshape(-1)
    found = run(import_tflite(content, "m"), x.astype(np.int64))
    assert np.array_equal(next(iter(found.outputs.values())).reshape(-1), want)


@pytest.mark.parametrize(("axes", "keep"), [([1], False), ([2, 3], False), ([3], True), ([1, 2], True)])
@pytest.mark.parametrize("seed", range(3))
def test_sums_of_axes_are_the_default_kernels(axes, keep, seed):
    chain = Chain((1, 4, 5, 6), seed=70 + seed)
    shape = tuple(1 if k in axes else n for k, n in enumerate(chain.shape()) if keep or k not in axes)
    given, scale = chain.model.tensor((len(axes),), np.int32, data=axes), chain.quantization()[0]
    scale = float(np.float32(scale * np.prod([chain.shape()[a] for a in axes]) ** 0.5 * 2))
    chain.then("SUM", shape, scale=scale, constants=[given], table="ReducerOptions", keepDims=keep)
    content, x = chain.content(), chain.rng.integers(-128, 128, (20, 4, 5, 6)).astype(np.int8)
    want = np.concatenate([reference_tensors(content, one[None], reference=False)[chain.x].reshape(1, -1) for one in x])
    (found,) = run(import_tflite(content, "m"), x.astype(np.int64)).outputs.values()
    assert np.array_equal(found.reshape(want.shape), want) and len(np.unique(want)) > 20


def test_sums_in_the_outputs_scale_are_refused():
    chain = Chain((1, 4, 5, 6))
    chain.same("SUM", (1, 4, 5), constants=[chain.model.tensor((1,), np.int32, data=[3])], table="ReducerOptions")
    refused(chain, r"operator 0 \(SUM\): .*use MEAN")


@pytest.mark.parametrize("name", ["MAXIMUM", "MINIMUM"])
def test_the_larger_of_two_tensors(name):
    chain = Chain((1, 4, 5, 3), seed=46)
    start, first = chain.x, chain.conv(4, 3)
    scale, zero = chain.quantization()
    chain.x = start
    chain.conv(4, 1)
    second = chain.then("QUANTIZE", chain.shape(), scale=scale, zero=zero)
    chain.same(name, chain.shape(), inputs=[first, second], table="MaximumMinimumOptions")
    chain.conv(3, 3)
    check(chain)


def test_least_values_copies_and_reversed_axes():
    chain = Chain((1, 4, 6, 3), seed=47)
    chain.conv(6, 3)
    numbers = [chain.model.tensor((len(data),), np.int32, data=data) for data in ([1, 2, 1, 1], [1, 2], [2])]
    chain.same("TILE", (1, 8, 6, 6), constants=numbers[:1])
    chain.same("REVERSE_V2", (1, 8, 6, 6), constants=numbers[1:2])
    chain.conv(5, 3)
    chain.same("REDUCE_MIN", (1, 8, 5), constants=numbers[2:], table="ReducerOptions", keepDims=False)
    check(chain)


@pytest.mark.parametrize("shared", [False, True])
def test_slopes_below_zero_and_limits(shared):
    chain = Chain((1, 5, 4, 3), seed=42)
    chain.conv(6, 3)
    shape, (scale, _) = chain.shape(), chain.quantization()
    slopes = (1, 1, 1 if shared else 6)
    slope = chain.model.tensor(slopes, np.int8, scale=0.01, zero=-20, data=chain.rng.integers(-20, 100, slopes))
    chain.then("PRELU", shape, constants=[slope], scale=scale * 1.1)
    scale, zero = chain.quantization()
    least = chain.model.tensor((6,), np.int8, scale=scale, zero=zero, data=chain.rng.integers(-100, -60, 6))
    chain.same("MAXIMUM", shape, constants=[least], table="MaximumMinimumOptions")
    most = chain.model.tensor((1,), np.int8, scale=scale, zero=zero, data=[70])
    chain.same("MINIMUM", shape, constants=[most], table="MaximumMinimumOptions")
    check(chain)


@pytest.mark.parametrize("name", ["ELU", "EXP", "GELU"])
@pytest.mark.parametrize("seed", range(4))
def test_functions_kept_as_tables(name, seed):
    """Every code."""
    chain = Chain((1, 256), seed=43 + seed)
    chain.then(name, (1, 256), **({"table": "GeluOptions", "approximate": bool(seed % 2)} if name == "GELU" else {}))
    content, x = chain.content(), np.arange(-128, 128).astype(np.int8)[None]
    want = reference_tensors(content, x, reference=name != "ELU")[chain.x].reshape(-1)  # there is none of ELU
    network = import_tflite(content, "m")
    assert np.array_equal(next(iter(run(network, x.astype(np.int64)).outputs.values())).reshape(-1), want)
    assert len(np.unique(want)) > 20


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
@pytest.mark.parametrize("options", [{}, {"halfPixelCenters": True}, {"alignCorners": True}], ids=str)
@pytest.mark.parametrize("size", [(6, 8), (5, 9), (3, 8), (2, 3)], ids=str)
def test_images_between_pixels(size, options, dtype):
    """By whole factors and by others, larger and smaller."""
    chain = Chain((1, 3, 4, 3), seed=44, dtype=dtype)
    chain.conv(4, 3)
    given = chain.model.tensor((2,), np.int32, data=size)
    chain.same("RESIZE_BILINEAR", (1, *size, 4), constants=[given], table="ResizeBilinearOptions", **options)
    chain.conv(3, 3)
    check(chain, 5)


def test_pools_means_and_padding_of_sixteen_bits():
    chain = Chain((1, 8, 8, 3), seed=45, dtype=np.int16)
    pads = chain.model.tensor((4, 2), np.int32, data=[[0, 0], [1, 1], [1, 2], [0, 0]])
    chain.same("PAD", (1, 10, 11, 3), constants=[pads])
    chain.conv(4, 3, padding=1)
    size = dict(table="Pool2DOptions", strideH=1, strideW=1, filterHeight=2, filterWidth=3)
    chain.same("MAX_POOL_2D", (1, 8, 9, 4), padding=0, **size)
    chain.same("AVERAGE_POOL_2D", (1, 7, 7, 4), padding=1, **size)
    other = chain.model.tensor((4,), np.int16, scale=0.0003, zero=0, data=chain.rng.integers(-9000, 9000, 4))
    chain.then("MUL", chain.shape(), constants=[other], table="MulOptions")
    chain.then("LEAKY_RELU", chain.shape(), table="LeakyReluOptions", alpha=0.3)
    axes = chain.model.tensor((2,), np.int32, data=[1, 2])
    chain.then(
        "MEAN", (1, 4), scale=chain.quantization()[0] * 0.4, constants=[axes], table="ReducerOptions", keepDims=False
    )
    check(chain, 6)


def test_channels_side_by_side_and_enlarged():
    chain = Chain((1, 3, 4, 3), seed=9)
    start = chain.x
    left = chain.conv(4, 3)
    scale, zero = chain.quantization()
    chain.x = start
    chain.conv(2, 1)
    right = chain.then("QUANTIZE", chain.shape(), scale=scale, zero=zero)
    chain.then("CONCATENATION", (1, 3, 4, 6), inputs=[left, right], scale=scale, zero=zero,
               table="ConcatenationOptions", axis=3)  # fmt: skip
    size = chain.model.tensor((2,), np.int32, data=[6, 12])
    chain.same("RESIZE_NEAREST_NEIGHBOR", (1, 6, 12, 6), constants=[size], table="ResizeNearestNeighborOptions")
    chain.conv(3, 3)
    check(chain)


@pytest.mark.parametrize(("size", "options"), [((5, 7), {}), ((2, 2), {}), ((5, 6), {"halfPixelCenters": True}),
                                               ((7, 5), {"alignCorners": True})])  # fmt: skip
def test_images_of_any_size_and_rows_behind_rows(size, options):
    """Pixels that are picked one by one, and images below one another."""
    chain = Chain((1, 3, 4, 2), seed=10)
    start = chain.conv(4, 3)
    scale, zero = chain.quantization()
    given = chain.model.tensor((2,), np.int32, data=size)
    chain.same("RESIZE_NEAREST_NEIGHBOR", (1, *size, 4), constants=[given], table="ResizeNearestNeighborOptions",
               **options)  # fmt: skip
    end = chain.conv(4, 3)
    right = chain.then("QUANTIZE", chain.shape(), scale=scale, zero=zero)
    chain.x = start
    given = chain.model.tensor((2,), np.int32, data=(3, size[1]))
    left = chain.same("RESIZE_NEAREST_NEIGHBOR", (1, 3, size[1], 4), constants=[given],
                      table="ResizeNearestNeighborOptions")  # fmt: skip
    chain.then("CONCATENATION", (1, 3 + size[0], size[1], 4), inputs=[left, right], scale=scale, zero=zero,
               table="ConcatenationOptions", axis=1)  # fmt: skip
    chain.conv(3, 3)
    check(chain)
    assert end != start


def test_what_picks_and_moves_codes():
    chain = Chain((1, 4, 6, 2), seed=12)
    chain.conv(6, 3)
    scale, zero = chain.quantization()
    pads = chain.model.tensor((4, 2), np.int32, data=[[0, 0], [1, 1], [2, 0], [0, 0]])
    chain.same("MIRROR_PAD", (1, 6, 8, 6), constants=[pads], table="MirrorPadOptions", mode=0)
    chain.same("SPACE_TO_DEPTH", (1, 3, 4, 24), table="SpaceToDepthOptions", blockSize=2)
    places = chain.model.tensor((16,), np.int32, data=chain.rng.permutation(24)[:16])
    chain.same("GATHER", (1, 3, 4, 16), constants=[places], table="GatherOptions", axis=3)
    chain.conv(8, 1)
    scale, zero = chain.quantization()
    chain.same("DEPTH_TO_SPACE", (1, 6, 8, 2), table="DepthToSpaceOptions", blockSize=2)
    numbers = [chain.model.tensor((n,), np.int32, data=data) for n, data in ((2, [2, 4]), (1, [1]))]
    parts = [chain.tensor((1, height, 8, 2), scale, zero) for height in (2, 4)]
    chain.model.operator("SPLIT_V", [chain.x, *numbers], parts, table="SplitVOptions", numSplits=2)
    rows = [chain.tensor((1, 8, 2), scale, zero) for _ in range(2)]
    chain.model.operator("UNPACK", [parts[0]], rows, table="UnpackOptions", num=2, axis=1)
    chain.then(
        "PACK", (1, 8, 2, 2), inputs=rows[::-1], scale=scale, zero=zero, table="PackOptions", valuesCount=2, axis=2
    )
    chain.conv(3, 3)
    check(chain)


def test_softmax_and_argmax(tmp_path):
    chain = Chain((1, 12), seed=10)
    chain.dense(10)
    logits = chain.x
    chain.then("SOFTMAX", (1, 10), scale=1 / 256, zero=-128, table="SoftmaxOptions", beta=1.0)
    network = check(chain)
    x = chain.rng.integers(-128, 128, (50, 12)).astype(np.int8)
    result = run(network, x.astype(np.int64))
    want = np.array([reference_tensors(chain.content(), sample[None])[logits].reshape(-1) for sample in x])
    assert np.array_equal(result.edges[network.outputs[0].edge], want)
    assert np.array_equal(output_of(network.outputs[0], want[:, None]).argmax(1), result.labels)
    (tmp_path / "m.tflite").write_bytes(chain.content())
    label = import_model(tmp_path / "m.tflite", output="label")
    assert np.array_equal(run(label, x.astype(np.int64)).labels, want.argmax(1))


@pytest.mark.parametrize("scale", [0.0001, 0.0004, 0.003, 2.0**-11])
@pytest.mark.parametrize("classes", [2, 10, 300])
def test_softmax_of_sixteen_bits(scale, classes):
    model = TfliteBuilder()
    x = model.tensor((1, classes), np.int16, scale=scale)
    y = model.tensor((1, classes), np.int16, scale=2.0**-15)
    model.operator("SOFTMAX", [x], [y], table="SoftmaxOptions", beta=1.0)
    model.inputs, model.outputs = [x], [y]
    rng = np.random.default_rng(classes)
    spread = np.exp(rng.uniform(0, np.log(1 << 15), (60, 1)))
    codes = np.clip(np.rint(rng.normal(0, 1, (60, classes)) * spread), -(1 << 15), (1 << 15) - 1).astype(np.int16)
    want = np.concatenate([reference_tensors(model.content(), row[None])[y] for row in codes])
    assert np.array_equal(softmax16(codes, 1.0, scale), want)


def test_a_classifier_of_sixteen_bits_ends_in_softmax():
    chain = Chain((1, 12), seed=14, dtype=np.int16)
    chain.dense(10)
    chain.then("SOFTMAX", (1, 10), scale=2.0**-15, zero=0, table="SoftmaxOptions", beta=1.0)
    check(chain)


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("axis", [3, -1, 1])
def test_a_label_of_every_pixel(axis, name):
    chain = Chain((1, 4, 5, 3), seed=13)
    chain.conv(6, 3)
    given = chain.model.tensor((1,), np.int32, data=[axis])
    label = chain.model.tensor((1, 5, 6) if axis == 1 else (1, 4, 5), np.int64)
    table = name.title().replace("_", "") + "Options"
    chain.model.operator(name, [chain.x, given], [label], table=table, outputType=4)
    chain.x = label
    content = chain.content()
    network = import_tflite(content, "m")
    x = chain.rng.integers(-128, 128, (20, 4, 5, 3)).astype(np.int8)
    want = np.concatenate([reference_tensors(content, sample[None])[label] for sample in x])
    (found,) = run(network, x.astype(np.int64)).outputs.values()
    assert np.array_equal(found, want) and len(np.unique(want)) > 3
    assert isinstance(network.nodes[-1], ArgMax) == (axis != 1 and name == "ARG_MAX"), "hardware finds a pixel's label"


def test_floats_outside_become_codes_on_the_host():
    chain = Chain((1, 12), seed=11)
    codes = chain.x
    floats = chain.model.tensor((1, 12), np.float32)
    chain.model.operator("QUANTIZE", [floats], [codes])
    chain.model.inputs = [floats]
    chain.dense(5)
    end = chain.model.tensor((1, 5), np.float32)
    chain.model.operator("DEQUANTIZE", [chain.x], [end])
    chain.x = end
    content = chain.content()
    network = TfliteImporter(TfliteFile(content), "m").network("auto")
    x = chain.rng.normal(0, 2, (30, 12)).astype(np.float32)
    want = np.array([reference_tensors(content, sample[None])[end].reshape(-1) for sample in x])
    assert np.array_equal(run(network, network.encode(x)).outputs[network.outputs[0].name], want)


def refused(chain, match):
    with pytest.raises(ModelError, match=match):
        TfliteImporter(TfliteFile(chain.content()), "m").network("auto")


def test_what_cannot_be_is_named():
    chain = Chain((1, 4, 4, 2))
    chain.then("L2_NORMALIZATION", chain.shape(), table="L2NormOptions")
    refused(chain, r"operator 0 \(L2_NORMALIZATION\): operation L2_NORMALIZATION is not supported")
    chain = Chain((1, 4), dtype=np.int16)
    chain.model.tensors[chain.x].quantization.scale = [6.0]
    chain.then("TANH", (1, 4), scale=2.0**-15)
    refused(chain, r"TANH of int16 is not defined for scales above 5\.33")
    floats = TfliteBuilder()
    floats.inputs, floats.outputs = [floats.tensor((1, 4), np.float32)], [floats.tensor((1, 4), np.float32)]
    floats.operator("RELU", floats.inputs, floats.outputs)
    with pytest.raises(ModelError, match="full integer quantization"):
        TfliteImporter(TfliteFile(floats.content()), "m").network("auto")
    with pytest.raises(ModelError, match="not a TensorFlow Lite file"):
        TfliteFile(b"abcdefgh" * 9)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_files_are_refused(seed, tmp_path):
    """A file with bytes that are wrong gives one line, or a network; never anything else."""
    chain = Chain((1, 5, 5, 2), seed=1)
    chain.conv(3, 3)
    content, rng = bytearray(chain.content()), np.random.default_rng(seed)
    for at in rng.integers(8, len(content), int(rng.integers(1, 20))):
        content[at] = rng.integers(256)
    (tmp_path / "m.tflite").write_bytes(content[: int(rng.integers(len(content) // 2, len(content) + 1))])
    try:
        import_model(tmp_path / "m.tflite")
    except ModelError as error:
        assert "\n" not in str(error)


def test_every_kernel_names_its_operators():
    for name, handler in KERNELS.items():
        assert f"``{name}``" in handler.__doc__
    with pytest.raises(ValueError, match="Operator ADD is declared twice"):
        kernel("ADD")(None)


def test_two_inputs():
    """An image and another one that is added to it; then a vector that is joined to what comes of them."""
    chain = Chain((1, 4, 5, 2), seed=21)
    image = chain.x
    other = chain.tensor((1, 4, 5, 2))
    chain.then("ADD", (1, 4, 5, 2), inputs=[image, other], scale=0.1, zero=3, table="AddOptions")
    chain.conv(3, 3)
    flat = chain.same("RESHAPE", (1, 60), table="ReshapeOptions", newShape=[1, 60])
    vector = chain.tensor((1, 7), *chain.quantization())
    chain.same("CONCATENATION", (1, 67), inputs=[flat, vector], table="ConcatenationOptions", axis=1)
    chain.dense(6)
    chain.model.inputs = [image, other, vector]
    network = TfliteImporter(TfliteFile(chain.content()), "m").network("auto")
    assert [given.edge for given in network.inputs] == ["input", "input1", "input2"]
    assert [given.size for given in network.inputs] == [(4, 5), (4, 5), ()]
    x = [chain.rng.integers(-128, 128, (10, *given.shape)).astype(np.int8) for given in network.inputs]
    result = run(network, network.together(x).astype(np.int64))
    want = [
        reference_tensors(chain.content(), *(part[k : k + 1] for part in x))[chain.x].reshape(-1) for k in range(10)
    ]
    assert np.array_equal(result.edges[network.outputs[0].edge], want) and len(np.unique(want)) > 20
