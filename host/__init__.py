"""Host software: the same `Accelerator` over PYNQ's DMA, a serial port, or a Verilator model. Needs NumPy only."""

from importlib import import_module

__all__ = ["Accelerator", "Build", "HostError", "Results"]

# Each is imported when it is asked for: the command line needs this folder's processes, and none of these.
_MODULES = {"Accelerator": "accelerator", "Build": "build", "HostError": "build", "Results": "accelerator"}


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
