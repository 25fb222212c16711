"""Host software: the same `Accelerator` over PYNQ's DMA, a serial port, or a Verilator model. Needs NumPy only."""

from .accelerator import Accelerator, Results
from .build import Build, HostError

__all__ = ["Accelerator", "Build", "HostError", "Results"]
