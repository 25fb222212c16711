"""Values on wires: the shape that a plan gave them, and registers in which they wait."""

from amaranth.hdl import Module, Shape, Signal, Value, ValueLike

from fewbit.hw.shapes import IntShape

__all__ = ["delayed", "register", "shape_of"]


def shape_of(shape: IntShape) -> Shape:
    """Return the Amaranth shape of a `hw.shapes.IntShape`."""
    return Shape(shape.width, shape.signed)


def register(m: Module, value: ValueLike, name: str) -> Signal:
    """Return ``value`` one cycle later, from a register ``name`` without reset."""
    after = Signal(Value.cast(value).shape(), name=name, reset_less=True)
    m.d.sync += after.eq(value)
    return after


def delayed(m: Module, value: ValueLike, cycles: int, name: str) -> Value:
    """Return ``value`` that number of ``cycles`` later, from registers ``name0``, ``name1``, … without reset."""
    for n in range(cycles):
        value = register(m, value, f"{name}{n}")
    return value
