"""Programs of generated Verilog for software that talks to them: Verilator makes them, with a small main of ours."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fewbit.host.processes import run
from fewbit.places import CACHE
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import fresh

from .process import environment
from .runtime import ANY_FOLDER, keep_runtime, link_verilator, reuse_runtime, runtime_folder

__all__ = ["build_program"]

_RUNTIME = CACHE / "verilated-main"
_OPTIONS = ["-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3", "--x-assign", "fast", "--x-initial", "fast"]
_FLAGS, _QUICK = "-O1 -std=c++17", "-O0 -std=c++17"


def build_program(
    folder: Path | str, main: Path | str, sources: Mapping[str, bytes], *, top: str, shape: Mapping[str, object],
    quick: bool = False, timeout: float = 3600,
) -> Path:  # fmt: skip
    """Compile Verilog and one of our C++ mains into ``folder/V<top>``, and return its path.

    The tools work in an empty folder, by names within it alone; an earlier program stays until this one is whole.

    Parameters
    ----------
    folder : path
    main : str or path
        A file beside this module, or any by its whole path; it includes ``V<top>.h`` and ``shape.h``.
    sources : dict of bytes
        Verilog by file name.
    top : str
        The top module.
    shape : dict
        The macros that ``shape.h`` defines, with their values.
    quick : bool
        Whether the program runs for a few thousand cycles only: it is not optimized, and compiled in one piece.
    timeout : float
        The seconds that each tool may take.

    Raises
    ------
    SimulationError
        If a tool is missing, fails or takes too long; the message has the path of the log.
    """
    folder, env, main = Path(folder), environment(), Path(__file__).parent / main
    flags, fast = (_QUICK, ["VM_PARALLEL_BUILDS=0", "OPT_FAST=-O0"]) if quick else (_FLAGS, [])
    store = runtime_folder(_RUNTIME, Path(env["VERILATOR_ROOT"]) / "include", (_OPTIONS, flags))
    with fresh(folder) as made:
        log = folder / "build.log"
        log.write_text("")
        (made / "shape.h").write_text("".join(f"#define {name} {value}\n" for name, value in shape.items()))
        (made / main.name).write_bytes(main.read_bytes())
        for name, content in sources.items():
            (made / name).write_bytes(content)
        env |= link_verilator(env, made)
        _run(
            ["verilator", "--cc", "--exe", *_OPTIONS, "-CFLAGS", flags, "--top-module", top, "--prefix", f"V{top}",
             "--Mdir", ".", *sources, main.name], made, env, log, timeout,
        )  # fmt: skip
        reuse_runtime(store, made)  # only now: the header that Verilator has written is older
        _run(["make", "-f", f"V{top}.mk", *ANY_FOLDER, f"V{top}", *fast], made, env, log, timeout)
        keep_runtime(made, store)
        os.replace(made / f"V{top}", folder / f"V{top}")
    return folder / f"V{top}"


def _run(command: Sequence[str], folder: Path, env: Mapping[str, str], log: Path, timeout: float) -> None:
    """Run one tool, whose output is added to the log; `SimulationError` if it fails."""
    with open(log, "a") as out:
        try:
            done = run(command, cwd=folder, env=env, stdout=out, stderr=out, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SimulationError(f"Verilator's build took over {timeout} s; log: {log}") from None
        except FileNotFoundError:
            raise SimulationError(f"{command[0]} is missing: `make doctor` says what to install") from None
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines() or ["it printed nothing"]
        reason = next((line for line in lines if "rror" in line), lines[-1]).strip()[:200]
        raise SimulationError(f"Verilator's build failed ({reason}); log: {log}")
