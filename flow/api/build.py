"""A build: the hardware of a model in a folder, simulated, synthesized, placed, and put on boards."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.flow.boards.board import BoardDesign, DesignOptions
from fewbit.flow.images import SamplesLike
from fewbit.flow.project.built import Built, build_project
from fewbit.flow.project.placed import PlacedBuild, pnr_build
from fewbit.flow.project.project import Project
from fewbit.flow.project.rebuild import project_in
from fewbit.flow.project.samples import samples_of
from fewbit.flow.project.simulation import simulate_ip_block, simulate_project
from fewbit.flow.project.simulation_results import IpSimulation, Simulation
from fewbit.flow.project.synthesized import Synthesized, synth_build
from fewbit.flow.report.write import WrittenReport, report_after_build, report_after_simulation, report_of_build
from fewbit.flow.results import hidden
from fewbit.host.build import Build

from .progress import ProgressCallback, Told

__all__ = ["HardwareBuild", "built", "load_build"]


@dataclass(frozen=True, kw_only=True)
class HardwareBuild(Built):
    """The hardware of a model, generated into a folder.

    Attributes
    ----------
    directory : Path
        The folder: ``verilog/``, ``manifest.json``, ``folding.json`` and the model.
    up_to_date : bool
        Whether nothing had to be done.
    manifest : dict
        What software needs to know of the block, as ``manifest.json`` has it.
    project : flow.project.project.Project
    """

    project: Project = hidden()

    def summary(self) -> dict[str, Any]:
        """Return where the build is, its layers and its cycles."""
        shown = ("model", "target", "notes", "cycles", "layers")
        return {"directory": str(self.directory), **{name: self.manifest[name] for name in shown}}

    @property
    def verilog(self) -> str:
        """The text of the Verilog, one self-contained file of Verilog-2005."""
        return self.verilog_file.read_text(encoding="utf-8")

    @property
    def verilog_file(self) -> Path:
        """The file of the Verilog."""
        return self.project.verilog

    def simulate(
        self, x: SamplesLike | None = None, *, frames: int | None = None, stall: float = 0.0,
        clock: float = defaults.CLOCK_MHZ, seed: int = defaults.STALL_SEED, simulator: str = "verilator",
        structure: bool | None = None, waves: bool = False, progress: ProgressCallback | None = None,
    ) -> Simulation:  # fmt: skip
        """Simulate the Verilog, and compare every bit with golden and every cycle with the prediction.

        Parameters
        ----------
        x : path, mapping, array or None
            Samples as `flow.images.images_of` takes them; without, those beside the model, or random ones.
        frames : int or None
            Only the first so many.
        stall : float
            Chance of an idle cycle at the input and of a blocked one at the output, 0 to 0.95.
        clock : float
            MHz, for frames a second.
        seed : int
            Seed of the stalls.
        simulator : str
            ``verilator`` or ``icarus``.
        structure : bool or None
            Whether the Verilog is simulated as it is, as `flow.project.simulation.simulate_project` has it.
        waves : bool
            Whether to leave a waveform.
        progress : callable or None
            Told a `fewbit.Progress`.

        Raises
        ------
        fewbit.errors.ImageError, fewbit.errors.SimulationError, fewbit.errors.MissingPackage
        """
        needs("sim")
        report = Told(progress)
        samples = samples_of(self.project, x, frames, report)
        found = simulate_project(
            self.project, samples, report, stall=stall, clock=clock, seed=seed, simulator=simulator,
            structure=structure, waves=waves,
        )  # fmt: skip
        report_after_simulation(self.project, samples, found, report)
        return found

    def simulate_ip(
        self, x: SamplesLike | None = None, *, frames: int | None = None, stall: float = defaults.IP_STALL,
        seed: int = defaults.STALL_SEED, simulator: str = "verilator", structure: bool | None = None,
        waves: bool = False, progress: ProgressCallback | None = None,
    ) -> IpSimulation:  # fmt: skip
        """Simulate the IP block: registers, interrupt, soft reset, and every bit; parameters as of `simulate`.

        Raises
        ------
        fewbit.errors.ImageError, fewbit.errors.SimulationError, fewbit.errors.MissingPackage
        """
        needs("sim")
        report = Told(progress)
        samples = samples_of(self.project, x, defaults.IP_RANDOM_SAMPLES if frames is None else frames, report)
        return simulate_ip_block(
            self.project, samples, report, stall=stall, seed=seed, simulator=simulator, structure=structure, waves=waves
        )

    def synthesize(
        self, part: str = defaults.SYNTHESIS_PART, *, ip: bool = False, parts: Path | None = None,
        progress: ProgressCallback | None = None,
    ) -> Synthesized:  # fmt: skip
        """Synthesize the build with Yosys: what it takes of a ``part``, layer by layer and in all.

        ``parts`` is a file of further parts; with ``ip`` it is the IP block, which ``build(ip=True)`` writes.

        Raises
        ------
        ValueError
            If there is no such part, or the build is not for it.
        fewbit.errors.ToolError, fewbit.errors.MissingPackage
        """
        needs("synth")
        return synth_build(self.directory, part, Told(progress), ip=ip, parts=parts)

    def place_and_route(
        self, device: str = defaults.ECP5_DEVICE, *, speed: int = defaults.ECP5_SPEED,
        seed: int = defaults.PLACEMENT_SEED, goal: float = defaults.CLOCK_MHZ, progress: ProgressCallback | None = None,
    ) -> PlacedBuild:  # fmt: skip
        """Place and route the build for a Lattice ECP5: its maximum frequency, and the path that limits it.

        Parameters
        ----------
        device : str
            ``ecp5-25k``, ``ecp5-45k`` or ``ecp5-85k``.
        speed, seed : int
            Speed grade, 6 to 8, the fastest; seed of the placement.
        goal : float
            MHz that place and route works for.
        progress : callable or None
            Told a `fewbit.Progress`.

        Raises
        ------
        ValueError
            If there is no such device.
        fewbit.errors.ToolError, fewbit.errors.MissingPackage
        """
        needs("pnr")
        return pnr_build(self.directory, device, speed, seed, goal, Told(progress))

    def report(
        self, x: SamplesLike | None = None, *, frames: int | None = None, clock: float | None = None,
        parts: Path | None = None, progress: ProgressCallback | None = None,
    ) -> WrittenReport:  # fmt: skip
        """Write ``report.html`` into the folder: one page of all that is known of the build, and return its figures.

        Parameters
        ----------
        x : path, mapping, array or None
            Samples as `flow.images.images_of` takes them; without, those of the last simulation or beside the model.
        frames : int or None
            Only the first so many.
        clock : float or None
            MHz, for frames a second; by default that which the build is for.
        parts : path or None
            A file of parts beside those of the list.
        progress : callable or None
            Told a `fewbit.Progress`.

        Raises
        ------
        fewbit.errors.ImageError, fewbit.errors.PartsError
        ValueError
            If the build is in several devices.
        """
        return report_of_build(self.directory, Told(progress), images=x, frames=frames, clock=clock, parts=parts)

    def board(
        self, name: str, *, clock: float | None = None, baud: int = defaults.BAUD, seed: int = defaults.PLACEMENT_SEED,
        run: bool = True, progress: ProgressCallback | None = None,
    ) -> BoardDesign:  # fmt: skip
        """Write a complete design for a board: ``ulx3s``, ``arty-a7-35``, ``pynq-z2`` or ``arty-z7``.

        Parameters
        ----------
        name : str
        clock : float or None
            MHz; by default the board's own.
        baud : int
            Rate of the serial port, of a board that has one.
        seed : int
            Seed of the placement.
        run : bool
            Whether to make the bitstream where that needs no vendor tool.
        progress : callable or None
            Told a `fewbit.Progress`.

        Raises
        ------
        ValueError
            If there is no such board, or it cannot have that clock or rate.
        fewbit.errors.HostError, fewbit.errors.ToolError, fewbit.errors.MissingPackage
        """
        needs("board")
        from fewbit.flow.boards.designs import build_board

        options = DesignOptions(clock=clock, baud=baud, seed=seed, run=run)
        return build_board(name, self.directory, Told(progress), options)


def built(project: Project, *, ip: bool = False, progress: ProgressCallback | None = None) -> HardwareBuild:
    """Return the build of a project, generated if need be, its IP block too if ``ip``; errors as `build_project`."""
    report = Told(progress)
    found = build_project(project, report, ip=ip)
    report_after_build(project, report)
    return HardwareBuild(project=project, **{field.name: getattr(found, field.name) for field in fields(found)})


def load_build(folder: Path | str, *, progress: ProgressCallback | None = None) -> HardwareBuild:
    """Return the build in a folder that ``fewbit build`` or `flow.api.model.Model.build` wrote.

    Verilog that is missing, or of another version of fewbit, is generated again.

    Raises
    ------
    fewbit.errors.HostError
        If the folder is no build.
    ValueError
        If its model or its folding changed since it was built.
    """
    found = built(project_in(folder), progress=progress)
    return replace(found, manifest=Build(folder).manifest)  # which names the model's own file, not its copy
