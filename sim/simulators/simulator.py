"""What the benches need of a simulator: that it builds generated Verilog, runs what it built, and says its version.

A simulator is one file of `sim.simulators.kinds` with a `Simulator` that registers itself.
"""

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from . import kinds

if TYPE_CHECKING:  # only who simulates needs it
    from cocotb_tools.runner import Runner

__all__ = ["Simulator", "register", "simulator_in", "simulators"]

_SIMULATORS: dict[str, "Simulator"] = {}


class Simulator(ABC):
    """A program that simulates generated Verilog with the benches of `sim.benches`.

    Attributes
    ----------
    name, title : str
        The name by which it is chosen, and as people write it.
    summary : str
        What it is and why one would choose it, for the command line; empty for the usual one.
    folder : str
        The beginning of the name of the folder, in that of a build, that holds what it built.
    few : int
        The cycles up to which it is quicker to simulate with what a ``quick`` build makes; 0 where builds do not
        differ.
    """

    name: str
    title: str
    summary: str = ""
    folder: str
    few: int = 0

    @abstractmethod
    def version(self) -> str:
        """Return the version that it says it has, which belongs to the key of what is kept.

        Raises
        ------
        SimulationError
            If it is not on this machine.
        """

    @abstractmethod
    def program(self, top: str) -> str:
        """Return the name of the file, in a folder that it built in, that simulates the module ``top``."""

    @abstractmethod
    def build(
        self, verilog: Path | str | bytes, folder: Path | str, *, top: str = "accelerator", quick: bool = False,
        waves: bool = False, verbose: bool = False, progress: Callable[[], None] | None = None,
        design: str | None = None,
    ) -> Path:  # fmt: skip
        """Build ``verilog`` in ``folder`` for `sim.simulators.run.run_job`, and return the path of the log.

        What was there stays until the new one is whole. The tools work in an empty folder, by names within it alone.

        Parameters
        ----------
        verilog : path, or bytes
        folder : path
        top : str
            The top module, one of `sim.simulators.tops.TOPS`.
        quick : bool
            Whether it is for `few` cycles.
        waves : bool
            Whether a run can leave a waveform (`sim.simulators.waves`) in its folder.
        verbose : bool
            Whether the tools print instead of writing the log.
        progress : callable or None
            Called a few times a second.
        design : str or None
            The digest of the design that ``verilog`` stands for, if it is not the design itself.

        Raises
        ------
        ValueError
            If the Verilog has no module ``top``.
        SimulationError
            If the tools fail or take too long; the message has the path of the log.
        """

    def seconds(self, size: int, quick: bool) -> float | None:
        """Return about how long a build of ``size`` bytes of Verilog takes; None where that is a moment."""
        return None

    @abstractmethod
    def runner(self, waves: bool) -> "Runner":
        """Return cocotb's runner of what it built, for its tests only."""


Kind = TypeVar("Kind", bound=type[Simulator])


def register(kind: Kind) -> Kind:
    """Register a kind of `Simulator`, as its decorator."""
    _SIMULATORS[kind.name] = kind()
    return kind


@cache
def simulators() -> dict[str, Simulator]:
    """Return the simulators that there are, by name."""
    for found in pkgutil.iter_modules(kinds.__path__, f"{kinds.__name__}."):
        import_module(found.name)
    return dict(_SIMULATORS)


def simulator_in(folder: Path | str, top: str) -> Simulator | None:
    """Return the simulator that has built ``top`` in ``folder``; None if there is none."""
    return next((s for s in simulators().values() if (Path(folder) / s.program(top)).is_file()), None)
