"""The smallest shape of a range of integers, against every one that is smaller."""

from itertools import product

import pytest
from amaranth.hdl import Shape

from fewbit.hw.shapes import IntShape
from fewbit.hw.wires import shape_of


def holds(shape, value):
    """Whether a shape's bits have a pattern for the value."""
    lowest = -(1 << shape.width - 1) if shape.signed else 0
    return lowest <= value < lowest + (1 << shape.width)


@pytest.mark.parametrize(("lo", "hi"), [(lo, hi) for lo, hi in product(range(-9, 10), repeat=2) if lo <= hi])
def test_the_smallest_shape_of_a_range(lo, hi):
    found = IntShape.holding(lo, hi)
    assert holds(found, lo) and holds(found, hi) and found.signed == (lo < 0)
    smaller = IntShape(found.width - 1, found.signed)
    assert found.width == 1 or not (holds(smaller, lo) and holds(smaller, hi))


def test_hardware_has_the_same_shape():
    assert shape_of(IntShape(5)) == Shape(5) and shape_of(IntShape(3, signed=True)) == Shape(3, signed=True)
