"""Simulation of a project's IP block while the weights of another network are loaded into it."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fewbit.flow.images import Images
from fewbit.flow.reporting import Report
from fewbit.hw.folding import Folding
from fewbit.sim.cycles.model import predict
from fewbit.sim.simulators.run_ip import FEWEST
from fewbit.sim.simulators.run_load import simulate_load
from fewbit.sim.simulators.simulator import simulators

from .folded_model import FoldedModel
from .project import Project
from .simulation import built_simulator, draws, waveform_of
from .simulation_results import LoadSimulation
from .weight_images import image_for, own_image

__all__ = ["simulate_loading"]


def simulate_loading(
    project: Project,
    other: Path | str,
    images: Images,
    report: Report,
    *,
    stall: float = 0.3,
    seed: int = 1,
    waves: bool = False,
    verbose: bool = False,
    simulator: str = "verilator",
    structure: bool | None = None,
) -> LoadSimulation:
    """Generate, build and simulate the IP block of a project, and load the weights of the model ``other`` over
    AXI4-Lite: between frames, in the middle of traffic, with wrong checksums, and across resets.

    Every result is compared with golden's of the network that is loaded at that time, and at full rate every cycle with
    the prediction. Golden imports the other model for itself.

    Parameters
    ----------
    project, images, report, stall, seed, waves, verbose, simulator, structure
        As `flow.project.simulation.simulate_ip_block` takes them.
    other : path
        A model of the same shape.

    Raises
    ------
    golden.rewrite.loadable.OtherShapeError
        If the project has no loadable weights, or the other model is of another shape.
    ValueError
        If there are too few samples, or the network draws random numbers.
    SimulationError
        If the simulator is missing, before anything long begins, or what was simulated fails.
    """
    simulators()[simulator].version()
    if len(images) < FEWEST:
        raise ValueError(f"the bench that loads weights needs {FEWEST} samples or more, not {len(images)}")
    if draws(project):
        raise ValueError("the bench that loads weights repeats frames, whose results change where a network draws "
                         "random numbers")  # fmt: skip
    loaded = FoldedModel(
        other, input_spec=project.network.input_spec, output=project.output_option, folding=Folding()
    )  # fmt: skip
    with ExitStack() as held:
        held.enter_context(project.locked())
        options: dict[str, Any] = dict(stall=stall, seed=seed, waves=waves, verbose=verbose, started=held.close)
        return _simulated(project, loaded, images, report, simulator, structure, options)


def _simulated(
    project: Project, other: FoldedModel, images: Images, report: Report, simulator: str, structure: bool | None,
    options: dict[str, Any],
) -> LoadSimulation:  # fmt: skip
    waves, verbose = options["waves"], options["verbose"]
    with report.working("images of weights"):
        words = own_image(project).words, image_for(project, other).words
    with report.working("golden models"):
        expected = tuple(model.hardware_values(model.execute(images.values)) for model in (project, other))
    with report.working("generating the IP block"):
        fresh = project.generate_ip()
    report.step("IP block", fresh, project.ip_verilog)
    cycles = predict(project.plan, len(images)).left[-1] + 40 * len(words[0])
    folder, proved = built_simulator(
        project, simulator, report, ip=True, structure=structure, cycles=cycles, waves=waves, verbose=verbose
    )
    with report.working("simulating"):
        found = simulate_load(
            folder, project.plan, project.registers.constants(), images.values, (expected[0], expected[1]), words,
            design=project.design(ip=True), **options,
        )  # fmt: skip
    figures = asdict(found)
    figures.pop("folder")
    return LoadSimulation(
        model=project.model, other=other.model, stall=options["stall"], seed=options["seed"], **figures, proved=proved,
        waves=waveform_of(found, project.plan, waves), ok=not found.mismatches and not found.problems,
    )  # fmt: skip
