"""An IP block is simulated while weights are loaded into it, and what its bench found is judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.model import predict

from .run import run_job
from .run_ip import FEWEST, TOP, unpredicted

__all__ = ["LoadResult", "simulate_load"]

BENCH = "fewbit.sim.benches.ip_load"


@dataclass
class LoadResult:
    """What a simulation of an IP block found into which weights were loaded.

    Attributes
    ----------
    frames, mismatches : int
        Results that were compared with golden's of the weights that were loaded at that time, and those that differ.
    before : int
        Results that left between random frames before the weights came, in the same traffic.
    words, refused : int
        Words of an image; loads that were refused, as they had to be.
    problems : list of str
        What was not as it should be, in words.
    folder : Path
        The run's own folder, with its log, and with a waveform (`sim.simulators.waves`) if waves were asked for.
    """

    frames: int
    mismatches: int
    before: int
    words: int
    refused: int
    problems: list[str]
    folder: Path


def simulate_load(
    folder: Path | str, plan: AcceleratorPlan, control: Mapping[str, object], values: np.ndarray,
    expected: tuple[np.ndarray, np.ndarray], words: tuple[np.ndarray, np.ndarray], *, stall: float = 0.3, seed: int = 1,
    design: str | None = None, waves: bool = False, verbose: bool = False,
    started: Callable[[], object] | None = None,
) -> LoadResult:  # fmt: skip
    """Stream ``values`` through the IP block in ``folder`` before, while and after other weights are loaded.

    Parameters
    ----------
    folder, plan, control, values
        As of `sim.simulators.run_ip.simulate_ip`; the plan has loadable memories.
    expected : two arrays ``(F, ...)``
        What golden makes of the values with the weights of the bitstream, and with the other ones.
    words : two uint32 arrays
        The words of both.
    stall, seed, design, waves, verbose, started
        As of `sim.simulators.run_ip.simulate_ip`.

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
    own, other = (part.tolist() for part in words)
    job = {
        "stall": stall, "seed": seed, "control": control, "beats_in": [entry.beats for entry in plan.entries],
        "quiet": 300 + 3 * (latency + min(9, inside) * plan.bound), "bound": plan.bound, "own": own, "other": other,
    }  # fmt: skip
    found, run = run_job(
        folder, TOP, plan, values, expected[0], job, again=expected[1], design=design, waves=waves, verbose=verbose,
        started=started, bench=BENCH,
    )  # fmt: skip
    problems = list(found["problems"])
    with np.load(run / "traces.npz") as traces:
        for phase in ("before", "after", "back"):
            problems += unpredicted(phase, traces[phase], plan)
    parts = [found[phase] for phase in ("before", "traffic", "after", "back")]
    return LoadResult(
        sum(p["frames"] for p in parts), sum(p["mismatches"] for p in parts), found["traffic"]["before"], len(own),
        found["refused"], problems, run,
    )  # fmt: skip
