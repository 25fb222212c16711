"""Values on wires: the shape that a plan gave them, and registers in which they wait."""

from amaranth.hdl import Shape, Signal, Value

__all__ = ["delayed", "shape_of"]


def shape_of(shape):
    """Return the Amaranth shape of a `hw.shapes.IntShape`."""
    return Shape(shape.width, shape.signed)


def delayed(m, value, cycles, name):
    """Return ``value``, so many cycles later: registers ``name0``, ``name1``, … without reset."""
    for n in range(cycles):
        after = Signal(Value.cast(value).shape(), name=f"{name}{n}", reset_less=True)
        m.d.sync += after.eq(value)
        value = after
    return value
