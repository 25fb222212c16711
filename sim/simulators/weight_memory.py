"""The memory that external weights are read from in a simulation: what it holds and how it behaves."""

from dataclasses import dataclass, field

__all__ = ["BASE", "WeightMemory"]

BASE = 0x3_4567_8000
"""Where the image begins in simulations: an address of more than 32 bits, at a multiple of 4 KiB."""


@dataclass(frozen=True, kw_only=True)
class WeightMemory:
    """A memory behind an accelerator's ``m_axi_weights``.

    Attributes
    ----------
    image : bytes
        What it holds from `BASE` on.
    latency : int
        Cycles from a burst that it takes to the burst's first beat.
    stall : float
        Chance in each cycle that it takes no burst, and that it gives no beat.

    Raises
    ------
    ValueError
        If the latency is below 1, or the chance not from 0 to below 1.
    """

    image: bytes = field(repr=False)
    latency: int
    stall: float = 0.0

    def __post_init__(self) -> None:
        if self.latency < 1:
            raise ValueError(f"memory latency must be at least 1 cycle, not {self.latency}")
        if not 0 <= self.stall < 1:
            raise ValueError(f"memory stalls must be a chance from 0 to below 1, not {self.stall}")

    @property
    def job(self) -> dict[str, float]:
        """What a bench is told of it beside the image."""
        return {"base": BASE, "latency": self.latency, "stall": self.stall}
