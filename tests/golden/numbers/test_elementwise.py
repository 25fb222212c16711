"""Every elementwise operation gives the bits that onnxruntime gives."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import walked
from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.source import ModelSource
from fewbit.golden.numbers import elementwise as ew
from tests.support.graphs import Graph


def everything(rng, count=4000):
    """Floats of every magnitude that a network meets, and the awkward ones."""
    spread = rng.normal(0, 1, count) * 10.0 ** rng.integers(-6, 7, count)
    edges = [0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, 6, -6, 1e30, -1e30, 2.0**-126, 16777216, 16777217, 0.49999997]
    return np.r_[spread, edges, np.arange(-20, 20) / 4].astype(np.float32)


def onnxruntime_value(kind, x, *constants, opset=17, **attributes):
    import onnxruntime

    names = [f"c{i}" for i in range(len(constants))]
    model = ModelBuilder(opset=opset)
    inputs = [model.add_input(n, np.shape(a)) for n, a in zip(["x", *names], [x, *constants], strict=True)]
    model.add_output(model.add(kind, *inputs, **attributes))
    session = onnxruntime.InferenceSession(model.model().SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(["x", *names], [x, *constants], strict=True)))[0]


def same_bits(a, b):
    assert a.dtype == b.dtype == np.float32 and a.shape == b.shape
    zeros = (a == 0) & (b == 0)  # the sign of a zero never reaches a code
    assert (zeros | (a.view(np.uint32) == b.view(np.uint32))).all()


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul", "Div"])
def test_arithmetic(kind):
    rng = np.random.default_rng(1)
    x = everything(rng)
    for c in (rng.normal(0, 3, 20) * 10.0 ** rng.integers(-3, 4, 20)).astype(np.float32):
        op = ew.WithConstant(kind.lower(), np.array([c]))
        same_bits(ew.apply([op], x), onnxruntime_value(kind, x, np.array([c])))
    if kind == "Sub":
        same_bits(ew.apply([ew.WithConstant("rsub", np.array([c]))], x), (c - x).astype(np.float32))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("opset", [9, 15])
def test_batch_normalization(seed, opset):
    """Over random parameters, variances near zero and large means among them."""
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 70))
    gamma, beta, mean = (rng.normal(0, 10.0 ** rng.integers(-3, 4), channels).astype(np.float32) for _ in range(3))
    variance = (rng.uniform(0, 1, channels) * 10.0 ** rng.integers(-7, 6, channels)).astype(np.float32)
    epsilon = float(rng.choice([1e-5, 1e-3, 1e-12]))
    x = (rng.normal(0, 1, (200, channels)) * 10.0 ** rng.integers(-3, 5, (200, 1))).astype(np.float32)
    chain = ew.batch_normalization(gamma, beta, mean, variance, epsilon)
    reference = onnxruntime_value("BatchNormalization", x, gamma, beta, mean, variance, opset=opset, epsilon=epsilon)
    same_bits(ew.apply(chain, x), reference)
    scale, shift = ew.affine(chain)
    assert np.allclose(x * scale + shift, reference, rtol=1e-4, atol=1e-4 * np.abs(reference).max())


@pytest.mark.parametrize(("kind", "op", "constants", "attributes"), [
    ("Relu", ew.relu(), [], {}),
    ("Clip", ew.clip(-1.0, 0.7), [-1.0, 0.7], {}),
    ("Clip", ew.clip(0.0, None), [0.0], {}),
    ("Clip", ew.clip(2.0, 1.0), [2.0, 1.0], {}),
    ("LeakyRelu", ew.leaky_relu(0.013), [], {"alpha": 0.013}),
    ("PRelu", ew.leaky_relu([0.3]), [[0.3]], {}),
    ("Max", ew.Call("Max", np.maximum, (np.float32([0.3]),)), [[0.3]], {}),
    ("Min", ew.Call("Min", np.minimum, (np.float32([0.3]),)), [[0.3]], {}),
    ("Neg", ew.WithConstant("mul", np.float32([-1])), [], {}),
])  # fmt: skip
def test_others(kind, op, constants, attributes):
    x = everything(np.random.default_rng(2))
    constants = [np.array(c, dtype=np.float32) for c in constants]
    same_bits(ew.apply([op], x), onnxruntime_value(kind, x, *constants, **attributes))


def test_slopes_by_channel():
    x = everything(np.random.default_rng(3), 4044).reshape(-1, 5)[:800]
    slope = np.array([0.1, 0, 1, 2, -0.5], dtype=np.float32)
    op = ew.leaky_relu(slope)
    same_bits(ew.apply([op], x), onnxruntime_value("PRelu", x, slope))
    assert not op.monotone and ew.leaky_relu(slope[:4]).monotone


@pytest.mark.parametrize(
    "kind", ["Sigmoid", "Tanh", "Elu", "HardSigmoid", "Softplus", "Abs", "Round", "Floor", "Sqrt", "Exp"]
)
def test_functions_are_onnxruntimes_own(kind, scratch):
    """Also where the thresholds are found in other batches than the model runs in."""
    graph = Graph(["N", 3])
    graph.end(graph.quant(graph.op(kind, graph.quant("input", 0.5, signed=0)), 0.125, bits=8))
    op = walked(ModelSource(graph.save(scratch / "m.onnx"))).tensors["t1"].chain[-1]
    x = np.abs(everything(np.random.default_rng(4))) if kind == "Sqrt" else everything(np.random.default_rng(4))
    same_bits(ew.apply([op], x), onnxruntime_value(kind, x))


def test_dequantize_rounds_once():
    scale, zero = np.array([0.1]), np.array([3.0])
    x = np.arange(-(2**24), 2**24, 12345)
    assert np.array_equal(ew.apply([ew.Dequantize(scale, zero)], x), (0.1 * (x - 3.0)).astype(np.float32))


class Edges:
    """What `by_channel` asks of an importer: an edge of so many pixels and channels."""

    def __init__(self, pixels, channels):
        self.pixels, self.count = pixels, channels

    def length(self, data):
        return self.pixels * self.count

    def channels(self, data):
        return self.count


def test_parameters_by_channel():
    """A constant of a tensor whose positions were permuted goes where its channel stands."""
    data = Data("e", np.array([[2, 0, 1]]))

    def given(parameter):
        return by_channel(Edges(1, 3), data, parameter)[1].tolist()

    assert given([10.0, 20.0, 30.0]) == [20, 30, 10]
    assert given(np.full(3, 7.0)) == [7]
    assert given(5.0) == [5]


def test_parameters_of_an_image_are_by_channel():
    image = Data("e", np.arange(6).reshape(1, 3, 2).transpose(0, 2, 1))  # three pixels, two channels, channels first
    assert by_channel(Edges(3, 2), image, np.array([[[4.0], [5.0]]]))[1].tolist() == [4, 5]
