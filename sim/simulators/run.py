"""A simulator that was built is run: frames are streamed through a generated accelerator and compared with golden."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from fewbit.host.packing import pack_beats, unpack_beats
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.stream_names import input_streams
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.design import DESIGN
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import new_run

from .process import LIBS, reason_of, run_module
from .simulator import simulator_in, simulators
from .tops import TOPS
from .weight_memory import WeightMemory

__all__ = ["Damaged", "RawMismatch", "SimulationResult", "patience_of", "result_of", "results", "run_job", "simulate",
           "told"]  # fmt: skip

_SECONDS = 36_000  # that a simulation may take


class RawMismatch(TypedDict):
    """A frame whose result differs: the beats that came and those that golden gives, in hexadecimal."""

    frame: int
    got: list[str]
    want: list[str]


class Damaged(TypedDict):
    """What became of the frames that were sent to try damaged ones.

    ``frames`` were sent, ``damaged`` of them damaged; ``wrong`` results differ, or are marked and should not be, or the
    other way round; ``end`` is the time of the last, in ns.
    """

    frames: int
    damaged: int
    wrong: int
    end: float


@dataclass
class SimulationResult:
    """What a simulation found.

    Attributes
    ----------
    frames, mismatches : int
        The frames that were compared with golden, and those whose results differ.
    examples : list of RawMismatch
        The first few of these.
    left : list of int
        The cycle in which each result left, counted from the first beat in.
    damage : Damaged
    problems : list of str
        What else was not as it should be, in words.
    folder : Path or None
        The run's own folder, with its log, and with a waveform (`sim.simulators.waves`) if waves were asked for.
    stalled : list of int
        With a memory of weights: the cycles that it had stalled from the first beat in until each result left.
    """

    frames: int
    mismatches: int
    examples: list[RawMismatch]
    left: list[int]
    damage: Damaged
    problems: list[str] = field(default_factory=list)
    folder: Path | None = None
    stalled: list[int] = field(default_factory=list)

    @property
    def latency(self) -> int:
        """The cycles from the first beat in to the last beat of the first result out."""
        return self.left[0]


def simulate(
    folder: Path | str, plan: AcceleratorPlan, values: np.ndarray, expected: np.ndarray, *,
    again: np.ndarray | None = None, stall: float = 0.0, seed: int = 1, design: str | None = None, waves: bool = False,
    verbose: bool = False, progress: Callable[[int], object] | None = None,
    started: Callable[[], object] | None = None, memory: WeightMemory | None = None,
) -> SimulationResult:  # fmt: skip
    """Stream integer ``values`` through the simulator in ``folder``, compare with ``expected``, and say what was found.

    Parameters
    ----------
    folder : path
        The folder that `sim.simulators.simulator.Simulator.build` made a simulator in.
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    values, expected : int arrays ``(F, length)``
        The frames, a batch of the network's samples, and what golden makes of them; floats for a float32 network.
    again : int array or None
        The results that the frames of `sim.benches.damaged_frames.order_of` give when they come behind all others, if
        those are not the results that they gave before (networks that draw random numbers).
    stall : float
        The probability of an idle cycle at each input, and of back-pressure at the output, each cycle.
    seed : int
        The seed of what is random.
    design : str or None
        `sim.design.digest_of` the Verilog that the simulator must be of; None for what was last built in ``folder``.
    waves, verbose : bool
        Whether the run leaves a waveform (`sim.simulators.waves`), and whether what it prints is shown instead of kept
        in its log.
    progress : callable or None
        Told the number of frames that are done, a few times a second.
    started : callable or None
        Called once nothing in ``folder`` but the run's own folder is needed any more: others may build there.
    memory : WeightMemory or None
        What external weights are read from.

    Raises
    ------
    SimulationError
        If there is no simulator, it is of another design, or the simulation fails or takes too long.
    """
    if again is None:
        beats = [entry.beats for entry in plan.entries]
        again = expected[[number for _, number, _ in order_of(len(values), beats)]]
    job = {"stall": stall, "seed": seed}
    return result_of(*run_job(
        folder, "accelerator", plan, values, expected, job, again=again, design=design, waves=waves, verbose=verbose,
        progress=progress, started=started, memory=memory,
    ))  # fmt: skip


def run_job(
    folder: Path | str, top: str, plan: AcceleratorPlan, values: np.ndarray, expected: np.ndarray,
    job: Mapping[str, object], *, again: np.ndarray | None = None, design: str | None = None, waves: bool = False,
    verbose: bool = False, progress: Callable[[int], object] | None = None,
    started: Callable[[], object] | None = None, bench: str | None = None, memory: WeightMemory | None = None,
) -> tuple[dict[str, Any], Path]:  # fmt: skip
    """Run the bench of the top module ``top``, and return what it found, as from JSON, and the run's own folder.

    It is the usual bench of that module, or the module ``bench``. It gets ``job``, and, packed in beats, the frames
    ``values`` and their results ``expected``, and the results ``again`` if it takes such. The other arguments are those
    of `simulate`.

    Raises
    ------
    SimulationError
        If there is no simulator, it is of another design, or the simulation fails or takes too long.
    """
    folder = Path(folder)
    try:
        design = design or (folder / DESIGN).read_text()
        simulator = simulator_in(folder, top)
        if simulator is None:
            raise FileNotFoundError(2, "no such file", str(folder / top))
        with new_run(folder, folder / simulator.program(top)) as run:
            if started:
                started()
            _write_job(run, plan, values, expected, again, {**job, "design": design}, memory)
            options = [simulator.name, top, str(int(waves)), bench or TOPS[top].bench]
            run_module(
                __spec__.name, options, run, run / "run.log", what="the simulation",
                seconds=_SECONDS, verbose=verbose, poll=progress and (lambda: told(run / "progress", progress)),
            )  # fmt: skip
            return _found(run, design), folder / run.name
    except FileNotFoundError as error:
        raise SimulationError(f"{error.filename}: no such file: there is no simulator in {folder}") from None


def _write_job(run, plan, values, expected, again, job, memory):
    """Write what the bench reads."""
    results_of = {"expected": expected} if again is None else {"expected": expected, "again": again}
    packed = {
        name: pack_beats(plan.format.encode(y.reshape(len(y), -1)), plan.format.bits, plan.lanes_out)
        for name, y in results_of.items()
    }
    streams = dict(zip(input_streams(plan.network), plan.frames_of(values), strict=True))
    np.savez(run / "beats.npz", **streams, **packed)
    patience = patience_of(plan, job["stall"], memory)
    job = {"folder": str(run.absolute()), "patience": patience, "inputs": list(streams)} | job
    if memory is not None:
        job["memory"] = memory.job
        (run / "weights.bin").write_bytes(memory.image)
    (run / "job.json").write_text(json.dumps(job))


def patience_of(plan: AcceleratorPlan, stall: float, memory: WeightMemory | None = None) -> int:
    """Return the cycles within which a result must come; a sixteenth of them is some four intervals."""
    cycles, share = 60 * plan.bound + 20_000 + 200 * len(plan.stages), max(0.05, 1 - stall)
    if memory is not None:  # bursts that wait for each other, at worst
        cycles, share = cycles * (1 + memory.latency // 64), share * max(0.05, 1 - memory.stall)
    return int(cycles / share)


def _found(run, design):
    """Return what the bench wrote; `SimulationError` if it wrote nothing, or is of another design."""
    log = run / "run.log"
    try:
        found = json.loads((run / "found.json").read_text())
    except (OSError, ValueError):
        raise SimulationError(f"the simulation ended without a result ({reason_of(log)}); log: {log}") from None
    if found.get("design", design) != design:
        raise SimulationError(f"the simulator in {run.parent} is not of this Verilog (of {found['design'][:16]}…, not "
                              f"{design[:16]}…): delete that folder, and run again")  # fmt: skip
    return found


def result_of(found: dict[str, Any], folder: Path) -> SimulationResult:
    """Return what a bench found in a run's ``folder``, with its problems in words."""
    problems: list[str] = []
    if found["marked"]:
        problems.append(f"{found['marked']} good frames were marked as damaged")
    if found["damage"]["wrong"]:
        problems.append(f"{found['damage']['wrong']} frames around damaged ones were wrong")
    if found["left_over"]:
        problems.append("results were left over")
    if found["counters"] != [found["frames"] + found["damage"]["frames"], found["damage"]["damaged"]]:
        problems.append(f"frame counters show {found['counters']}")
    problems += found.get("memory_problems", ())
    return SimulationResult(
        found["frames"], found["mismatches"], found["examples"], found["left"], found["damage"], problems, folder,
        found.get("stalled", []),
    )  # fmt: skip


def results(example: RawMismatch, plan: AcceleratorPlan) -> tuple[list[int], list[int]]:
    """Return ``(got, want)``: the values of the two results of a recorded mismatch."""
    size = (plan.format.bits * plan.lanes_out + 7) // 8

    def values(words: list[str]) -> list[int]:
        data = np.array([list(int(w, 16).to_bytes(size, "little")) for w in words], dtype=np.uint8)[None]
        codes = unpack_beats(data, plan.format.bits, plan.lanes_out, plan.length_out)
        return plan.format.decode(codes)[0].tolist()

    return values(example["got"]), values(example["want"])


def told(path: Path, progress: Callable[[int], object]) -> None:
    """Pass on the number in a file, which is not there at first, and is empty while it is written."""
    with suppress(OSError, ValueError):
        progress(int(path.read_text()))


def main(simulator: str, top: str, waves: str, bench: str) -> None:
    """Run the module ``bench`` of ``top`` in the working folder, in a process of its own; ``waves`` is "1" or "0"."""
    import cocotb_tools.config as cocotb

    folder, traced = Path.cwd(), waves == "1"
    os.symlink(cocotb.libs_dir, LIBS)  # where the program looks for them
    os.environ["FEWBIT_JOB"] = str(folder / "job.json")
    found = simulators()[simulator].runner(traced).test(
        hdl_toplevel=top, test_module=bench, build_dir=folder, test_dir=folder, waves=traced,
        hdl_toplevel_lang="verilog",
    )  # fmt: skip
    text = Path(found).read_text()
    if "<failure" in text or "<error" in text:
        print("Error: the bench failed")
        sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
