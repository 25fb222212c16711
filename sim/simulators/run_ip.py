"""Simulate an IP block in Verilator, and judge what its bench found: by golden, the prediction and the cycle model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewbit.sim.cycles.model import Pipeline, predict

from .run import run_job

__all__ = ["FEWEST", "IpResult", "simulate_ip", "stalls_of"]

TOP = "accelerator_ip"
FEWEST = 3  # frames that the bench needs


@dataclass
class IpResult:
    """What a simulation found.

    Attributes
    ----------
    frames, mismatches : int
        Results that were compared with golden, and those that differ.
    cut : int
        Results that a soft reset cut off, of ``resets``.
    interrupts : int
        Served while frames came.
    stalls : dict
        By stage, what STALL showed at full rate: who waits for whom.
    problems : list of str
    folder : Path
        Of the run: its log, and ``dump.vcd`` if waves were asked for.
    """

    frames: int
    mismatches: int
    cut: int
    resets: int
    interrupts: int
    stalls: dict
    problems: list
    folder: Path


def simulate_ip(
    folder, plan, control, values, expected, *, stall=0.3, seed=1, resets=4, design=None, waves=False, verbose=False,
    started=None,
):  # fmt: skip
    """Stream ``values`` through the IP block in ``folder``; an `IpResult`.

    Parameters
    ----------
    plan : hw.pipeline.accelerator.AcceleratorPlan
    control : dict
        Of the manifest, or `hw.shell.registers.RegisterMap.constants`.
    values, expected : arrays ``(F, …)`` of at least three frames in, and results
    stall : float
        Probability of an idle cycle and of back-pressure, in the traffic that a DMA makes.
    resets : int
        Soft resets at random times.
    design, started : as of `sim.simulators.run.simulate`
    """
    if len(values) < FEWEST:
        raise ValueError(f"Frames must be at least {FEWEST}, not {len(values)}")
    latency, inside = predict(plan, 1).latency, plan.frames_inside
    # Within so many cycles nothing is under way any more: the bench has at most 9 frames inside when it waits for that.
    quiet = 300 + 3 * (latency + min(9, inside) * plan.bound)
    job = {
        "stall": stall, "seed": seed, "control": control, "resets": resets, "inside": inside,
        "quiet": quiet, "full": 300 + latency + (inside + 3) * plan.bound,
        "bound": plan.bound, "latency": latency, "again": min(len(values), 3 + latency // plan.bound),
    }  # fmt: skip
    options = dict(design=design, waves=waves, verbose=verbose, started=started)
    found, run = run_job(folder, TOP, plan, values, expected, job, **options)
    with np.load(run / "traces.npz") as file:
        traces = dict(file)
    problems, names = list(found["problems"]), [stage.name for stage in plan.stages]
    for phase in ("full", "busy", "again"):
        trace = traces[phase].astype(bool)
        problems += _unlike_the_model(phase, trace, dict(zip(names, found[phase]["stalls"], strict=True)), plan)
        if phase != "busy":
            problems += _unpredicted(phase, trace, plan)
    parts = [found[phase] for phase in ("full", "busy", "again")]
    return IpResult(
        sum(p["frames"] for p in parts), sum(p["mismatches"] for p in parts), found["cut"], resets,
        found["busy"]["interrupts"], dict(zip(names, found["full"]["stalls"], strict=True)), problems, run,
    )  # fmt: skip


def _unpredicted(phase, trace, plan):
    """At full rate, every first beat in and every last beat out has its predicted cycle."""
    offered, taken, valid, ready, last, _ = trace
    begins = np.flatnonzero(offered & taken)[:: plan.beats_in]
    ends = np.flatnonzero(valid & ready & last)
    timing = predict(plan, len(ends))
    both = ("entered", begins, timing.entered), ("left", ends, timing.left)
    return [f"{phase}: frames {what} in other cycles than predicted" for what, got, want in both
            if (got - begins[0]).tolist() != [w - timing.entered[0] for w in want]]  # fmt: skip


def _unlike_the_model(phase, trace, stalls, plan):
    want = stalls_of(plan, trace[0], trace[3])
    each = zip(stalls.items(), want, strict=True)
    return [f"{phase}: STALL of {name} is {got}, by the cycle model {w}" for (name, got), w in each if got != w]


def stalls_of(plan, offers, takes):
    """In how many cycles each stage offers a beat that is not taken, by the cycle model, if in each cycle the source
    offers a beat and the sink takes one as the two sequences say."""
    pipeline, counts = Pipeline(plan), [0] * len(plan.stages)
    sent = got = whole = left = 0
    for offer, take in zip(offers.tolist(), takes.tolist(), strict=True):
        at_end = got % plan.beats_out == plan.beats_out - 1
        enters, leaves = pipeline.step(offer, take and (not at_end or left < whole))
        for stage, streams in enumerate(pipeline.outputs):
            counts[stage] += any(pipeline.valid[s] and not pipeline.ready[s] for s in streams)
        sent, got = sent + enters, got + leaves
        whole, left = sent // plan.beats_in, got // plan.beats_out
    return counts
