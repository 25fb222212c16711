"""Simulation of a project: every bit against golden, every cycle against the prediction."""

import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.flow.defaults import CLOCK_MHZ, IP_STALL, STALL_SEED
from fewbit.flow.images import Images
from fewbit.flow.reporting import Report
from fewbit.golden.network.draws import Draw
from fewbit.golden.network.execute import run
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.benches.damaged_frames import order_of
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.proof.design import ELEMENT, MATRIX, MEMORY
from fewbit.sim.simulators.run import results
from fewbit.sim.simulators.run_ip import FEWEST, simulate_ip
from fewbit.sim.simulators.simulator import simulators
from fewbit.sim.simulators.streamed import simulate_built
from fewbit.sim.simulators.weight_memory import WeightMemory

from .folded_model import FoldedModel
from .project import Project
from .simulation_results import (
    Damage,
    Interval,
    IpSimulation,
    Latency,
    Mismatch,
    Proved,
    SimulatedMemory,
    Simulation,
)

__all__ = ["built_simulator", "drawn_again", "draws", "simulate_ip_block", "simulate_project", "waveform_of",
           "weight_memory_of"]  # fmt: skip


def simulate_project(
    project: Project,
    images: Images,
    report: Report,
    *,
    stall: float = 0.0,
    seed: int = STALL_SEED,
    clock: float = CLOCK_MHZ,
    waves: bool = False,
    verbose: bool = False,
    simulator: str = "verilator",
    structure: bool | None = None,
    memory_latency: int | None = None,
    memory_stall: float = 0.0,
) -> Simulation:
    """Generate, build and simulate a project; compare every bit with golden, and every cycle with the prediction.

    The folder is held until the simulator runs; runs have folders of their own.

    Parameters
    ----------
    project : flow.project.project.Project
    images : flow.images.Images
    report : flow.reporting.Report
    stall : float
        Chance of an idle cycle at the input, and of a blocked one at the output; cycles are compared without stalls.
    seed : int
        Seed of the stalls.
    clock : float
        MHz, for frames a second.
    waves : bool
        Whether to leave a waveform.
    verbose : bool
        Whether to show what the tools print.
    simulator : str
        One of `sim.simulators.simulator.simulators`.
    structure : bool or None
        Whether the Verilog is simulated as it is; else with the behaviour of every module of which that is proved. By
        default it depends on the size of the design.
    memory_latency : int or None
        Of the memory that external weights are in: cycles from a burst that it takes to the burst's first beat. None is
        that of the plan.
    memory_stall : float
        Chance in each cycle that this memory takes no burst, and that it gives no beat.

    Raises
    ------
    SimulationError
        If the simulator is missing, before anything long begins, or what was simulated fails.
    ValueError
        If something is said of a memory, and no weights are external.
    """
    simulators()[simulator].version()
    with ExitStack() as held:
        held.enter_context(project.locked())
        options: dict[str, Any] = dict(stall=stall, seed=seed, waves=waves, verbose=verbose, started=held.close)
        options["memory"] = weight_memory_of(project, memory_latency, memory_stall)
        return _simulated(project, images, report, simulator, structure, clock, options)


def weight_memory_of(project: FoldedModel, latency: int | None, stall: float) -> WeightMemory | None:
    """Return the memory that a project's external weights are in; None where there are none.

    Raises
    ------
    ValueError
        If something is said of it, and there are none.
    """
    port = project.plan.weight_port
    if port is not None:
        return WeightMemory(image=project.plan.weight_image, latency=latency or port.latency, stall=stall)
    if latency is not None or stall:
        raise ValueError(
            f"{project.model}: no layer has external weights, so there is no memory to stall or to wait for"
        )
    return None


def _simulated(
    project: Project, images: Images, report: Report, simulator: str, structure: bool | None, clock: float,
    options: dict[str, Any],
) -> Simulation:  # fmt: skip
    waves, verbose = options["waves"], options["verbose"]
    with report.working("golden model"):
        golden = project.execute(images.values)
        expected = project.hardware_values(golden)
        again = drawn_again(project, images.values)
    with report.working("generating Verilog"):
        fresh = project.generate()
    report.step("Verilog", fresh, project.verilog)
    memory: WeightMemory | None = options["memory"]
    predicted = predict(project.plan if memory is None else project.plan.of_memory(memory.latency), len(images))
    cycles = predicted.left[-1]
    folder, proved = built_simulator(
        project, simulator, report, structure=structure, cycles=cycles, waves=waves, verbose=verbose
    )
    began = time.monotonic()
    with report.counting("simulating", len(images)) as progress:
        found = simulate_built(
            folder, project.plan, images.values, expected, again=again, design=project.design(), progress=progress,
            **options,
        )  # fmt: skip
    result = _summary(project, images, golden, found, predicted, options["stall"], clock, memory)
    return replace(
        result, seconds=round(time.monotonic() - began, 2), proved=proved, waves=waveform_of(found, project.plan, waves)
    )


def simulate_ip_block(
    project: Project,
    images: Images,
    report: Report,
    *,
    stall: float = IP_STALL,
    seed: int = STALL_SEED,
    resets: int = 4,
    waves: bool = False,
    verbose: bool = False,
    simulator: str = "verilator",
    structure: bool | None = None,
    memory_latency: int | None = None,
    memory_stall: float = 0.0,
) -> IpSimulation:
    """Generate, build and simulate the IP block of a project: registers, interrupt, soft reset, and every bit.

    Parameters
    ----------
    project, images, report, stall, seed, waves, verbose, simulator, structure, memory_latency
        As `simulate_project` takes them.
    memory_stall : float
        0: cycles are compared throughout.
    resets : int
        Soft resets at random times.

    Raises
    ------
    ValueError
        If there are too few samples, or the network draws random numbers.
    SimulationError
        If the simulator is missing, before anything long begins, or what was simulated fails.
    """
    simulators()[simulator].version()
    if memory_stall:
        raise ValueError("the bench of the IP block compares every cycle, so its memory does not stall: simulate with "
                         "--memory-stall and without --ip")  # fmt: skip
    if len(images) < FEWEST:
        raise ValueError(f"the bench of the IP block needs {FEWEST} samples or more, not {len(images)}")
    if draws(project):
        raise ValueError("the bench of the IP block repeats frames, whose results change where a network draws random "
                         "numbers: simulate this model without --ip")  # fmt: skip
    with ExitStack() as held:
        held.enter_context(project.locked())
        options: dict[str, Any] = dict(
            stall=stall,
            seed=seed,
            resets=resets,
            waves=waves,
            verbose=verbose,
            started=held.close,
            memory=weight_memory_of(project, memory_latency, memory_stall),
        )
        return _simulated_ip(project, images, report, simulator, structure, options)


def _simulated_ip(
    project: Project, images: Images, report: Report, simulator: str, structure: bool | None, options: dict[str, Any]
) -> IpSimulation:
    waves, verbose = options["waves"], options["verbose"]
    with report.working("golden model"):
        expected = project.hardware_values(project.execute(images.values))
    with report.working("generating the IP block"):
        fresh = project.generate_ip()
    report.step("IP block", fresh, project.ip_verilog)
    cycles = predict(project.plan, len(images)).left[-1]
    folder, proved = built_simulator(
        project, simulator, report, ip=True, structure=structure, cycles=cycles, waves=waves, verbose=verbose
    )
    with report.working("simulating"):
        memory = options["memory"]
        plan = project.plan if memory is None else project.plan.of_memory(memory.latency)
        found = simulate_ip(
            folder, plan, project.registers.constants(), images.values, expected,
            design=project.design(ip=True), **options,
        )  # fmt: skip
    figures = asdict(found)
    figures.pop("folder")
    return IpSimulation(
        model=project.model, stall=options["stall"], seed=options["seed"], **figures, proved=proved,
        waves=waveform_of(found, project.plan, waves), ok=not found.mismatches and not found.problems,
    )  # fmt: skip


def built_simulator(
    project: Project, name: str, report: Report, *, ip: bool = False, structure: bool | None, cycles: int, waves: bool,
    verbose: bool,
) -> tuple[Path, Proved | None]:  # fmt: skip
    """Return the folder of a simulator, built if need be, and what is proved of it if it is not all structure."""
    structure = project.structure_is_small(ip=ip) if structure is None else structure
    seconds = project.expected_build_seconds(name, ip=ip, cycles=cycles) if structure else None
    what = f"building with {simulators()[name].title}"
    with report.working(what) if seconds is None else report.estimating(what, seconds) as progress:
        fresh = project.build_simulator(
            name, ip=ip, cycles=cycles, waves=waves, verbose=verbose, progress=progress, structure=structure
        )
    folder = project.simulator_folder(name, ip=ip, waves=waves, structure=structure)
    report.step("simulator", fresh, folder)
    return folder, None if structure else _proved(project, name, ip, waves)


def _proved(project: Project, name: str, ip: bool, waves: bool) -> Proved:
    """Return what is proved of the modules that were not simulated as they are."""
    proofs = project.proofs(name, ip=ip, waves=waves)
    counts: dict[str, int] = {}
    for word, kind in ("elements", ELEMENT), ("memories", MEMORY), ("matrices", MATRIX):
        reasons = [proof.reason for proof in proofs if proof.kind == kind]
        counts |= {word: reasons.count(None), f"all_{word}": len(reasons)}
    return Proved(**counts, others=[f"{p.name}: {p.reason}" for p in proofs if p.reason is not None])


def waveform_of(found: Any, plan: AcceleratorPlan, waves: bool) -> Path | None:
    """Return where a run has left its waveform, if it was to leave one; files to view it with are written beside."""
    from .waveform import waveform_in

    return waveform_in(found.folder, plan) if waves else None


def draws(project: FoldedModel) -> bool:
    """Return whether the network draws random numbers."""
    return any(isinstance(node, Draw) for node in project.network.nodes)


def drawn_again(project: FoldedModel, values: np.ndarray) -> np.ndarray | None:
    """Return the results of the frames that follow all samples, by their numbers since reset.

    It is None for a network that draws no random numbers: its results do not change.
    """
    if not draws(project):
        return None
    sent = [number for _, number, _ in order_of(len(values), [entry.beats for entry in project.plan.entries])]
    return project.hardware_values(run(project.network, values[sent], first=len(values)))


def _summary(project, images, golden, found, predicted, stall, clock, memory):
    plan = project.plan
    interval = steady_interval(found.left)
    problems = list(found.problems)
    compared = not stall and not (memory and memory.stall)
    if compared and found.left != predicted.left:
        first = next(i for i, (a, b) in enumerate(zip(found.left, predicted.left, strict=True)) if a != b)
        problems.append(f"result {first} came at cycle {found.left[first]}, predicted {predicted.left[first]}")
    labels = project.labels(golden)
    steady = interval or predicted.latency
    return Simulation(
        model=project.model, input=project.network.input_spec, frames=found.frames, mismatches=found.mismatches,
        examples=[_mismatch(example, plan) for example in found.examples],
        accuracy=None if images.labels is None else float((labels == images.labels).mean()),
        latency=Latency(simulated=found.latency, predicted=predicted.latency),
        interval=Interval(simulated=interval, predicted=predicted.interval, bound=plan.bound),
        cycles_exact=found.left == predicted.left if compared else None, stall=stall, clock_mhz=clock,
        memory=memory and _memory(memory, found, predicted, stall, problems),
        fps=round(clock * 1e6 / steady), damaged=Damage.from_dict(found.damage), problems=problems,
        ok=found.mismatches == 0 and not problems and bool(np.isfinite(steady)), source=images.source,
    )  # fmt: skip


def _memory(memory, found, predicted, stall, problems):
    """Return what a run says of the memory of external weights; what it must not say is added to ``problems``."""
    late = max(
        got - want - stalled for got, want, stalled in zip(found.left, predicted.left, found.stalled, strict=True)
    )
    early = any(got < want for got, want in zip(found.left, predicted.left, strict=True))
    within = None if stall else late <= 0 and not early
    if within is False:
        problems.append("a result came before its predicted cycle, or later than the memory's stalls account for")
    return SimulatedMemory(
        latency=memory.latency,
        stall=memory.stall,
        bytes=len(memory.image),
        stalled=found.stalled[-1],
        within_bound=within,
    )


def _mismatch(example, plan):
    got, want = results(example, plan)
    return Mismatch(frame=example["frame"], got=got, want=want)
