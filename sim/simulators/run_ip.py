"""An IP block is simulated, and what its bench found is judged: by golden, the prediction and the cycle model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.benches.traces import begins_of, parts_of
from fewbit.sim.cycles.model import predict
from fewbit.sim.cycles.pipeline import Pipeline

from .run import run_job
from .weight_memory import WeightMemory

__all__ = ["FEWEST", "TOP", "IpResult", "simulate_ip", "stalls_of", "unpredicted"]

TOP = "accelerator_ip"
FEWEST = 3  # frames that the bench needs


@dataclass
class IpResult:
    """What a simulation of an IP block found.

    Attributes
    ----------
    frames, mismatches : int
        The results that were compared with golden, and those that differ.
    cut, resets : int
        The results that soft resets cut off, and the number of soft resets.
    interrupts : int
        The interrupts that were served while frames came.
    stalls : dict of int
        The cycles that the register STALL showed for each stage at full rate: who waits for whom.
    problems : list of str
        What was not as it should be, in words.
    folder : Path
        The run's own folder, with its log, and with a waveform (`sim.simulators.waves`) if waves were asked for.
    """

    frames: int
    mismatches: int
    cut: int
    resets: int
    interrupts: int
    stalls: dict[str, int]
    problems: list[str]
    folder: Path


def simulate_ip(
    folder: Path | str, plan: AcceleratorPlan, control: Mapping[str, object], values: np.ndarray,
    expected: np.ndarray, *, stall: float = 0.3, seed: int = 1, resets: int = 4, design: str | None = None,
    waves: bool = False, verbose: bool = False, started: Callable[[], object] | None = None,
    memory: WeightMemory | None = None,
) -> IpResult:  # fmt: skip
    """Stream ``values`` through the IP block in ``folder``, and say what was found.

    Parameters
    ----------
    folder : path
        The folder that `sim.simulators.simulator.Simulator.build` made a simulator in.
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    control : dict
        The registers, as in the manifest, or as of `hw.shell.registers.RegisterMap.constants`.
    values, expected : arrays ``(F, ...)``
        At least three frames, and what golden makes of them.
    stall : float
        The probability of an idle cycle and of back-pressure, in the traffic that a DMA makes.
    seed : int
        The seed of what is random.
    resets : int
        The number of soft resets, at random times.
    design, waves, verbose, started, memory
        As of `sim.simulators.run.simulate`.

    Raises
    ------
    ValueError
        If there are fewer than three frames.
    SimulationError
        If there is no simulator, it is of another design, or the simulation fails or takes too long.
    """
    if len(values) < FEWEST:
        raise ValueError(f"Frames must be at least {FEWEST}, not {len(values)}")
    latency, inside = predict(plan, 1).latency, plan.frames_inside
    # Within so many cycles nothing is under way any more: the bench has at most 9 frames inside when it waits for that.
    quiet = 300 + 3 * (latency + min(9, inside) * plan.bound)
    job = {
        "stall": stall, "seed": seed, "control": control, "beats_in": [entry.beats for entry in plan.entries],
        "resets": resets, "inside": inside,
        "quiet": quiet, "full": 300 + latency + (inside + 3) * plan.bound,
        "bound": plan.bound, "latency": latency, "again": min(len(values), 3 + latency // plan.bound),
    }  # fmt: skip
    found, run = run_job(
        folder,
        TOP,
        plan,
        values,
        expected,
        job,
        design=design,
        waves=waves,
        verbose=verbose,
        started=started,
        memory=memory,
    )
    with np.load(run / "traces.npz") as file:
        traces = dict(file)
    problems, names = list(found["problems"]), [stage.name for stage in plan.stages]
    for phase in ("full", "busy", "again"):
        trace = traces[phase]
        problems += _unlike_the_model(phase, trace, dict(zip(names, found[phase]["stalls"], strict=True)), plan)
        if phase != "busy":
            problems += unpredicted(phase, trace, plan)
    parts = [found[phase] for phase in ("full", "busy", "again")]
    return IpResult(
        sum(p["frames"] for p in parts), sum(p["mismatches"] for p in parts), found["cut"], resets,
        found["busy"]["interrupts"], dict(zip(names, found["full"]["stalls"], strict=True)), problems, run,
    )  # fmt: skip


def unpredicted(phase: str, trace: np.ndarray, plan: AcceleratorPlan) -> list[str]:
    """Return problems unless, at full rate, every first beat in and every last beat out has its predicted cycle."""
    offered, taken, valid, ready, last, _ = parts_of(trace)
    begins = begins_of(offered, taken, [entry.beats for entry in plan.entries])
    ends = np.flatnonzero(valid & ready & last)
    timing = predict(plan, len(ends))
    both = ("entered", begins, timing.entered), ("left", ends, timing.left)
    return [f"{phase}: frames {what} in other cycles than predicted" for what, got, want in both
            if (got - begins[0]).tolist() != [w - timing.entered[0] for w in want]]  # fmt: skip


def _unlike_the_model(phase, trace, stalls, plan):
    """Return the counters of stalls that are not what the cycle model says, as problems."""
    offered, _, _, ready, *_ = parts_of(trace)
    want = stalls_of(plan, offered, ready)
    each = zip(stalls.items(), want, strict=True)
    return [f"{phase}: STALL of {name} is {got}, by the cycle model {w}" for (name, got), w in each if got != w]


def stalls_of(plan: AcceleratorPlan, offers: np.ndarray, takes: np.ndarray) -> list[int]:
    """Return in how many cycles each stage offers a beat that is not taken, by the cycle model.

    ``offers``, bool ``(inputs, cycles)``, and ``takes``, bool ``(cycles,)``, say in which cycles the source of each
    input offers a beat and the sink would take one.
    """
    pipeline, counts = Pipeline(plan), [0] * len(plan.stages)
    beats, sent = [entry.beats for entry in plan.entries], [0] * len(plan.entries)
    got = whole = left = 0
    for offer, take in zip(offers.T.tolist(), takes.tolist(), strict=True):
        at_end = got % plan.beats_out == plan.beats_out - 1
        enters, leaves = pipeline.step(offer, take and (not at_end or left < whole))
        for stage, streams in enumerate(pipeline.outputs):
            if plan.stages[stage].inputs:
                counts[stage] += any(pipeline.valid[s] and not pipeline.ready[s] for s in streams)
        sent, got = [s + enter for s, enter in zip(sent, enters, strict=True)], got + leaves
        whole, left = min(s // n for s, n in zip(sent, beats, strict=True)), got // plan.beats_out
    return counts
