"""Lines against the kernels' arithmetic that they stand for."""

import numpy as np
import pytest

from fewbit.golden.importing.tflite.kernels import average, multiplied, multiplied_wide, quantized_multiplier, rounded
from fewbit.golden.importing.tflite.lines import RoundedLine


def drawn(bits, seed=1):
    """Integers of any size, small ones and ends among them."""
    rng = np.random.default_rng(seed)
    near = np.arange(-2000, 2000)
    return np.concatenate(
        [near, rng.integers(-(1 << bits - 1), 1 << bits - 1, 20000), [-(1 << bits - 1), (1 << bits - 1) - 1]]
    )


@pytest.mark.parametrize("real", [0.5, 0.25, 0.123456, 0.00034, 1.7, 3.0, 2.0**-20, 0.9999999])
@pytest.mark.parametrize("by", [1, 1 << 10])
def test_a_quantized_multiplier(real, by):
    x = drawn(20)
    multiplier = quantized_multiplier(real)
    line = RoundedLine.of(*multiplier, by=by)
    assert np.array_equal(line.values(x), multiplied(by * x, *multiplier))
    assert np.array_equal(line.behind(-77).raised(5).values(x), multiplied(by * (x - 77), *multiplier) + 5)
    assert np.array_equal(line.finer(7).values(x), line.values(x))


@pytest.mark.parametrize("real", [0.5, 0.123456, 0.00034, 0.99999])
def test_a_multiplier_of_long_sums(real):
    x, multiplier = drawn(38), quantized_multiplier(real)
    assert np.array_equal(RoundedLine.wide(*multiplier).values(x), multiplied_wide(x, *multiplier))


@pytest.mark.parametrize("bits", [0, 1, 5])
def test_halves_go_away_from_zero(bits):
    x = drawn(20)
    assert np.array_equal(RoundedLine.halved(bits).values(x), average(x, 1 << bits))


def test_whole_multiples():
    assert RoundedLine.of(1 << 30, 0, by=1 << 15).multiple == 1 << 14
    assert RoundedLine.halved(0).multiple == 1
    assert RoundedLine.of(*quantized_multiplier(0.3)).multiple is None
    assert RoundedLine.halved(1).multiple is None


@pytest.mark.parametrize("real, bits", [(0.03, 20), (0.0012056318359375, 28), (0.0004, 33)])
def test_a_line_is_found(real, bits):
    """Of doubles, which need slopes of over 30 bits, clipped or not."""

    def codes(x):
        return np.clip(rounded(x.astype(np.float64) * real), -(1 << 15), (1 << 15) - 1)

    x, end = drawn(bits), 1 << bits - 1
    line = RoundedLine.through(lambda x: codes(x), -end, end - 1)
    assert np.array_equal(np.clip(line.values(x), -(1 << 15), (1 << 15) - 1), codes(x))


def test_what_is_no_line():
    assert RoundedLine.through(lambda x: x * abs(x), -100, 100) is None
    assert RoundedLine.through(lambda x: -x, -100, 100) is None
