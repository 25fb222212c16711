"""Python's collector of cyclic garbage, held back where millions of objects are made that stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["many_objects"]

_THRESHOLDS = 200_000, 10, 10  # new objects between collections; the default of 700 visits nothing but living ones


@contextmanager
def many_objects() -> Iterator[None]:
    """Collect cyclic garbage seldom within, as fits work that makes designs of millions of objects, and as before
    behind it.

    Each collection visits the objects that are alive, so by default the Verilog of a ResNet-56 takes two fifths of its
    time for collections that find nothing. What reference counts free is freed at once in any case. An application
    that has turned the collector off, or made it rarer, keeps that.
    """
    before = gc.get_threshold()
    if before[0]:
        gc.set_threshold(*map(max, _THRESHOLDS, before))
    try:
        yield
    finally:
        gc.set_threshold(*before)
