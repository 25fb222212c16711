"""A multiply, add and shift of numbers of any length, against Python's integers."""

import numpy as np
import pytest

from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.formats import Signed


def exactly(node, x):
    """The formula of the node, with integers of Python."""
    rows = []
    for row in x.tolist():
        made = []
        for value, m, a, kink in zip(row, node.multiplier, node.addend, node.kink, strict=True):
            y = (int(value) * int(m) + int(a)) >> node.shift
            if y <= node.level:
                y = (int(value) * int(m) + int(a) - int(kink)) >> node.shift
            made.append(min(max(y, node.format.lo), node.format.hi))
        rows.append(made)
    return np.array(rows)


@pytest.mark.parametrize("x_bits, m_bits, a_bits, shift", [
    (8, 12, 20, 14), (31, 31, 62, 45), (30, 40, 66, 54), (33, 38, 70, 55), (20, 45, 63, 50), (31, 12, 61, 27),
])  # fmt: skip
@pytest.mark.parametrize("kinked", [False, True])
def test_numbers_of_any_length(x_bits, m_bits, a_bits, shift, kinked):
    rng = np.random.default_rng(x_bits)
    x = rng.integers(-(1 << x_bits - 1), 1 << x_bits - 1, (400, 3))
    x[:100] = rng.integers(-40, 40, (100, 3))
    multiplier = rng.integers(1 << m_bits - 1, 1 << m_bits, 3)
    addend = np.array([int(rng.integers(1 << 40)) << a_bits >> 41, -(1 << a_bits - 1), (1 << shift) - 1], dtype=object)
    if a_bits < 63:
        addend = addend.astype(np.int64)
    kink = np.array([1 << shift - 3, (1 << shift - 1) - 1, 1]) if kinked else np.zeros(3, dtype=np.int64)
    node = Rescale("r", "x", "y", multiplier, addend, shift, Signed(24), kink=kink, level=2)
    want = exactly(node, x)
    assert np.array_equal(node.values(x), want)
    assert len(np.unique(want)) > 20
