"""Programs of generated Verilog: Verilator and a small main of ours, for software that talks to them."""

import subprocess
from pathlib import Path

from .runner import SimulationError, environment
from .runtime import keep_runtime, reuse_runtime, runtime_folder

__all__ = ["build_program"]

_ROOT = Path(__file__).resolve().parent.parent
_RUNTIME = _ROOT / "build" / "cache" / "verilated-main"
_OPTIONS = ["-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3", "--x-assign", "fast", "--x-initial", "fast"]
_FLAGS, _QUICK = "-O1 -std=c++17", "-O0 -std=c++17"


def build_program(folder, main, sources, *, top, shape, quick=False, timeout=3600):
    """Compile Verilog and one of our C++ mains into ``folder/obj/V<top>``; returns its path.

    Parameters
    ----------
    folder : path
    main : str or path
        File beside this module, or any by its whole path; it includes ``V<top>.h`` and ``shape.h``.
    sources : list of path
        Verilog.
    top : str
    shape : dict
        What ``shape.h`` defines.
    quick : bool
        Whether the program runs for a few thousand cycles only: it is not optimized, and compiled in one piece.

    Raises
    ------
    SimulationError
        With the path of the log.
    """
    folder = Path(folder)
    made = folder / "obj"
    made.mkdir(parents=True, exist_ok=True)
    (folder / "shape.h").write_text("".join(f"#define {name} {value}\n" for name, value in shape.items()))
    env, log = environment(), folder / "build.log"
    log.write_text("")
    flags, fast = (_QUICK, ["VM_PARALLEL_BUILDS=0", "OPT_FAST=-O0"]) if quick else (_FLAGS, [])
    _run(
        ["verilator", "--cc", "--exe", *_OPTIONS, "-CFLAGS", f"{flags} -I{folder.resolve()}", "--top-module", top,
         "--prefix", f"V{top}", "--Mdir", str(made.resolve()), *(str(Path(source).resolve()) for source in sources),
         str((Path(__file__).parent / main).resolve())], folder, env, log, timeout,
    )  # fmt: skip
    store = runtime_folder(_RUNTIME, Path(env["VERILATOR_ROOT"]) / "include", (_OPTIONS, flags))
    reuse_runtime(store, made)  # only now: the header that Verilator has written is older
    _run(["make", "-f", f"V{top}.mk", f"V{top}", *fast], made, env, log, timeout)
    keep_runtime(made, store)
    return made / f"V{top}"


def _run(command, folder, env, log, timeout):
    """One tool, its output at the end of the log; `SimulationError` if it fails."""
    with open(log, "a") as out:
        try:
            done = subprocess.run(
                command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=timeout,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SimulationError(f"Verilator's build took over {timeout} s; log: {log}") from None
        except FileNotFoundError:
            raise SimulationError(f"{command[0]} is missing: `make doctor` says what to install") from None
    if done.returncode:
        lines = log.read_text(errors="replace").splitlines() or ["it printed nothing"]
        reason = next((line for line in lines if "rror" in line), lines[-1]).strip()[:200]
        raise SimulationError(f"Verilator's build failed ({reason}); log: {log}")
