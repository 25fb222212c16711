"""What simulates a project: each builds its simulator, if need be, and returns the folder in which it is."""

from fewbit.flow.cache import BuildStage, source_digest
from fewbit.sim.simulators.icarus import build_icarus, version

__all__ = ["simulator_of"]


def simulator_of(name):
    """The function that prepares the simulator ``name``: ``(project, report, ip=, cycles=, waves=, verbose=)``.

    Raises
    ------
    SimulationError
        If its program is missing, before anything long begins.
    """
    if name == "icarus":
        version()
    return {"verilator": _verilator, "icarus": _icarus}[name]


def _verilator(project, report, *, ip=False, cycles, waves, verbose):
    seconds = project.expected_build_seconds(ip=ip, cycles=cycles)
    with report.estimating("building with Verilator", seconds) as progress:
        fresh = project.build_simulator(ip=ip, cycles=cycles, waves=waves, verbose=verbose, progress=progress)
    folder = project.simulator(waves, ip=ip)
    report.step("simulator", fresh, folder)
    return folder


def _icarus(project, report, *, ip=False, cycles, waves, verbose):
    del cycles, verbose  # it compiles in a second or two, and says only what is wrong
    verilog, top = (project.ip_verilog, project.block.top) if ip else (project.verilog, "accelerator")
    folder = project.directory / ("icarus" + "-ip" * ip + "-waves" * waves)
    stage = BuildStage(directory=folder, name="icarus", inputs=[verilog, waves, version(), source_digest("sim")])
    fresh = not stage.done
    if fresh:
        with report.working("building with Icarus Verilog"), stage:
            build_icarus(verilog, folder, top=top, waves=waves)
            stage.outputs = ["sim.vvp"]
    report.step("simulator", fresh, folder)
    return folder
