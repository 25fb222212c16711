"""Values on wires: the shape that a plan gave them, and registers in which they wait."""

from amaranth.hdl import Shape, Signal, Value

__all__ = ["delayed", "register", "shape_of"]


def shape_of(shape):
    """Return the Amaranth shape of a `hw.shapes.IntShape`."""
    return Shape(shape.width, shape.signed)


def register(m, value, name):
    """Return ``value`` one cycle later, from a register ``name`` without reset."""
    after = Signal(Value.cast(value).shape(), name=name, reset_less=True)
    m.d.sync += after.eq(value)
    return after


def delayed(m, value, cycles, name):
    """Return ``value`` so many cycles later, from registers ``name0``, ``name1``, … without reset."""
    for n in range(cycles):
        value = register(m, value, f"{name}{n}")
    return value
