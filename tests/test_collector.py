"""Python's collector of garbage waits while many objects are made, and is afterwards as it was."""

import gc

import pytest

from fewbit.collector import many_objects


@pytest.fixture(autouse=True)
def thresholds():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_waits_within_and_is_as_it_was_behind():
    gc.set_threshold(700, 10, 10)
    with pytest.raises(ValueError), many_objects():
        assert gc.get_threshold()[0] > 100_000
        raise ValueError
    assert gc.get_threshold() == (700, 10, 10)


@pytest.mark.parametrize("own", [(0, 10, 10), (10_000_000, 50, 50)])
def test_what_an_application_has_set_higher_or_turned_off_stays(own):
    gc.set_threshold(*own)
    with many_objects():
        assert gc.get_threshold() == own
    assert gc.get_threshold() == own
