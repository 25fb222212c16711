"""Assignments of formats against all there are."""

import itertools

import numpy as np
import pytest

from fewbit.ptq.assign import cheapest, greedy, optimum, total


def every(noise):
    return list(itertools.product(range(len(noise[0])), repeat=len(noise)))


def problem(seed, layers=3, formats=3):
    """Noise mostly rises and cost mostly falls with the format, and there are exceptions, as measured ones have."""
    rng = np.random.default_rng(seed)
    noise = 10 ** np.sort(rng.uniform(-5, 0, (layers, formats)), axis=1)
    cost = np.sort(rng.integers(0, 1000, (layers, formats)), axis=1)[:, ::-1].astype(float)
    if seed % 3 == 0:
        cost[0] = rng.permutation(cost[0])
    return noise, cost


@pytest.mark.parametrize("seed", range(8))
def test_the_program_finds_what_trying_all_finds(seed):
    noise, cost = problem(seed, layers=3 + seed % 2)
    costs, noises = (sorted({total(t, a) for a in every(noise)}) for t in (cost, noise))
    for budget in costs[:: max(1, len(costs) // 4)]:
        best = min(total(noise, a) for a in every(noise) if total(cost, a) <= budget)
        found = optimum(noise, cost, budget)
        assert total(noise, found) == best and total(cost, found) <= budget
    for most in noises[:: max(1, len(noises) // 4)]:
        best = min(total(cost, a) for a in every(noise) if total(noise, a) <= most * (1 + 1e-9))
        found = cheapest(noise, cost, most * (1 + 1e-9))
        assert total(cost, found) == best


def test_no_assignment_is_better_than_none():
    noise, cost = problem(1)
    least = min(total(cost, a) for a in every(noise))
    assert optimum(noise, cost, least - 1) is None and optimum(noise, cost, least) is not None
    assert cheapest(noise, cost, noise.min(axis=1).sum() * 0.9) is None


@pytest.mark.parametrize("seed", range(8))
def test_greedy_goes_from_least_noise_to_least_cost_and_never_beats_the_program(seed):
    noise, cost = problem(seed)
    path = greedy(noise, cost)
    assert total(noise, path[0]) == min(total(noise, a) for a in every(noise))
    assert total(cost, path[-1]) == min(total(cost, a) for a in every(noise))
    for before, after in itertools.pairwise(path):
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
        assert total(cost, after) < total(cost, before)
    for assignment in path:
        best = total(noise, optimum(noise, cost, total(cost, assignment)))
        assert total(noise, assignment) >= best


def test_greedy_is_the_best_of_a_convex_problem():
    """Where every bit less costs four times the noise and saves the same, marginal analysis is optimal (Fox 1966)."""
    noise = np.array([[1.0, 4, 16], [2, 8, 32], [3, 12, 48]])
    cost = np.array([[3.0, 2, 1]] * 3)
    for assignment in greedy(noise, cost):
        assert total(noise, assignment) == total(noise, optimum(noise, cost, total(cost, assignment)))


def test_a_format_of_infinite_noise_is_never_taken():
    noise, cost = np.array([[1.0, np.inf], [1.0, 2.0]]), np.array([[9.0, 0], [9.0, 0]])
    assert optimum(noise, cost, 10) == (0, 1) and optimum(noise, cost, 8) is None
    assert all(a[0] == 0 for a in greedy(noise, cost))
