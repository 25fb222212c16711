"""Forward values and straight-through gradients against values worked by hand."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from fewbit.golden.methods import power_of_two as exact_power_of_two  # noqa: E402
from fewbit.golden.methods import uniform as uniform_steps  # noqa: E402
from fewbit.train.autodiff import apply  # noqa: E402
from fewbit.train.quantize import Binary, Float, Uniform, ternary  # noqa: E402

bipolar = Binary()


def power_of_two(exponent):
    return apply(exact_power_of_two, exponent)


def uniform(x, scale, lo, hi):
    return apply(uniform_steps, x, scale, lo=lo, hi=hi)


def grad(function, x):
    """Gradient of each output to its own input."""
    return np.asarray(jax.grad(lambda x: function(x).sum())(np.float32(x)))


def test_bipolar_takes_zero_for_plus_one():
    x = np.float32([-2, -1, -1e-30, -0.0, 0, 1e-30, 1, 3])
    assert bipolar(x).tolist() == [-1, -1, -1, 1, 1, 1, 1, 1]


def test_bipolar_gradient_is_clipped():
    assert grad(bipolar, [-1.5, -1, -0.25, 0, 0.25, 1, 1.5]).tolist() == [0, 1, 1, 1, 1, 1, 0]


def test_bipolar_gradient_carries_the_outer_one():
    assert grad(lambda x: -3 * bipolar(x), [0.5, 2.0]).tolist() == [-3, 0]


def test_ternary():
    x = np.float32([-9, -1, -0.51, -0.5, -0.1, 0, 0.5, 0.51, 1, 9])
    assert ternary()(x).tolist() == [-1, -1, -1, 0, 0, 0, 0, 1, 1, 1]
    assert grad(ternary(), x).tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("quantizer", "x", "expected"),
    [
        # Halves go to the even level: 0.5, 1.5 and 2.5 steps.
        (Uniform(2, scale=0.25), [-1, 0, 0.125, 0.126, 0.375, 0.625, 0.7, 5], [0, 0, 0, 0.25, 0.5, 0.5, 0.75, 0.75]),
        (Uniform(1, scale=2.0), [0.9, 1, 1.1, 8], [0, 0, 2, 2]),
        (Uniform(4, scale=1 / 16), [0, 1 / 16, 15 / 16, 1], [0, 1 / 16, 15 / 16, 15 / 16]),
        # Narrow: -7 to 7 and -127 to 127.
        (Uniform(4, signed=True, scale=0.5), [-4, -3.6, -0.75, -0.2, 1.25, 9], [-3.5, -3.5, -1, 0, 1, 3.5]),
        (Uniform(8, signed=True, scale=1.0), [-200, -127.4, -3.5, 2.5, 126.6, 200], [-127, -127, -4, 2, 127, 127]),
    ],
)
def test_uniform(quantizer, x, expected):
    assert quantizer(np.float32(x)).tolist() == expected


def test_uniform_gradients():
    x = np.float32([-1, 0.25, 0.6, 1.5, 2])
    # v = x / 0.5 = -2, 0.5, 1.2, 3, 4; rounded and clipped to 0..3: 0, 0, 1, 3, 3
    scale = np.float32(0.5)
    to_x, to_scale = jax.grad(lambda x, s: uniform(x, s, 0, 3).sum(), (0, 1))(x, np.full(5, scale))
    assert to_x.tolist() == [0, 1, 1, 1, 0]
    v = x[2] / scale
    assert to_scale.tolist() == [0, -0.5, np.float32(1) - v, 0, 3]
    total = jax.grad(lambda s: uniform(x, s, 0, 3).sum())(scale)
    assert total == pytest.approx(2.3, abs=1e-6)


def test_learned_scale_is_a_power_of_two():
    assert [float(power_of_two(np.float32(e))) for e in (-2, -1.51, -1.49, 0.4, 2.6)] == [0.25, 0.25, 0.5, 1, 8]
    assert float(jax.grad(power_of_two)(np.float32(2.6))) == float(8 * np.float32(np.log(2)))
    quantizer = Uniform(4, signed=True)
    assert quantizer(np.float32([0.9, -0.3, 70]), {"exponent": np.float32(-1.8)}).tolist() == [1, -0.25, 1.75]
    assert float(power_of_two(quantizer.init(None, 7.0)["exponent"])) == 1
    assert ternary().init(None, 7.0) == {}


def test_limits_of_latent_weights():
    assert (Float().limit, Binary().limit, ternary().limit) == (None, 1, 1)
    assert Uniform(4, signed=True, scale=0.25).limit == 1.75
    assert Uniform(4, signed=True).limit is None


def test_estimator_is_checked():
    with pytest.raises(ValueError, match="Estimator must be one of annealed, bireal, clipped, identity, not 'tanh'"):
        Binary("tanh")


@pytest.mark.parametrize("bits, signed, scale", [(0, False, 1.0), (1, True, 1.0), (9, False, 1.0)])
def test_bits_are_checked(bits, signed, scale):
    with pytest.raises(ValueError, match=rf"Bits must be {1 + signed} to 8, not {bits}"):
        Uniform(bits, signed=signed, scale=scale)


@pytest.mark.parametrize("scale", [0.0, -1.0, 0.3])
def test_scale_is_checked(scale):
    with pytest.raises(ValueError, match="Scale must be a power of two or None, not"):
        Uniform(4, scale=scale)
