"""Registers that delay, and where parts that begin together meet again: their latencies compared in one place."""

from amaranth.hdl import Signal, Value

__all__ = ["Meeting", "delayed", "planned_only", "register"]


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


def planned_only(unit):
    """Return ``unit``, which is made for its latency and cost only: Amaranth is not to warn that it is never used."""
    unit._MustUse__silence = True
    return unit


class Meeting:
    """Parts that take their operands in one cycle and whose results must be there in one cycle.

    A parent makes it in its constructor, so that parts that do not meet are told before anything is elaborated, and
    delays each part by ``wait`` cycles. No other code compares the latencies of parts.

    Parameters
    ----------
    where : str
        What they meet in, for messages.
    parts : dict of str to int
        Cycles from operands to result, by part.
    at : int or None
        Cycles from operands to where they meet, if that is given; by default the latest part's.

    Attributes
    ----------
    latency : int
        Cycles from operands to where they meet.

    Raises ValueError if a part takes longer than that.
    """

    def __init__(self, where, parts, at=None):
        if not parts:
            raise ValueError(f"{where}: parts that meet must be at least one")
        self.where, self._parts = where, dict(parts)
        self.latency = max(self._parts.values()) if at is None else at
        late = {name: cycles for name, cycles in self._parts.items() if cycles > self.latency}
        if late:
            words = ", ".join(f"{name} takes {cycles}" for name, cycles in late.items())
            raise ValueError(f"{where}: parts must meet after {self.latency} cycles, but {words}")

    def wait(self, part):
        """Cycles by which the part must be delayed."""
        return self.latency - self._parts[part]

    def check(self, part, latency):
        """Return ``wait`` of a part of this latency; ValueError if it is not the one that was planned."""
        if latency != self._parts[part]:
            raise ValueError(f"{self.where}: {part} was planned with {self._parts[part]} cycles but takes {latency}")
        return self.wait(part)
