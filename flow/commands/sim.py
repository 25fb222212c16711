"""``fewbit sim``: the generated Verilog, simulated: every bit against golden, every cycle against the prediction."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.sim.simulators.simulator import simulators

from .kinds import CHANCE, CYCLES, SEED
from .options import Clock, Frames, ImagesFile, Making, Model, Showing, Verbose, samples_of
from .registry import command

__all__ = ["SimulatorName"]


_SUMMARIES = " ".join(f"`{s.name}`: {s.summary}." for s in simulators().values() if s.summary)
# What `--simulator` may be, the usual one first. The checker takes no members that are not written out.
SimulatorName = StrEnum("SimulatorName", {name: name for name in ("verilator", *simulators())})  # type: ignore[misc]
USUAL = SimulatorName("verilator")
_STRUCTURE = (
    "Simulate the Verilog as it is, or processing elements and memories by their behaviour, to which they are proved "
    "equal: the default where the design is large."
)


@command(
    rank=100, epilog=("Example: `fewbit sim examples/digits/w1a1.onnx --images examples/digits/test.npz --stall 0.3`")
)
def sim(
    *, model: Model, images: ImagesFile = None, frames: Frames = None,
    stall: Annotated[float, typer.Option("--stall", **CHANCE, help="Chance of an idle or blocked cycle.")] = 0.0,
    making: Making, clock: Clock = defaults.CLOCK_MHZ,
    seed: Annotated[int, typer.Option("--seed", **SEED, help="Of the stalls.")] = defaults.STALL_SEED,
    simulator: Annotated[
        SimulatorName,
        typer.Option("--simulator", help=_SUMMARIES),
    ] = USUAL,
    structure: Annotated[
        bool | None,
        typer.Option("--structure/--behaviour", help=_STRUCTURE, show_default=False),
    ] = None,
    load: Annotated[
        Path | None,
        typer.Option("--load", metavar="OTHER.onnx", help="A network of the same shape: the IP block, into which its "
                     "weights are loaded between frames, and in the middle of traffic."),
    ] = None,
    ip: Annotated[bool, typer.Option("--ip", help="The IP block: registers, interrupt, soft reset, DMA.")] = False,
    memory_latency: Annotated[
        int | None,
        typer.Option("--memory-latency", **CYCLES, help="Of the memory of external weights, to a burst's first beat."),
    ] = None,
    memory_stall: Annotated[
        float, typer.Option("--memory-stall", **CHANCE, help="Chance of a cycle in which that memory does nothing.")
    ] = 0.0,
    waves: Annotated[bool, typer.Option("--waves", help="Leave a waveform, with views of it.")] = False,
    cells: Annotated[bool, typer.Option("--cells", help="With `--waves`: the cells of LUTs, too.")] = False,
    showing: Showing, verbose: Verbose = False,
):  # fmt: skip
    """Simulate the Verilog in Verilator (or Icarus); compare every bit with golden, every cycle with the prediction."""
    needs("sim")
    from fewbit.flow.project.simulation import simulate_ip_block, simulate_project
    from fewbit.flow.project.simulation_results import IpSimulation, LoadSimulation, Simulation
    from fewbit.flow.project.simulation_with_load import simulate_loading
    from fewbit.flow.report.write import report_after_simulation

    report = showing.reporter()
    project = making.project(model)
    project.shows_cells = cells
    few = defaults.LOAD_RANDOM_SAMPLES if load else defaults.IP_RANDOM_SAMPLES if ip else None
    samples = samples_of(project, images, few if frames is None else frames, report)
    options: dict[str, Any] = dict(seed=seed, waves=waves, verbose=verbose, simulator=simulator, structure=structure)
    result: Simulation | IpSimulation | LoadSimulation
    memory: dict[str, Any] = dict(memory_latency=memory_latency, memory_stall=memory_stall)
    if load:
        result = simulate_loading(project, load, samples, report, stall=stall or defaults.IP_STALL, **options)
        report.show(result, _load_table)
    elif ip:
        result = simulate_ip_block(project, samples, report, stall=stall or defaults.IP_STALL, **options, **memory)
        report.show(result, _ip_table)
    else:
        result = simulate_project(project, samples, report, stall=stall, clock=clock, **options, **memory)
        page = report_after_simulation(project, samples, result, report)
        report.show(result, _table)
        if page is not None and not showing.json:
            report.line(f"report: {page}")
    if not result.ok:
        raise typer.Exit(1)


def _agree(r):
    return "all equal to golden" if not r.mismatches else f"{r.mismatches} DIFFER from fewbit.golden"


def _number(value):
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _table(report, r):
    exact = {None: "not compared under stalls", True: "every result as predicted", False: "NOT as predicted"}
    rows = [
        ("frames", f"{r.frames}, {_agree(r)}"),
        ("accuracy", "unknown (no labels)" if r.accuracy is None else f"{100 * r.accuracy:.2f} %"),
        ("latency", f"{r.latency.simulated} cycles, predicted {r.latency.predicted}"),
        ("interval", f"{_number(r.interval.simulated)} cycles, predicted {_number(r.interval.predicted)}, "
                     f"bound of the slowest stage {r.interval.bound}"),
        ("cycles", exact[r.cycles_exact]),
        ("throughput", f"{r.fps:,} frames/s at {r.clock_mhz:g} MHz"),
        ("simulated", _simulated(r.proved)),
        ("damaged frames", f"{r.damaged.damaged} among {r.damaged.frames}: "
                           + ("each marked, no other touched" if not r.damaged.wrong else "WRONG")),
    ]  # fmt: skip
    if r.memory is not None:
        rows.append(("external weights", _memory(r.memory)))
    report.table([r.model.name, ""], rows)
    _problems(report, r)
    for e in r.examples:
        report.line(f"frame {e.frame}: got {e.got}, want {e.want}")
    _waveform(report, r)


def _memory(memory):
    """Return what is to say of the memory of external weights."""
    stalls = f", stalled in {memory.stalled:,} cycles" if memory.stall else ""
    bound = {None: "", True: ", no result later than that accounts for", False: ", results OUT OF BOUNDS"}
    within = bound[memory.within_bound] if memory.stall else ""
    return f"{memory.bytes:,} bytes in a memory of {memory.latency} cycles latency{stalls}{within}"


def _simulated(proved):
    """Return what was simulated, in words."""
    if proved is None:
        return "the Verilog as it is"
    kinds = {
        "PEs": (proved.elements, proved.all_elements), "matrices": (proved.matrices, proved.all_matrices),
        "memories": (proved.memories, proved.all_memories),
    }  # fmt: skip
    counts = ", ".join(f"{count} of {of} {word}" for word, (count, of) in kinds.items() if of)
    return f"{counts or 'nothing'} proved equal to their behaviour, and simulated by it"


def _ip_table(report, r):
    rows = [
        ("frames", f"{r.frames}, {_agree(r)}"),
        ("simulated", _simulated(r.proved)),
        ("interrupts", f"{r.interrupts} served under traffic"),
        ("soft resets", f"{r.resets} at random times, {r.cut} with a result cut off and marked"),
        ("registers, counters, cycles", "as they should be" if not r.problems else "NOT as they should be"),
        ("cycles stalled at full rate", ", ".join(f"{name} {count}" for name, count in r.stalls.items())),
    ]
    report.table([f"{r.model.name}, IP block", ""], rows)
    _problems(report, r)
    _waveform(report, r)


def _load_table(report, r):
    rows = [
        ("frames", f"{r.frames}, {_agree(r)}"),
        ("simulated", _simulated(r.proved)),
        ("weights loaded", f"{r.words} words of {r.other.name}, and those of {r.model.name} again"),
        ("in the middle of traffic", f"{r.before} results before them, none lost, none of both"),
        ("loads that must fail", f"{r.refused} refused: wrong checksum, too few words, too many, none"),
        ("registers, resets, cycles", "as they should be" if not r.problems else "NOT as they should be"),
    ]
    report.table([f"{r.model.name}, IP block", ""], rows)
    _problems(report, r)
    _waveform(report, r)


def _problems(report, r):
    for other in r.proved.others if r.proved else ():
        report.line(f"simulated as it is: {other}")
    for problem in r.problems:
        report.line(f"problem: {problem}")


def _waveform(report, r):
    if r.waves is None:
        return
    from fewbit.flow.project.waveform import GTKWAVE, SURFER
    from fewbit.sim.simulators.waves import VCD, fst_problem

    report.line(f"waveform: {r.waves}")
    report.line(f"  gtkwave {r.waves.with_name(GTKWAVE)}")
    report.line(f"  surfer --command-file {r.waves.with_name(SURFER)} {r.waves}")
    if r.waves.name == VCD:
        report.line(f"it is VCD, as {fst_problem()}")
