"""Intervals of confidence, against published figures and against their definition."""

import numpy as np
import pytest

from fewbit.flow.quantizing.confidence import held_out_accuracy


def right(count, total):
    return np.arange(total) < count


@pytest.mark.parametrize(("count", "total", "low", "high"), [
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3
    (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
])  # fmt: skip
def test_the_interval_of_an_accuracy_is_wilsons(count, total, low, high):
    found = held_out_accuracy(right(count, total))
    assert found.accuracy == count / total and found.lost is None and found.lost_interval is None
    assert found.interval == pytest.approx([low, high], abs=5e-5)


def test_what_was_lost_is_of_pairs():
    before = np.array([True] * 90 + [False] * 10)
    after = np.array([True] * 80 + [False] * 15 + [True] * 5)  # 10 worse, 5 better
    found = held_out_accuracy(after, before)
    assert found.lost == pytest.approx(5)
    # (b - c)/(n + 2) and its deviation with half a sample more in each of the four cells
    b, c, n = 10.5, 5.5, 102
    middle, deviation = (b - c) / n, np.sqrt(((b + c) - (b - c) ** 2 / n) / n**2)
    assert found.lost_interval == pytest.approx(
        [100 * (middle - 1.959964 * deviation), 100 * (middle + 1.959964 * deviation)]
    )
    assert found.lost_interval[0] < 0 < found.lost < found.lost_interval[1]


def test_the_same_answers_still_leave_something_open():
    same = right(50, 60)
    found = held_out_accuracy(same, same)
    assert found.lost == 0 and found.lost_interval[0] == -found.lost_interval[1] < 0


def test_more_samples_leave_less_open():
    widths = [np.diff(held_out_accuracy(right(9 * n, 10 * n)).interval)[0] for n in (5, 20, 80, 320)]
    assert all(a > 1.8 * b for a, b in zip(widths, widths[1:], strict=False))
