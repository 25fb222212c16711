"""``fewbit fold``: a folding for a target, its cycles confirmed by the cycle model, written as a file to edit."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, flat, maybe
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_choice import Shortfall, find_part, nearest_part, smallest_part
from fewbit.hw.targets.part_list import parts_with
from fewbit.places import BUILD

from .folding_options import FoldingGoal
from .kinds import FILE
from .options import Input, Model, PartsFile, Showing, WeightsOption
from .registry import command

if TYPE_CHECKING:
    from fewbit.flow.folding.by_part import BestFolding
    from fewbit.flow.folding.limits import FoldingLimits

__all__ = ["Folded", "Limited", "fold_model"]


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
class Limited(JsonResult):
    """What limits there were, how much of each is used, and what keeps the folding from being faster.

    ``faster`` says what the next faster folding would take: cycles, the resource that is short, how many of it, and of
    how many; it is None where nothing is short. ``ultra`` are the stages whose buffers are UltraRAM.
    """

    part: str | None
    goal: str
    limits: dict[str, int]
    used: dict[str, int]
    faster: dict[str, Any] | None
    ultra: list[str]


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
    products: str | None = maybe()
    memory: str | None = maybe()
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
    limited: Limited | None = maybe()


@command(
    rank=20,
    epilog="Examples: `fewbit fold examples/digits/w1a1.onnx --fps 1000000 --clock 200`, "
    "`fewbit fold examples/digits/w8a8.onnx --part xc7a35t --share 70%`",
)
def fold(
    *, model: Model, goal: FoldingGoal, input_spec: Input = None,
    file: Annotated[
        Path | None, typer.Option("-o", "--output-file", **FILE, help="Default `build/<model>/fold.json`.")
    ] = None,
    parts: PartsFile = None, weights: WeightsOption = None,
    showing: Showing,
):  # fmt: skip
    """The best folding within limits: the cheapest that is fast enough, or the fastest that fits, with its cycles."""
    report = showing.reporter()
    where = None if weights is None else str(weights)
    report.show(fold_model(model, input_spec, goal, file, report, parts, where), _table)


def fold_model(
    model: Path,
    input_spec: str | None,
    goal: FoldingGoal,
    file: Path | None,
    report: Report,
    parts: Path | None = None,
    weights: str | None = None,
) -> Folded:
    """Fold a model to a `FoldingGoal`, predict its cycles, and write the file; return what that gives.

    ``parts`` is a file of parts beside those of the list, as `hw.targets.part_list.read_parts` reads it; ``weights``
    says where the weights of all layers come from, as `hw.folding.WEIGHTS` has it.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be imported.
    FoldingError
        If limits conflict, or cannot be met.
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

    goal.check(weights)
    listed = [part for part in parts_with(parts) if USUAL.suits(part)]
    if not goal.is_single:
        return _within_limits(model, input_spec, goal, file, report, listed, weights or "fixed")
    project = Project(model, input_spec=input_spec, folding=Folding(), target=USUAL)
    network, cycles = project.network, goal.cycles
    with report.working("folding"):
        layers = layers_of(network)
        found = _folding(layers, goal, cycles)
        if weights == "external":
            found = outside(layers, found, bus=goal.bus, ultra=goal.ultra_ram)
        elif weights is not None:
            found = found.with_weights(weights)
        project.folding = with_dsps(layers, found, goal.dsps)
        project = _cut(project, layers, goal, listed)
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


def _cut(project, layers, goal, listed):
    """Return the project in the devices that are asked for."""
    from fewbit.flow.folding.cuts import choose_cuts
    from fewbit.flow.project.devices import in_devices

    if goal.devices == 1:
        return project
    parts = [find_part(name, listed) for name in goal.part or ()]
    project.folding = project.folding.in_devices(choose_cuts(layers, project.folding, goal.devices, parts))
    return in_devices(project)


def _within_limits(model, input_spec, goal, file, report, listed, weights):
    """Fold a model to several limits, or a part."""
    from fewbit.flow.cache import atomic_write
    from fewbit.flow.folding.by_part import best_folding
    from fewbit.flow.folding.layers import layers_of
    from fewbit.flow.project.project import Project
    from fewbit.hw.folding import Folding

    limits = goal.limits(listed)
    project = Project(model, input_spec=input_spec, folding=Folding(), target=USUAL)
    with report.working("folding"):
        layers = layers_of(project.network)
        best = best_folding(layers, limits, USUAL, listed, weights, goal.bus)
    project.folding = best.folding
    file = Path(file) if file else BUILD / Path(model).stem / "fold.json"
    atomic_write(file, project.folding.to_json())
    return _best_result(project.model, layers, best, limits, goal.clock, file, listed)


def _best_result(
    model: Path, layers: Any, best: "BestFolding", limits: "FoldingLimits", clock: float, file: Path, listed: Any
) -> Folded:  # fmt: skip
    """Return the result of a folding within limits."""
    rows = [
        FoldedLayer(
            layer=name, pixels=layers[name].pixels, groups=layers[name].groups, inputs=layers[name].inputs,
            neurons=layers[name].neurons, **folded.size, in_dsp=folded.products in ("dsp", "sums"),
            cycles=layers[name].cycles(folded), share=round(layers[name].cycles(folded) / best.timing.interval, 4),
            products=folded.products, memory=folded.memory, cost=best.design.layers[name].by_resource,
            weights=None if folded.weights == "fixed" else folded.weights, tile=folded.tile,
        )
        for name, folded in best.folding.items()
    ]  # fmt: skip
    whole, step = best.design.total.by_resource, best.limiting
    smallest = smallest_part(listed, **whole)
    limited = Limited(
        part=None if limits.part is None else limits.part.name, goal=limits.goal,
        limits={name: limit.most for name, limit in limits.resources.items()}, used=whole,
        faster=None if step is None else vars(step), ultra=sorted(best.folding.ultra),
    )  # fmt: skip
    return Folded(
        model=model, file=file, clock_mhz=clock, latency=best.timing.latency, interval=best.timing.interval,
        bound=best.plan.bound, fps=clock * 1e6 / best.timing.interval, layers=rows, estimate=whole,
        smallest_part=smallest.name if smallest else None,
        nearest_part=None if smallest else nearest_part(listed, **whole), queues=best.depths, pareto=[],
        memory=_memory(layers, best.folding, best.plan, clock, best.timing.interval), limited=limited,
    )  # fmt: skip


def _folding(layers, goal, cycles):
    """Return the folding that meets the goal, without DSPs."""
    from fewbit.flow.folding import folding, search

    if goal.max_luts is not None:
        return search.fastest_within(layers, goal.max_luts)
    if cycles is None:
        return folding.default_folding(layers)
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


def _limited_table(report, r):
    """Print a folding within limits: layers, what is used of what there is, and what limits it."""
    from fewbit.flow.folding.limits import RESOURCES

    rows = [
        (row.layer, row.pe, row.simd, row.products or "LUTs", row.memory or row.weights or "–", f"{row.cycles:,}",
         f"{row.cost['lut']:,}", row.cost["bram18"], row.cost["dsp"])
        for row in r.layers
    ]  # fmt: skip
    heads = ["layer", "PE", "SIMD", "products", "weights", "cycles", "LUTs", "BRAM18", "DSP"]
    report.table(heads, rows, least=("products", "weights", "BRAM18"))
    limited = r.limited
    shares = []
    for name, used in limited.used.items():
        most = limited.limits.get(name)
        of = "" if most is None else f"{most:,}"
        shares.append((RESOURCES[name], f"{used:,}", of, f"{used / most:.0%}" if most else ""))
    report.table(["of all", "used", "limit", "share"], shares)
    if limited.ultra:
        report.line(f"buffers in UltraRAM: {', '.join(limited.ultra)}")
    if limited.faster is not None:
        step = limited.faster
        name, over = RESOURCES[step["resource"]], step["needed"] - step["most"]
        faster = f"the next step up, {step['cycles']:,} cycles ({r.clock_mhz * 1e6 / step['cycles']:,.0f} frames/s)"
        if limited.goal == "luts" and step["resource"] == "lut":
            report.line(
                f"{faster}, takes about {step['needed']:,} {name}, {over:,} more; layer {step['layer']} is slowest"
            )
        else:
            report.line(
                f"limited by {name}, at layer {step['layer']}: {faster}, takes about {step['needed']:,} of "
                f"{step['most']:,} {name}, {over:,} more than there are"
            )


def _table(report, r):
    if r.limited is not None:
        _limited_table(report, r)
        _speed_lines(report, r)
        report.line(f"folding: {r.file} (edit it; pass it back with --folding)")
        return
    rows = [
        (row.layer, f"{row.pixels} x {row.groups * row.neurons}", row.inputs, row.pe, row.simd, f"{row.cycles:,}",
         f"{100 * row.share:.0f} %", f"{row.cost['lut']:,}", row.cost["bram18"], row.cost["dsp"])
        for row in r.layers
    ]  # fmt: skip
    report.table(
        ["layer", "pixels x neurons", "inputs", "PE", "SIMD", "cycles", "share", "LUTs, about", "BRAM18", "DSP"], rows,
        least=("inputs", "pixels x neurons", "share"),
    )  # fmt: skip
    _speed_lines(report, r)
    rows = [(f"{p['cycles']:,}", f"{p['fps']:,}", f"{p['lut']:,}", p["bram18"], p["dsp"]) for p in r.pareto]
    report.table(["other targets: cycles", "frames/s", "LUTs, about", "BRAM18", "DSP"], rows)
    report.line(f"folding: {r.file} (edit it; pass it back with --folding)")


def _speed_lines(report, r):
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


def _devices_table(report, devices):
    rows = [
        (d.device, d.part or "–", f"{d.layers[0]} – {d.layers[-1]}" if len(d.layers) > 1 else d.layers[0],
         *(f"{d.estimate[name]:,}" + (f" ({100 * d.shares[name]:.0f} %)" if d.shares else "")
           for name in ("lut", "bram18", "dsp")),
         f"{d.link['bits_a_frame']:,} bits, {d.link['beats']:,} beats of {d.link['lanes']} x {d.link['bits']} bits"
         if d.link else "–")
        for d in devices
    ]  # fmt: skip
    report.table(["device", "part", "layers", "LUTs, about", "BRAM18", "DSP", "link to the next, a frame"], rows,
                 least=("part",))  # fmt: skip


def _part_line(r):
    """Say which part is the smallest that holds the estimate, or what the nearest one lacks."""
    if r.nearest_part is None:
        return f"smallest part that holds it by that estimate: {r.smallest_part} (`fewbit parts` lists them)"
    return f"no listed part holds it by that estimate: {r.nearest_part}"
