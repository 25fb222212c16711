"""What the benches need of a simulator: it builds generated Verilog, runs what it built, and says its version.

A simulator is one file of `sim.simulators.kinds` with a `Simulator` that registers itself.
"""

import pkgutil
from abc import ABC, abstractmethod
from functools import cache
from importlib import import_module
from pathlib import Path

from . import kinds

__all__ = ["Simulator", "register", "simulator_in", "simulators"]

_SIMULATORS = {}


class Simulator(ABC):
    """A program that simulates generated Verilog with the benches of `sim.benches`.

    Attributes
    ----------
    name, title : str
        By which it is chosen, and as people write it.
    summary : str
        What it is and why one would choose it, for the command line; empty for the usual one.
    folder : str
        Beginning of the name of the folder, in that of a build, that holds what it built.
    few : int
        Cycles up to which it is quicker to simulate with what a ``quick`` build makes; 0 where builds do not differ.
    """

    name: str
    title: str
    summary = ""
    folder: str
    few = 0

    @abstractmethod
    def version(self):
        """Return what it calls itself, for keys of what is kept.

        Raises
        ------
        SimulationError
            If it is not on this machine.
        """

    @abstractmethod
    def program(self, top):
        """Return the name of the file, in a folder that it built in, that simulates the module ``top``."""

    @abstractmethod
    def build(self, verilog, folder, *, top="accelerator", quick=False, waves=False, verbose=False, progress=None):
        """Build ``verilog`` with the top module ``top`` of `sim.simulators.tops.TOPS` in ``folder``, for
        `sim.simulators.run.simulate` and `sim.simulators.run_ip.simulate_ip`; returns the log's path.

        What was there stays until the new one is whole. The tools work in an empty folder, by names within it alone.

        Parameters
        ----------
        verilog : path, or bytes
        quick : bool
            Whether it is for `few` cycles.
        waves : bool
            Whether a run can leave ``dump.vcd`` in its folder.
        verbose : bool
            Whether the tools print instead of writing the log.
        progress : callable or None
            ``progress()``, a few times a second.

        Raises
        ------
        SimulationError
            With the path of the log.
        """

    def seconds(self, size, quick):
        """Return about how long a build of ``size`` bytes of Verilog takes; None where that is a moment."""
        return None

    @abstractmethod
    def runner(self, waves):
        """Return cocotb's runner of what it built, for its tests only."""


def register(kind):
    """Register a kind of `Simulator`, as its decorator."""
    _SIMULATORS[kind.name] = kind()
    return kind


@cache
def simulators():
    """Return the simulators that there are, by name."""
    for found in pkgutil.iter_modules(kinds.__path__, f"{kinds.__name__}."):
        import_module(found.name)
    return dict(_SIMULATORS)


def simulator_in(folder, top):
    """Return the simulator that has built ``top`` in ``folder``; None if there is none."""
    return next((s for s in simulators().values() if (Path(folder) / s.program(top)).is_file()), None)
