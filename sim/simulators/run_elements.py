"""The bench of processing elements on their own is run in a simulator."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fewbit.sim.folders import new_run

from .process import run_module
from .simulator import simulators
from .tops import TOPS

__all__ = ["TOP", "run_elements"]

TOP = "pe_array"
_SECONDS = 3600  # that the bench may take


def run_elements(
    verilog: bytes, numbers: Mapping[str, Any], folder: Path, *, simulator: str = "verilator",
    progress: Callable[[], None] | None = None,
) -> Path:  # fmt: skip
    """Build processing elements in a simulator, run their bench, and return the log of the run.

    Parameters
    ----------
    verilog : bytes
        The module `TOP`.
    numbers : mapping
        What ``pe.json`` says of them (`sim.benches.processing_elements.Elements`).
    folder : Path
        Where the simulator is built and runs.
    simulator : str
        One of `sim.simulators.simulator.simulators`.
    progress : callable or None
        Called a few times a second.

    Raises
    ------
    SimulationError
        If the simulator is missing or cannot be built, or a result differs, or comes in another cycle; the message has
        the path of the log.
    """
    chosen = simulators()[simulator]
    chosen.build(verilog, folder, top=TOP, quick=True, progress=progress)
    with new_run(folder, folder / chosen.program(TOP)) as run:
        (run / "pe.json").write_text(json.dumps(numbers))
        run_module(
            "fewbit.sim.simulators.run", [simulator, TOP, "0", TOPS[TOP].bench], run, run / "run.log", what="the bench",
            seconds=_SECONDS, poll=progress,
        )  # fmt: skip
        return folder / run.name / "run.log"
