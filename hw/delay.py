"""Values that wait: registers one behind the other."""

from amaranth.hdl import Signal, Value

__all__ = ["delayed"]


def delayed(m, value, cycles, name):
    """Return ``value``, so many cycles later: registers ``name0``, ``name1``, … without reset."""
    for n in range(cycles):
        after = Signal(Value.cast(value).shape(), name=f"{name}{n}", reset_less=True)
        m.d.sync += after.eq(value)
        value = after
    return value
