"""``fewbit fold``: a folding for a target, its cycles confirmed by the cycle model, written as a file to edit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat, maybe
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_choice import Shortfall, nearest_part, smallest_part
from fewbit.hw.targets.part_list import parts_with
from fewbit.places import BUILD

from .kinds import BITS, CYCLES, DEVICES, DSPS, FILE, LUTS, RATE
from .options import Clock, Input, Json, Model, PartsFile, WeightsOption
from .registry import command
from .report import Reporter

__all__ = ["Folded", "FoldingGoal", "fold_model"]


@dataclass(frozen=True, kw_only=True)
class FoldingGoal:
    """What a folding is to meet: one of ``fps``, ``max_cycles`` and ``max_luts`` at most; without any it is the default
    folding. Of ``dsps`` DSPs, those that activations leave then take products or accumulators where they save the most
    LUTs. External weights come through a port of ``bus`` bits, and large buffers may be in UltraRAM with
    ``ultra_ram``."""

    fps: Annotated[float | None, typer.Option("--fps", **RATE, help="Frames a second, at least.")] = None
    max_cycles: Annotated[int | None, typer.Option("--max-cycles", **CYCLES, help="Cycles a frame, at most.")] = None
    max_luts: Annotated[int | None, typer.Option("--max-luts", **LUTS, help="LUTs by the estimate, at most.")] = None
    dsps: Annotated[
        int,
        typer.Option(
            "--dsp",
            **DSPS,
            help=("DSPs in all; what activations leave of them takes products or sums where that saves LUTs."),
        ),
    ] = 0
    clock: Clock = 200.0  # fmt: skip
    bus: Annotated[
        int | None, typer.Option("--bus", **BITS, help="Data bits of the port to that memory: 64, 128, 256 or 512.")
    ] = None
    ultra_ram: Annotated[
        bool, typer.Option("--ultra-ram", help="With it, large buffers may be in UltraRAM, which not every part has.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class SeveralDevices:
    """The devices that a network is cut into, and their parts."""

    devices: Annotated[
        int, typer.Option("--devices", **DEVICES, help="Cut into so many, a stream from one to the next.")
    ] = 1
    part: Annotated[
        list[str] | None, typer.Option("--part", metavar="PART", help="Of each of `--devices`, in order.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class FoldedDevice(JsonResult):
    """One of several devices: its layers, what it takes by the estimate, and what its link to the next one carries.

    ``shares`` are those of its part, if that is known; the last one has no link.
    """

    device: int
    part: str | None
    layers: list[str]
    estimate: dict[str, int]
    shares: dict[str, float] | None
    link: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class FoldedLayer(JsonResult):
    """A layer of a folding: its size, its cycles and their share of the interval, and what it takes by the estimate."""

    layer: str
    pixels: int
    groups: int
    inputs: int
    neurons: int
    pe: int
    simd: int
    in_dsp: bool
    cycles: int
    share: float
    cost: dict[str, Any] = flat()
    weights: str | None = maybe()
    tile: int | None = maybe()


@dataclass(frozen=True, kw_only=True)
class FoldedMemory(JsonResult):
    """The memory outside that weights are read from: the bits of its port, the layers, the bytes that it holds, those
    that are read for a frame, and as many as that is in a second."""

    bus: int
    layers: int
    image_bytes: int
    frame_bytes: int
    bytes_per_second: float


@dataclass(frozen=True, kw_only=True)
class Folded(JsonResult):
    """A folding, what it takes, and what foldings to other targets would; times in cycles.

    ``smallest_part`` names the smallest listed part that holds the estimate; if none does it is None, and
    ``nearest_part`` is there.
    """

    model: Path
    file: Path
    clock_mhz: float
    latency: int
    interval: float
    bound: int
    fps: float
    layers: list[FoldedLayer]
    estimate: dict[str, int]
    smallest_part: str | None
    nearest_part: Shortfall | None = maybe()
    devices: list[FoldedDevice] | None = maybe()
    queues: dict[str, int]
    pareto: list[dict[str, int]]
    memory: FoldedMemory | None = maybe()


@command(rank=20, epilog="Example: `fewbit fold examples/digits/w1a1.onnx --fps 1000000 --clock 200`")
def fold(
    *, model: Model, goal: FoldingGoal, input_spec: Input = None,
    file: Annotated[
        Path | None, typer.Option("-o", "--output-file", **FILE, help="Default `build/<model>/fold.json`.")
    ] = None,
    parts: PartsFile = None, weights: WeightsOption = None, several: SeveralDevices,
    json: Json = False,
):  # fmt: skip
    """The cheapest folding that meets a target (or the fastest within so many LUTs), with its cycles."""
    report = Reporter(json)
    where = None if weights is None else str(weights)
    report.show(fold_model(model, input_spec, goal, file, report, parts, where, several), _table)


def fold_model(
    model: Path,
    input_spec: str | None,
    goal: FoldingGoal,
    file: Path | None,
    report: Report,
    parts: Path | None = None,
    weights: str | None = None,
    several: SeveralDevices | None = None,
) -> Folded:
    """Fold a model to a `FoldingGoal`, predict its cycles, and write the file; return what that gives.

    ``parts`` is a file of parts beside those of the list, as `hw.targets.part_list.read_parts` reads it; ``weights``
    says where the weights of all layers come from, as `hw.folding.WEIGHTS` has it; ``several`` says into how many
    devices the network is cut, and of what parts.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be imported.
    FoldingError
        If there is more than one goal, or it cannot be met.
    hw.targets.part_list.PartsError
        If the file of parts is not as it must be.
    """
    from fewbit.flow.cache import atomic_write
    from fewbit.flow.folding.external import outside
    from fewbit.flow.folding.layers import layers_of
    from fewbit.flow.folding.search import pareto, with_dsps
    from fewbit.flow.project.project import Project
    from fewbit.hw.folding import Folding, FoldingError
    from fewbit.sim.cycles.model import predict_steady

    if sum(target is not None for target in (goal.fps, goal.max_cycles, goal.max_luts)) > 1:
        raise FoldingError("give one of --fps, --max-cycles and --max-luts, not several")
    listed = [part for part in parts_with(parts) if USUAL.suits(part)]
    project = Project(model, input_spec=input_spec, folding=Folding(), target=USUAL)
    network = project.network
    cycles = int(goal.clock * 1e6 // goal.fps) if goal.fps is not None else goal.max_cycles
    with report.working("folding"):
        layers = layers_of(network)
        found = _folding(layers, goal, cycles)
        if weights == "external":
            found = outside(layers, found, bus=goal.bus, ultra=goal.ultra_ram)
        elif goal.bus is not None or goal.ultra_ram:
            raise FoldingError("--bus and --ultra-ram are for external weights: give --weights external too")
        elif weights is not None:
            found = found.with_weights(weights)
        project.folding = with_dsps(layers, found, goal.dsps)
        project = _cut(project, layers, several, listed)
        plan = project.plan
        timing = predict_steady(plan)
        table = pareto(layers, goal.clock)
    entry = max(plan.entries, key=lambda entry: entry.beats)
    if cycles is not None and timing.interval > cycles:
        raise FoldingError(
            f"{model}: {cycles} cycles a frame cannot be met: its input, {entry.beats} beats of {entry.lanes} "
            f"codes, or what stands between its layers takes {timing.interval:g}"
        )
    file = Path(file) if file else BUILD / Path(model).stem / "fold.json"
    atomic_write(file, project.folding.to_json())
    return _result(project, layers, timing, table, goal.clock, file, listed)


def _cut(project, layers, several, listed):
    """Return the project in the devices that are asked for."""
    from fewbit.flow.folding.cuts import choose_cuts
    from fewbit.flow.project.devices import in_devices
    from fewbit.hw.folding import FoldingError
    from fewbit.hw.targets.part_choice import find_part

    several = several or SeveralDevices()
    if several.devices == 1:
        if several.part:
            raise FoldingError("--part is the part of each of several devices: give --devices too")
        return project
    parts = [find_part(name, listed) for name in several.part or ()]
    project.folding = project.folding.in_devices(choose_cuts(layers, project.folding, several.devices, parts))
    return in_devices(project)


def _folding(layers, goal, cycles):
    """Return the folding that meets the goal, without DSPs."""
    from fewbit.flow.folding import folding, search
    from fewbit.hw.folding import FoldingError

    if goal.max_luts is not None:
        return search.fastest_within(layers, goal.max_luts)
    if cycles is None:
        return folding.default_folding(layers)
    if cycles < 1:
        raise FoldingError(f"{goal.fps:g} frames a second are more than one a cycle at {goal.clock:g} MHz")
    return folding.fold(layers, cycles)


def _result(project, layers, timing, table, clock, file, listed):
    from fewbit.flow.folding.search import estimate, estimate_all

    plan = project.plan
    costs = estimate(layers, project.folding)
    rows = []
    for name, folded in project.folding.items():
        layer = layers[name]
        cycles = layer.cycles(folded)
        rows.append(FoldedLayer(
            layer=name, pixels=layer.pixels, groups=layer.groups, inputs=layer.inputs, neurons=layer.neurons,
            **folded.size, in_dsp=folded.products is not None, cycles=cycles, share=round(cycles / timing.interval, 4),
            cost=costs[name].row | {"dsp": plan.layers[name].dsps},
            weights=None if folded.weights == "fixed" else folded.weights, tile=folded.tile,
        ))  # fmt: skip
    whole = estimate_all(layers, project.folding).row | {"dsp": plan.dsps}
    smallest = smallest_part(listed, **whole)
    return Folded(
        model=project.model, file=file, clock_mhz=clock, latency=timing.latency, interval=timing.interval,
        bound=plan.bound, fps=clock * 1e6 / timing.interval, layers=rows,
        estimate=whole, smallest_part=smallest.name if smallest else None,
        nearest_part=None if smallest else nearest_part(listed, **whole),
        devices=_devices(project, layers, listed), queues=project.queues, pareto=[point.row for point in table],
        memory=_memory(layers, project.folding, plan, clock, timing.interval),
    )  # fmt: skip


def _memory(layers, folding, plan, clock, interval):
    """Return what is read from memory outside, or None where nothing is."""
    from fewbit.flow.folding.external import bytes_a_frame

    if plan.weight_port is None:
        return None
    read = bytes_a_frame(layers, folding)
    return FoldedMemory(
        bus=plan.weight_port.bus, layers=len(folding.external), image_bytes=plan.weight_port.size, frame_bytes=read,
        bytes_per_second=round(read * clock * 1e6 / interval),
    )  # fmt: skip


def _devices(project, layers, listed):
    """Return what each of several devices takes; None for one."""
    from fewbit.flow.folding.cost import total
    from fewbit.flow.folding.search import estimate
    from fewbit.hw.targets.part_choice import find_part

    if not project.folding.devices:
        return None
    costs, found, links = estimate(layers, project.folding), [], [*project.links(), None]
    for device, link in zip(project.devices, links, strict=True):
        taken = total([costs[name] for name in device.folding]).row | {"dsp": device.plan.dsps}
        part = device.part and find_part(device.part, listed)
        shares = part and {name: round(taken[name] / max(1, getattr(part, name)), 4) for name in taken}
        found.append(FoldedDevice(device=device.number, part=device.part, layers=list(device.folding), estimate=taken,
                                  shares=shares or None, link=link))  # fmt: skip
    return found


def _table(report, r):
    rows = [
        (row.layer, f"{row.pixels} x {row.groups * row.neurons}", row.inputs, row.pe, row.simd, f"{row.cycles:,}",
         f"{100 * row.share:.0f} %", f"{row.cost['lut']:,}", row.cost["bram18"], row.cost["dsp"])
        for row in r.layers
    ]  # fmt: skip
    report.table(
        ["layer", "pixels x neurons", "inputs", "PE", "SIMD", "cycles", "share", "LUTs, about", "BRAM18", "DSP"], rows
    )
    speed = f"{r.interval:,} cycles ({r.fps:,.0f} frames/s at {r.clock_mhz:g} MHz)"
    report.line(f"interval {speed}, latency {r.latency:,} cycles")
    e = r.estimate
    report.line(f"about {e['lut']:,} LUTs, {e['bram18']} BRAM18, {e['dsp']} DSPs by formula")
    if e.get("uram"):
        report.line(f"large buffers in about {e['uram']} UltraRAMs")
    if r.memory is not None:
        m = r.memory
        report.line(
            f"weights of {m.layers} layers outside: {m.image_bytes:,} bytes, of which {m.frame_bytes:,} are read for a "
            f"frame, {m.bytes_per_second / 1e9:.2f} GB/s through {m.bus} bits"
        )
    report.line(_part_line(r))
    if r.devices:
        _devices_table(report, r.devices)
    rows = [(f"{p['cycles']:,}", f"{p['fps']:,}", f"{p['lut']:,}", p["bram18"], p["dsp"]) for p in r.pareto]
    report.table(["other targets: cycles", "frames/s", "LUTs, about", "BRAM18", "DSP"], rows)
    report.line(f"folding: {r.file} (edit it; pass it back with --folding)")


def _devices_table(report, devices):
    rows = [
        (d.device, d.part or "–", f"{d.layers[0]} – {d.layers[-1]}" if len(d.layers) > 1 else d.layers[0],
         *(f"{d.estimate[name]:,}" + (f" ({100 * d.shares[name]:.0f} %)" if d.shares else "")
           for name in ("lut", "bram18", "dsp")),
         f"{d.link['bits_a_frame']:,} bits, {d.link['beats']:,} beats of {d.link['lanes']} x {d.link['bits']} bits"
         if d.link else "–")
        for d in devices
    ]  # fmt: skip
    report.table(["device", "part", "layers", "LUTs, about", "BRAM18", "DSP", "link to the next, a frame"], rows)


def _part_line(r):
    """Say which part is the smallest that holds the estimate, or what the nearest one lacks."""
    if r.nearest_part is None:
        return f"smallest part that holds it by that estimate: {r.smallest_part} (`fewbit parts` lists them)"
    return f"no listed part holds it by that estimate: {r.nearest_part}"
