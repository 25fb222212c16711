"""What every PE x SIMD array has: which sizes it may have, and its members."""

from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

__all__ = ["array_members", "check_array"]


def check_array(*, pe, simd, steps, lanes, groups):
    """Check the sizes of an array.

    Parameters
    ----------
    pe, simd, steps, lanes, groups : int
        As of `hw.arrays.integer.IntegerArray`.

    Raises
    ------
    ValueError
        If a size is below 1, if the results of a row are not whole beats of which no more leave than the row has steps,
        or if groups do not share the PEs evenly.
    """
    for name, value in ("PE", pe), ("SIMD", simd), ("Steps", steps), ("Lanes", lanes):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    if pe % lanes or pe // lanes > steps:
        raise ValueError(f"Lanes must divide PE ({pe}) into at most {steps} beats (steps), not {lanes!r}")
    if groups < 1 or pe % groups:
        raise ValueError(f"Groups must divide PE ({pe}), not {groups!r}")


def array_members(*, x, w, acc, pe, simd, lanes, groups):
    """Return the members of an array.

    Parameters
    ----------
    x, w, acc : Shape
        Shapes of an activation, of a weight, and of an initial value or a result.
    pe, simd, lanes, groups : int
        As of `check_array`.
    """
    return {
        "x": In(ArrayLayout(x, groups * simd)), "w": In(ArrayLayout(w, pe * simd)), "init": In(ArrayLayout(acc, pe)),
        "valid": In(1), "first": In(1), "last": In(1),
        "o": Out(ArrayLayout(acc, lanes)), "o_valid": Out(1),
    }  # fmt: skip
