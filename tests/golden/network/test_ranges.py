"""Range finders against what the literature gives, and against searches that are written another way."""

import numpy as np
import pytest
from scipy import stats

from fewbit.golden.methods.ranges import kl, minmax, mse, percentile, step
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned

FORMATS = (Signed(2, narrow=True), Signed(4, narrow=True), Unsigned(1), Unsigned(3))


def quantized(x, s, fmt):
    return s * np.clip(np.rint(x / s), fmt.lo, fmt.hi)


@pytest.mark.parametrize(
    "levels, wanted, error",
    [(3, 1.224, 0.1902), (7, 0.6508, 0.04686), (15, 0.3534, 0.01289), (31, 0.1932, 0.003693)],
)
def test_of_a_gaussian_the_step_of_least_error_is_max_s(levels, wanted, error):
    """Max 1960, "Quantizing for Minimum Distortion", Table II: evenly spaced levels, an odd number of them."""
    count = 200_000
    x = stats.norm.ppf((np.arange(count) + 0.5) / count)  # samples of the distribution without chance
    fmt = Signed((levels + 1).bit_length() - 1, narrow=True)
    assert fmt.levels == levels
    s = float(step(x, fmt, "mse"))
    assert abs(s - wanted) < 0.002
    assert abs(np.square(quantized(x, s, fmt) - x).mean() / error - 1) < 0.005


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_step_of_a_grid_has_less_error(fmt, seed):
    x = np.random.default_rng(seed).standard_t(3, 300)
    s = float(mse(x, fmt)) / fmt.hi
    grid = np.abs(x).max() / fmt.hi * np.arange(1, 1001) / 1000
    errors = [np.square(quantized(x, g, fmt) - x).sum() for g in grid]
    found = np.square(quantized(x, s, fmt) - x).sum()
    assert found <= min(errors) * (1 + 2e-3)  # the error has many small dips, and the search enters one of the best
    assert found < errors[-1]


def test_the_largest_and_percentiles():
    x = np.arange(-50, 101.0)
    assert minmax(x, Signed(8, narrow=True)) == 100 == minmax(x, Unsigned(8)) and minmax(-x, Unsigned(8)) == 50
    assert percentile(np.arange(101.0), Unsigned(8), percent=90) == 90
    assert percentile(-np.arange(101.0), Signed(8, narrow=True), percent=99.5) == 99.5
    assert float(step(x, Signed(8, narrow=True), "minmax")) == np.float32(100 / 127)
    with pytest.raises(ValueError, match="A percentile must be above 0 and at most 100, not 0"):
        percentile(x, Unsigned(8), percent=0)


def entropy_by_loops(x, levels, bins):
    """The calibration of Migacz's slides, bin by bin, as lists."""
    most = max(abs(v) for v in x)
    counts = [0] * bins
    for v in x:
        counts[min(bins - 1, int(abs(v) / most * bins))] += 1
    counts[0] = counts[1]
    best = None
    for i in range(levels, bins + 1):
        p = counts[:i]
        p[-1] += sum(counts[i:])
        q = [0.0] * i
        for level in range(levels):
            members = [b for b in range(i) if b * levels // i == level]
            filled = [b for b in members if counts[b]]
            for b in filled:
                q[b] = sum(counts[m] for m in members) / len(filled)
        if any(a and not b for a, b in zip(p, q, strict=True)):
            continue
        if i < bins and sum(c > 0 for c in counts[:i]) < levels:
            continue
        total_p, total_q = sum(p), sum(q)
        divergence = sum(a / total_p * np.log(a / total_p * total_q / b) for a, b in zip(p, q, strict=True) if a)
        if best is None or divergence < best[0] - 1e-12:
            best = divergence, i
    return min(most, (best[1] + 0.5) * most / bins)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_entropy_calibration_is_that_of_the_slides(seed):
    x = np.random.default_rng(seed).laplace(0, 1, 2000)
    assert float(kl(x, Signed(4, narrow=True), bins=64)) == pytest.approx(entropy_by_loops(x, 8, 64), rel=1e-12)


def test_entropy_of_a_few_values_keeps_them():
    assert kl(np.arange(17) / 16, Unsigned(4)) > 0.9


def test_entropy_cuts_off_a_far_outlier():
    x = np.append(np.random.default_rng(1).normal(0, 1, 20_000), 40.0)
    assert 2 < kl(x, Signed(8, narrow=True)) < 12
    assert kl(np.full(3, 0.0), Unsigned(8)) == 0


def test_rows_are_ranged_one_by_one_and_bipolar_takes_the_mean():
    x = np.random.default_rng(1).normal(0, 1, (2, 3, 40)) * np.array([1, 10, 0])[:, None]
    for method in ("minmax", "percentile", "mse"):
        found = step(x, Signed(3, narrow=True), method)
        assert found.shape == (2, 3) and found.dtype == np.float32 and (found[:, 2] == 1).all()
        assert (found == [[step(row, Signed(3, narrow=True), method) for row in rows] for rows in x]).all()
    assert np.array_equal(step(x[:, :2], Bipolar()), np.abs(x[:, :2]).mean(axis=-1).astype(np.float32))


def test_a_format_that_is_neither_unsigned_nor_symmetric_is_refused():
    with pytest.raises(ValueError, match="Format must be unsigned or narrow signed, not int4"):
        mse(np.ones(3), Signed(4))
