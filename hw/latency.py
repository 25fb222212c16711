"""Where parts that begin together meet again: their latencies compared, and balanced, in one place."""

from collections.abc import Mapping

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

    Raises
    ------
    ValueError
        If there is no part, or one takes longer than ``at``.
    """

    def __init__(self, where: str, parts: Mapping[str, int], at: int | None = None):
        if not parts:
            raise ValueError(f"{where}: parts that meet must be at least one")
        self.where, self._parts = where, dict(parts)
        self.latency = max(self._parts.values()) if at is None else at
        late = {name: cycles for name, cycles in self._parts.items() if cycles > self.latency}
        if late:
            words = ", ".join(f"{name} takes {cycles}" for name, cycles in late.items())
            raise ValueError(f"{where}: parts must meet after {self.latency} cycles, but {words}")

    def wait(self, part: str) -> int:
        """Return the cycles by which the result of ``part`` must be delayed."""
        return self.latency - self._parts[part]
