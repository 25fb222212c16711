"""Values on wires: the shape that a plan gave them, and registers in which they wait."""

from collections.abc import Mapping

from amaranth.hdl import Format, Module, Shape, Signal, Value, ValueLike
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.ports import PortShape
from fewbit.hw.shapes import IntShape

__all__ = ["Lanes", "delayed", "members_of", "register", "shape_of"]


class Lanes(ArrayLayout):
    """An array whose elements have no names of their own in Verilog: of wide ones those names would be most of it."""

    def format(self, value: ValueLike, format_spec: str) -> Format:
        return Format("{}", Value.cast(value))


def shape_of(shape: IntShape) -> Shape:
    """Return the Amaranth shape of a `hw.shapes.IntShape`."""
    return Shape(shape.width, shape.signed)


def members_of(ports: Mapping[str, PortShape]) -> dict[str, wiring.Member]:
    """Return the members of a component, or of a signature, that has these ports, by name."""
    return {name: (In if port.direction == "in" else Out)(port.bits) for name, port in ports.items()}


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
