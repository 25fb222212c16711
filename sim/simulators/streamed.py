"""Frames are streamed through an accelerator by a C++ bench instead of cocotb's: many times as many cycles a second.

It serves large designs, whose simulation takes long. What is sent, and what must come, is as in
`sim.benches.accelerator`, whose protocol checks are an independent library's.
"""

import os
import struct
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.host.packing import pack_beats
from fewbit.host.processes import Process
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shell.stream_names import input_streams
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.design import DESIGN
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import new_run

from .process import reason_of
from .program import build_program
from .run import SimulationResult, patience_of, result_of, simulate, told
from .weight_memory import BASE, WeightMemory

__all__ = ["PROGRAM", "build_streamed", "simulate_built", "simulate_streamed"]

PROGRAM = "Vaccelerator"
_MAIN = "stream.cpp"
_SECONDS = 36_000  # that a simulation may take
_END = (1 << 64) - 1
_MOST_EXAMPLES = 5

Frame = list[np.ndarray]  # of each input the beats, uint8 (beats, bytes)


def build_streamed(folder: Path, plan: AcceleratorPlan, verilog: str, design: str, *, quick: bool = False) -> None:
    """Build the bench of Verilog that does what the design of a digest does.

    Raises
    ------
    SimulationError
        If the tools fail; the message has the path of the log.
    """
    names = input_streams(plan.network)
    sizes = [(entry.format.bits * entry.lanes + 7) // 8 for entry in plan.entries]
    each = " ".join(f"X({n}, {name}, {size})" for n, (name, size) in enumerate(zip(names, sizes, strict=True)))
    shape = {
        "DESIGN": f'"{design}"', "COUNT_INPUTS": len(names), "INPUTS(X)": each, "BYTES_OUT": _bytes_out(plan),
    }  # fmt: skip
    if plan.weight_port is not None:
        shape["WEIGHT_BYTES"] = plan.weight_port.bus // 8
    build_program(folder, _MAIN, {"design.v": verilog.encode()}, top="accelerator", shape=shape, quick=quick)
    (folder / DESIGN).write_text(design)


def _bytes_out(plan: AcceleratorPlan) -> int:
    return (plan.format.bits * plan.lanes_out + 7) // 8


def simulate_streamed(
    folder: Path, plan: AcceleratorPlan, values: np.ndarray, expected: np.ndarray, *,
    again: np.ndarray | None = None, stall: float = 0.0, seed: int = 1, design: str | None = None,
    progress: Callable[[int], object] | None = None, started: Callable[[], object] | None = None,
    memory: WeightMemory | None = None,
) -> SimulationResult:  # fmt: skip
    """Do what `sim.simulators.run.simulate` does, with what `build_streamed` built in ``folder``.

    Raises
    ------
    SimulationError
        If there is no program, it is of another design, or the simulation fails or takes too long.
    """
    design = design or (folder / DESIGN).read_text()
    streams = [np.asarray(part) for part in plan.frames_of(values)]
    sent = [[part[n] for part in streams] for n in range(len(values))]
    order = order_of(len(values), [entry.beats for entry in plan.entries])
    damaged = _damaged(sent, order, np.random.default_rng(seed))
    again = expected[[number for _, number, _ in order]] if again is None else again
    patience = patience_of(plan, max(0.25, stall), memory)
    phases = [(stall, sent), (max(0.25, stall), damaged)]
    try:
        with new_run(folder, folder / PROGRAM) as run:
            if started:
                started()
            (run / "job").write_bytes(_job(phases, seed, patience, memory))
            _run(run, progress)
            found = _read(run / "results", _bytes_out(plan))
            stalled = _stalled(run / "stalled", len(sent)) if memory else {}
    except FileNotFoundError as error:
        raise SimulationError(f"{error.filename}: no such file: there is no simulator in {folder}") from None
    if found["design"] != design:
        raise SimulationError(f"the simulator in {folder} is not of this Verilog: delete that folder, and run again")
    return result_of(_compared(found, plan, expected, again, order) | stalled, folder / run.name)


def simulate_built(
    folder: Path, plan: AcceleratorPlan, values: np.ndarray, expected: np.ndarray, *, waves: bool = False,
    verbose: bool = False, **options: Any,
) -> SimulationResult:  # fmt: skip
    """Simulate with what was built in ``folder``, for cocotb's bench or for this one; both give the same.

    Parameters and errors are those of `sim.simulators.run.simulate`.
    """
    if (folder / PROGRAM).is_file():
        return simulate_streamed(folder, plan, values, expected, **options)
    return simulate(folder, plan, values, expected, waves=waves, verbose=verbose, **options)


def _damaged(sent: Sequence[Frame], order: Sequence[tuple[str, int, int]], rng: np.random.Generator) -> list[Frame]:
    """Return the frames that are sent to try damaged ones."""
    frames = []
    for kind, number, at in order:
        frame = list(sent[number])
        beats = len(frame[at])
        if kind == "short":
            frame[at] = frame[at][: 1 + int(rng.integers(beats - 1))]
        elif kind == "long":
            frame[at] = np.concatenate([frame[at], sent[0][at][: 1 + int(rng.integers(beats))]])
        frames.append(frame)
    return frames


def _stalled(path: Path, frames: int) -> dict[str, Any]:
    """Return what the program wrote of the memory: stalled cycles until each of the first results, and what was asked
    of it that must not be."""
    counts = np.fromfile(path, "<u8")
    wrong = int(counts[0])
    problems = [f"{wrong} bursts lay outside of the image of weights, or crossed 4 KiB"] if wrong else []
    return {"stalled": counts[1 : 1 + frames].tolist(), "memory_problems": problems}


def _job(
    phases: Sequence[tuple[float, Sequence[Frame]]], seed: int, patience: int, memory: WeightMemory | None = None
) -> bytes:
    """Return what the program reads."""
    parts = [struct.pack("<QQ", seed, patience)]
    if memory is not None:
        parts += [struct.pack("<QQdQ", BASE, memory.latency, memory.stall, len(memory.image)), memory.image]
    parts.append(struct.pack("<I", len(phases)))
    for stall, frames in phases:
        parts.append(struct.pack("<dI", stall, len(frames)))
        for beats in zip(*frames, strict=True):
            lasts = [np.arange(len(part)) == len(part) - 1 for part in beats]
            whole = np.concatenate([np.column_stack(pair).astype(np.uint8) for pair in zip(beats, lasts, strict=True)])
            parts += [struct.pack("<I", len(whole)), whole.tobytes()]
    return b"".join(parts)


def _run(run: Path, progress: Callable[[int], object] | None) -> None:
    log, end = run / "run.log", time.monotonic() + _SECONDS
    with open(log, "w") as out:
        process = Process(
            [run.absolute() / PROGRAM, "job", "results"], cwd=run, stdout=out, stderr=subprocess.STDOUT, env=os.environ
        )
        try:
            while process.poll() is None:
                if time.monotonic() > end:
                    raise SimulationError(f"the simulation took over {_SECONDS} s; log: {log}")
                if progress:
                    told(run / "progress", progress)
                time.sleep(0.02)
        finally:
            process.end()
    if process.returncode:
        raise SimulationError(f"the simulation failed ({reason_of(log)}); log: {log}")


def _read(path: Path, size: int) -> dict[str, Any]:
    """Return what the program wrote: results in each phase and beyond, as cycles, beats and marks, and counters."""
    data, at, results = path.read_bytes(), 0, []
    while True:
        (cycle,) = struct.unpack_from("<Q", data, at)
        at += 8
        if cycle == _END:
            break
        (beats,) = struct.unpack_from("<I", data, at)
        at += 4
        whole = np.frombuffer(data, np.uint8, beats * (size + 1), at).reshape(beats, size + 1)
        at += whole.size
        results.append((cycle, whole[:, :size], whole[:, size]))
    at = len(data) - 64 - 20
    over, frames, bad, cycles = struct.unpack_from("<IIIQ", data, at)
    return {
        "results": results, "left_over": over, "counters": [frames, bad], "cycles": cycles,
        "design": data[-64:].decode(),
    }  # fmt: skip


def _compared(
    found: Mapping[str, Any], plan: AcceleratorPlan, expected: np.ndarray, again: np.ndarray,
    order: Sequence[tuple[str, int, int]],
) -> dict[str, Any]:  # fmt: skip
    """Return what cocotb's bench writes of the same run."""
    wanted, later = (
        pack_beats(plan.format.encode(y.reshape(len(y), -1)), plan.format.bits, plan.lanes_out)
        for y in (expected, again)
    )
    first, rest = found["results"][: len(wanted)], found["results"][len(wanted) :]
    wrong = [n for n, (_, got, _) in enumerate(first) if not np.array_equal(got, wanted[n])]
    damage = 0
    for (kind, *_), want, (_, got, marks) in zip(order, later, rest, strict=True):
        good = np.array_equal(got, want) and not marks.any()
        marked = len(got) == len(want) and bool(marks[-1]) and not marks[:-1].any()
        damage += not (good if kind == "good" else marked)
    shown = [(n, first[n][1], wanted[n]) for n in wrong[:_MOST_EXAMPLES]]
    return {
        "frames": len(first), "mismatches": len(wrong), "left": [cycle for cycle, *_ in first],
        "examples": [{"frame": n, "got": _words(got), "want": _words(want)} for n, got, want in shown],
        "marked": sum(bool(marks.any()) for *_, marks in first), "left_over": found["left_over"],
        "counters": found["counters"],
        "damage": {"frames": len(order), "damaged": sum(kind != "good" for kind, *_ in order), "wrong": damage,
                   "end": 10.0 * found["cycles"]},
    }  # fmt: skip


def _words(beats: np.ndarray) -> list[str]:
    return [hex(int.from_bytes(beat.tobytes(), "little")) for beat in beats]
