"""Thresholds against brute force: the function evaluated at every integer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of


def check(function, lo, hi, monotone):
    lo, hi = np.array(lo), np.array(hi)
    thresholds, codes = find_thresholds(function, lo, hi, monotone=monotone)
    assert codes.shape == (len(lo), thresholds.shape[1] + 1)
    assert (np.diff(thresholds, axis=1) >= 0).all()
    for c in range(len(lo)):
        x = np.arange(lo[c], hi[c] + 1)
        grid = np.repeat(np.clip(x[:, None], lo, hi), 1, axis=1)
        grid[:, c] = x
        expected = function(grid)[:, c]
        found = codes[c][(thresholds[c][None] <= x[:, None]).sum(axis=1)]
        assert np.array_equal(found, expected)
        used = thresholds[c] <= hi[c]
        assert (np.diff(codes[c])[used] != 0).all(), "a threshold that changes nothing"
    return thresholds, codes


@given(st.integers(0, 2**32 - 1), st.sampled_from(["rising", "falling", "mixed"]), st.booleans())
def test_monotone(seed, direction, bisect):
    """Rounded, clipped lines with ties at halves, flat ones among them, rising and falling."""
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 6))
    lo = rng.integers(-300, 50, channels)
    hi = lo + rng.integers(0, 500, channels)
    sign = {"rising": 1, "falling": -1, "mixed": rng.choice([-1, 1], channels)}[direction]
    slope = sign * rng.choice([0, 1 / 64, 0.5, 0.25, 0.013, 3], channels)
    offset = rng.choice([0, 0.5, -0.25, 7.3], channels)
    check(lambda x: np.clip(np.round(x * slope + offset), -8, 7).astype(int), lo, hi, bisect)


@given(st.integers(0, 2**32 - 1))
def test_any_function(seed):
    rng = np.random.default_rng(seed)
    channels, span = int(rng.integers(1, 4)), int(rng.integers(1, 60))
    table = rng.integers(-2, 3, (span, channels))
    lo = rng.integers(-50, 50, channels)
    hi = lo + rng.integers(0, span, channels)
    check(lambda x: np.take_along_axis(table, np.clip(x - lo, 0, span - 1), axis=0), lo, hi, False)


def test_chunks_of_a_long_visit(monkeypatch):
    monkeypatch.setattr("fewbit.golden.numbers.thresholds._CHUNK", 10)
    check(lambda x: (x * x) % 7, [-100, -3, 5], [100, 40, 5], False)


def test_a_range_too_long_to_visit():
    calls = []

    def function(x):
        calls.append(x.size)
        return np.clip(x >> 50, -3, 3)

    thresholds, codes = find_thresholds(function, np.array([-(2**60)]), np.array([2**60]))
    assert codes.tolist() == [[-3, -2, -1, 0, 1, 2, 3]]
    assert thresholds.tolist() == [[k << 50 for k in range(-2, 4)]]
    assert sum(calls) < 1000


@given(st.integers(0, 2**32 - 1), st.sampled_from([Signed(3), Unsigned(2), Signed(3, narrow=True), Bipolar()]))
def test_steps_say_the_same(seed, fmt):
    """Levels that are skipped, never reached or always exceeded included."""
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 5))
    values = fmt.values
    lo = rng.integers(-40, 0, channels)
    hi = lo + rng.integers(0, 80, channels)
    cuts = np.sort(rng.integers(-60, 60, (channels, len(values) - 1)), axis=1)
    function = lambda x: values[(cuts[None] <= x[:, :, None]).sum(axis=2)]  # noqa: E731
    thresholds, codes = check(function, lo, hi, True)
    steps = steps_of(thresholds, codes, lo, hi, fmt)
    assert steps.shape == (channels, fmt.levels - 1) and (np.diff(steps, axis=1) >= 0).all()
    assert (steps >= lo[:, None]).all() and (steps <= hi[:, None] + 1).all()
    for c in range(channels):
        x = np.arange(lo[c], hi[c] + 1)
        assert np.array_equal(values[(steps[c] <= x[:, None]).sum(axis=1)], values[(cuts[c] <= x[:, None]).sum(axis=1)])


def test_steps_of_what_falls():
    thresholds, codes = np.array([[0]]), np.array([[1, 0]])
    assert steps_of(thresholds, codes, np.array([-5]), np.array([5]), Unsigned(1)) is None


@pytest.mark.parametrize("monotone", [True, False])
def test_constant(monotone):
    thresholds, codes = find_thresholds(lambda x: 0 * x + 3, np.array([-9, 4]), np.array([9, 4]), monotone=monotone)
    assert thresholds.shape == (2, 0) and codes.tolist() == [[3], [3]]
