"""The members that every PE x SIMD array has."""

from amaranth.hdl import Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.wires import Lanes

from .array_plan import ArrayPlan

__all__ = ["array_members"]


def array_members(plan: ArrayPlan, *, x: Shape, w: Shape, acc: Shape) -> dict[str, wiring.Member]:
    """Return the members of an array.

    Parameters
    ----------
    plan : hw.arrays.array_plan.ArrayPlan
    x, w, acc : Shape
        Shapes of an activation, of a weight, and of an initial value or a result.
    """
    return {
        "x": In(Lanes(x, plan.groups * plan.simd)), "w": In(Lanes(w, plan.pe * plan.simd)),
        "init": In(Lanes(acc, plan.pe)),
        "valid": In(1), "first": In(1), "last": In(1),
        "o": Out(Lanes(acc, plan.lanes)), "o_valid": Out(1),
    }  # fmt: skip
