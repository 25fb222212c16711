"""One option of every layer within all limits: against every choice that there is."""

import itertools

import numpy as np
import pytest

from fewbit.flow.folding.knapsack import choose, undominated


def fullest_of(options, limits, fixed, picked):
    """How full the fullest resource is."""
    total = fixed + sum(matrix[k] for matrix, k in zip(options, picked, strict=True))
    return float((total / limits)[np.isfinite(limits)].max())


@pytest.mark.parametrize("seed", range(30))
def test_a_choice_is_found_where_there_is_one(seed):
    """Limits are those that some choice just keeps, or a little less, so that often no other one does."""
    rng = np.random.default_rng(seed)
    options = [rng.integers(1, 60, (int(rng.integers(2, 7)), 4)).astype(float) for _ in range(4)]
    fixed = rng.integers(0, 20, 4).astype(float)
    some = [int(rng.integers(len(matrix))) for matrix in options]
    limits = fixed + sum(matrix[k] for matrix, k in zip(options, some, strict=True)) - (seed % 3 == 2)
    limits[3] = np.inf if seed % 2 else limits[3]
    every = itertools.product(*(range(len(matrix)) for matrix in options))
    best = min(fullest_of(options, limits, fixed, picked) for picked in every)
    found = choose(options, limits, fixed)
    assert fullest_of(options, limits, fixed, found.options) == pytest.approx(found.fullest)
    assert (found.fullest <= 1) == (best <= 1)


def test_without_limits_anything_will_do():
    found = choose([np.ones((2, 3))], np.full(3, np.inf), np.zeros(3))
    assert found.fullest <= 1 and len(found.options) == 1


@pytest.mark.parametrize("seed", range(5))
def test_undominated_rows_are_those_that_no_other_beats(seed):
    rows = np.random.default_rng(seed).integers(0, 6, (150, 3)).astype(float)
    kept = undominated(rows)
    assert len({tuple(row) for row in rows[kept]}) == len(kept)
    for row in rows:
        assert (rows[kept] <= row).all(axis=1).any()
    for k in kept:
        others = np.delete(rows[kept], list(kept).index(k), axis=0)
        assert not (others <= rows[k]).all(axis=1).any()
