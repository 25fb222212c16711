"""The error that simulations raise."""

__all__ = ["SimulationError"]


class SimulationError(RuntimeError):
    """A simulator or its bench failed; the message says where the log is."""
