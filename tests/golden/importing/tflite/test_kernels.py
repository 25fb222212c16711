"""The kernels' arithmetic against the interpreter's reference kernels, over all codes and random scales."""

import numpy as np
import pytest

from fewbit.golden.importing.tflite import kernels
from fewbit.golden.importing.tflite.kernels import multiplied, quantized_multiplier
from tests.support.tflite_models import TfliteBuilder, reference_tensors

CODES = np.arange(-128, 128)
SINGLE = np.float32


def scales(rng):
    """Two scales and two zero points."""
    scale, out = (float(SINGLE(np.exp(rng.uniform(-6, 0)))) for _ in range(2))
    zero, out_zero = rng.integers(-128, 128, 2)
    return scale, int(zero), out, int(out_zero)


def one_operator(name, inputs, out_shape, quantizations, *, constants=(), dtype=np.int8, **options):
    """int64 results of one operator; the last of ``quantizations`` (scale, zero) is that of its output."""
    *of_inputs, (out_scale, out_zero) = quantizations
    model = TfliteBuilder()
    for x, (scale, zero) in zip(inputs, of_inputs, strict=True):
        model.inputs.append(model.tensor(x.shape, dtype, scale=scale, zero=zero))
    more = [model.tensor(np.shape(c), np.int32, data=c) for c in constants]
    model.outputs = [model.tensor(out_shape, dtype, scale=out_scale, zero=out_zero)]
    model.operator(name, [*model.inputs, *more], model.outputs, **options)
    return reference_tensors(model.content(), *(x.astype(dtype) for x in inputs))[model.outputs[0]].astype(np.int64)


def of_every_code(name, scale, zero, out, out_zero, **options):
    x = CODES[None]
    return one_operator(name, [x], x.shape, [(scale, zero), (out, out_zero)], **options)[0]


def ratio(scale, out):
    return quantized_multiplier(float(SINGLE(scale)) / float(SINGLE(out)))


@pytest.mark.parametrize("name", ["QUANTIZE", "RELU", "LEAKY_RELU", "HARD_SWISH"])
def test_functions_of_one_code(name):
    rng = np.random.default_rng(1)
    different = set()
    for _ in range(30):
        scale, zero, out, out_zero = scales(rng)
        options, x = {}, CODES - zero
        expected = multiplied(x, *ratio(scale, out)) + out_zero
        if name == "RELU":
            expected = np.maximum(expected, out_zero)
        elif name == "LEAKY_RELU":
            alpha = float(SINGLE(rng.uniform(0.01, 0.9)))
            options = dict(table="LeakyReluOptions", alpha=alpha)
            below = quantized_multiplier(float(SINGLE(scale)) * alpha / float(SINGLE(out)))
            expected = np.where(x >= 0, expected, multiplied(x, *below) + out_zero)
        elif name == "HARD_SWISH":
            out = max(out, scale / 64)  # the kernel has no smaller one
            options = dict(table="HardSwishOptions")
            expected = kernels.hard_swish(CODES, scale, zero, out, out_zero)
        found = of_every_code(name, scale, zero, out, out_zero, **options)
        assert np.array_equal(found, np.clip(expected, -128, 127))
        different |= set(found.tolist())
    assert len(different) > 150


@pytest.mark.parametrize(
    ("name", "out", "function"),
    [
        ("LOGISTIC", (1 / 256, -128), lambda x: SINGLE(1) / (SINGLE(1) + np.exp(-x))),
        ("TANH", (1 / 128, 0), np.tanh),
    ],
)
def test_tables(name, out, function):
    rng = np.random.default_rng(2)
    for _ in range(30):
        scale, zero, *_ = scales(rng)
        expected = kernels.looked_up(function, CODES, scale, zero, *out)
        assert np.array_equal(of_every_code(name, scale, zero, *out), np.clip(expected, -128, 127))


@pytest.mark.parametrize(("name", "table"), [("ADD", "AddOptions"), ("SUB", "SubOptions"), ("MUL", "MulOptions")])
def test_every_pair_of_codes(name, table):
    rng = np.random.default_rng(3)
    a, b = (v.reshape(1, -1) for v in np.meshgrid(CODES, CODES, indexing="ij"))
    for _ in range(8):
        first, zero, second, second_zero = scales(rng)
        out, out_zero = float(SINGLE(max(first, second) * np.exp(rng.uniform(-1, 1)))), int(rng.integers(-128, 128))
        if name == "MUL":
            out = float(SINGLE(first * second * 128))
        quantizations = [(first, zero), (second, second_zero), (out, out_zero)]
        found = one_operator(name, [a, b], a.shape, quantizations, table=table)
        if name == "MUL":
            expected = kernels.product(a, b, *quantizations)
        else:
            expected = kernels.total(a, b, *quantizations, sign=1 if name == "ADD" else -1)
        assert np.array_equal(found, np.clip(expected, -128, 127))


@pytest.mark.parametrize(("axes", "keep"), [((1, 2), True), ((1, 2), False), ((1,), False), ((3,), False)])
def test_means(axes, keep):
    rng = np.random.default_rng(4)
    x = rng.integers(-128, 128, (100, 5, 7, 3))
    count = int(np.prod([x.shape[a] for a in axes]))
    for _ in range(8):
        scale, zero, _, out_zero = scales(rng)
        out = float(SINGLE(scale * np.exp(rng.uniform(-1, 0.5))))
        total = x.sum(axes, keepdims=keep)
        multiplier = kernels.mean_multiplier(float(SINGLE(scale)) / float(SINGLE(out)), count)
        expected = np.clip(multiplied(total - count * zero, *multiplier) + out_zero, -128, 127)
        found = one_operator("MEAN", [x], total.shape, [(scale, zero), (out, out_zero)],
                             constants=[list(axes)], table="ReducerOptions", keepDims=keep)  # fmt: skip
        assert np.array_equal(found, expected)


def test_softmax():
    rng, different = np.random.default_rng(5), set()
    for _ in range(20):
        scale, beta = float(SINGLE(np.exp(rng.uniform(-5, 0)))), float(rng.choice([1, 0.5, 2]))
        x = rng.integers(-128, 128, (100, int(rng.integers(2, 20))))
        found = one_operator("SOFTMAX", [x], x.shape, [(scale, 3), (1 / 256, -128)], table="SoftmaxOptions", beta=beta)
        assert np.array_equal(found, kernels.softmax(x, beta, SINGLE(scale)))
        different |= set(found.reshape(-1).tolist())
    assert len(different) > 200


@pytest.mark.parametrize("real", [0.0, 1e-12, 0.5, 1 - 2**-40, 1.0, 37.25])
def test_a_quantized_multiplier_is_near(real):
    multiplier, exponent = quantized_multiplier(real)
    assert multiplier == 0 or 1 << 30 <= multiplier < 1 << 31
    assert abs(multiplier * 2.0 ** (exponent - 31) - real) <= real * 2**-31 + 2**-32
