"""Where parts that begin together meet again: their latencies compared, and balanced, in one place."""

__all__ = ["Meeting"]


class Meeting:
    """Parts that take their operands in one cycle and whose results must be there in one cycle.

    A plan makes it, so that parts that do not meet are told before there is any hardware, and the hardware delays each
    part by ``wait`` cycles (`hw.wires.delayed`). No other code compares the latencies of parts.

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
