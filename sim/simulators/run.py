"""A simulator that was built: stream frames through a generated accelerator, and say what was found."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.design import DESIGN
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import new_run

from .process import LIBS, reason_of, run_module
from .simulator import simulator_in, simulators
from .tops import TOPS

__all__ = ["SimulationResult", "results", "run_job", "simulate"]

_SECONDS = 36_000  # that a simulation may take


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
        simulator = simulator_in(folder, top)
        with new_run(folder, folder / (simulator.program(top) if simulator else top)) as run:
            if started:
                started()
            _write_job(run, plan, values, expected, again, job | {"design": design})
            run_module(
                __spec__.name, [simulator.name, top, str(int(waves))], run, run / "run.log", what="the simulation",
                seconds=_SECONDS, verbose=verbose, poll=progress and (lambda: _told(run / "progress", progress)),
            )  # fmt: skip
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
        raise SimulationError(f"the simulation ended without a result ({reason_of(log)}); log: {log}") from None
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


def main(simulator, top, waves):
    """Run the bench of ``top`` in the working folder, in a process of its own; ``waves`` is "1" or "0"."""
    import cocotb_tools.config as cocotb

    folder, waves = Path.cwd(), waves == "1"
    os.symlink(cocotb.libs_dir, LIBS)  # where the program looks for them
    os.environ["FEWBIT_JOB"] = str(folder / "job.json")
    found = simulators()[simulator].runner(waves).test(
        hdl_toplevel=top, test_module=TOPS[top].bench, build_dir=folder, test_dir=folder, waves=waves,
        hdl_toplevel_lang="verilog",
    )  # fmt: skip
    text = Path(found).read_text()
    if "<failure" in text or "<error" in text:
        print("Error: the bench failed")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
