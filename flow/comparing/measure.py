"""What a comparison measures of one network: golden accuracy, simulated cycles, synthesized cost."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.eda.resources import Resources
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding.layers import FoldableLayer, layers_of
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import drawn_again
from fewbit.flow.project.simulation_results import Latency
from fewbit.flow.reporting import ReportedJob
from fewbit.golden.model_file.file import ModelSource
from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.parts import Part
from fewbit.places import CACHE
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.simulators.run import simulate

from .fill import PART, Point, cycles_of, fill
from .result import ComparedFormat, Filled, Golden, MeasuredInterval, Simulated, SynthesizedCost, Tried

__all__ = ["ELABORATION", "FRAMES", "STEPS", "STEPS_UNFILLED", "Variant", "common_folding", "measure", "simulated"]

FRAMES = 24
"""Frames of each format that are simulated, for its cycles."""
STEPS = 240
"""Steps of progress that a row counts for: about the seconds that it takes."""
_SIMULATED, _SYNTHESIZED = 40, 30  # of them
STEPS_UNFILLED = _SIMULATED + _SYNTHESIZED
"""Steps of a row without a design that fills the part."""
MULTIPLIERS = 8
"""Multipliers of the common folding, at most."""
ELABORATION = threading.Lock()
"""Held while Verilog is generated: Amaranth and its warnings are not made for threads."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row: what its format is called, its model, whether DSPs may be used, and what is special about it."""

    name: str
    model: ModelSource
    dsp: bool = True
    note: str = ""


def common_folding(network: Network, most: int = MULTIPLIERS) -> Folding:
    """Return the fastest folding of one input a cycle and at most ``most`` multipliers that divides every layer evenly.

    All formats get it, so it is one that float32 can afford. A network of more layers than that gets one each.
    """
    layers = layers_of(network)
    best = Folding({name: LayerFolding(1, 1) for name in layers})
    even = {name: list(_even(layer)) for name, layer in layers.items()}
    wanted = {layers[name].cycles(folded) for name, several in even.items() for folded in several}
    for cycles in sorted(wanted, reverse=True):
        found = {
            name: next((folded for folded in even[name] if layer.cycles(folded) <= cycles), None)
            for name, layer in layers.items()
        }
        fitting = {name: folded for name, folded in found.items() if folded is not None}
        if len(fitting) < len(found) or Folding(fitting).multipliers > most:
            break
        best = Folding(fitting)
    return best


def _even(layer: FoldableLayer) -> Iterator[LayerFolding]:
    """Yield the foldings of every PE that divides the layer, with the least SIMD that each may have."""
    for pe in layer.pes():
        if layer.neurons % pe == 0 or pe > layer.neurons:
            yield LayerFolding(pe, layer.simds(pe)[0])


def measure(
    variant: Variant,
    folding: Folding,
    samples: np.ndarray,
    labels: np.ndarray | None,
    directory: Path,
    *,
    input_spec: str | None,
    job: ReportedJob,
    part: Part = PART,
    filling: bool = True,
) -> ComparedFormat:
    """Return everything about one row except its throughput.

    Parameters
    ----------
    variant : Variant
    folding : hw.folding.Folding
        The common folding.
    samples : float32 array (N, *shape)
        Samples as the model takes them.
    labels : int array (N,) or None
    directory : Path
        The folder in which the row's designs are made.
    input_spec : str or None
        The input declaration.
    job : flow.reporting.ReportedJob
        Told what is being done.
    part : hw.targets.parts.Part
        The part that is filled.
    filling : bool
        Whether a design that fills it is looked for, which takes the longest.

    Raises
    ------
    flow.eda.synth.SynthesisError
        If Yosys fails.
    fewbit.sim.errors.SimulationError
        If the simulation fails.
    """
    designs = _Designs(variant, directory, input_spec, job)
    common = designs.project(folding, "common")
    golden = _golden(common, samples, labels, job)
    found = simulated(common, common.network.encode(samples[:FRAMES]), job)
    job.done(f"simulated, {found.frames} frames, {found.mismatches} differ from fewbit.golden", _SIMULATED)
    resources = designs.cost(common)
    job.done(f"synthesized at the common folding, {resources.lut} LUTs", _SYNTHESIZED)
    start = Point(cycles=cycles_of(common.network, folding), folding=folding, resources=resources)
    point: Point | None = None
    tried, counts_ram = [start], True
    if filling:
        point, tried, counts_ram = fill(common.network, start, partial(designs.filling, common.network), part=part)
    return ComparedFormat(
        format=variant.name, model=variant.model.path, note=variant.note, golden=golden, simulated=found,
        exact=found.exact, cost=SynthesizedCost.of(resources),
        tried=[Tried(cycles=p.cycles, cost=SynthesizedCost.of(p.synthesized)) for p in tried],
        filled=_filled(point, directory, folding, part, counts_ram), unfilled=None if filling else "not looked for",
    )  # fmt: skip


@dataclass(frozen=True)
class _Designs:
    """The designs of one row, each in its folder, and what each takes."""

    variant: Variant
    directory: Path
    input_spec: str | None
    job: ReportedJob

    def project(self, folding: Folding, folder: str) -> Project:
        """Return the project of the network in a folding."""
        with ELABORATION:
            found = Project(
                self.variant.model, input_spec=self.input_spec, directory=self.directory / folder,
                target=replace(DEFAULT, dsp=self.variant.dsp),
            )  # fmt: skip
        # The layers are the same in every format, and in the same order, whatever a model calls them.
        names = layers_of(found.network)
        same = names.keys() == folding.keys()
        found.folding = folding if same else folding.renamed(dict(zip(folding, names, strict=True)))
        return found

    def cost(self, project: Project) -> Resources:
        """Return what synthesis makes of a project.

        Raises
        ------
        flow.eda.synth.SynthesisError
            If Yosys fails.
        """
        with project.locked():  # always before ELABORATION
            with ELABORATION:
                self.job.now("generating Verilog")
                project.generate()
            return synthesize(
                project.verilog, "accelerator", dsp=self.variant.dsp, timeout=3600,
                progress=lambda seconds, step: self.job.now(f"Yosys: {step.removeprefix('Executing ')[:30]}"),
            )  # fmt: skip

    def filling(self, network: Network, folding: Folding) -> Resources:
        """Return what a folding of the network takes that is tried to fill the part."""
        resources = self.cost(self.project(folding, f"cycles-{cycles_of(network, folding)}"))
        self.job.done(f"synthesized to fill the part, {resources.lut} LUTs", 60)
        return resources


def _golden(project: Project, samples: np.ndarray, labels: np.ndarray | None, job: ReportedJob) -> Golden:
    """Return the accuracy on all samples, and the sizes."""
    job.now("golden model")
    values = project.network.encode(samples)
    result = project.execute(values)
    accuracy = None if labels is None else float((project.labels(result) == labels).mean())
    layers = project.plan.layers.values()
    bits = sum(p.dense.weights.size * p.dense.weight_format.bits for p in layers)
    count = sum(p.dense.weights.size for p in layers)
    return Golden(
        accuracy=accuracy, samples=len(values), weights=int(count), weight_bits=int(bits),
        bits_per_weight=round(bits / count, 3),
        layers=[{"name": p.name, "inputs": p.inputs, "neurons": p.neurons, "pe": p.pe, "simd": p.simd,
                 "weights": str(p.dense.weight_format), "activations": str(p.x_format)} for p in layers],
        pes=sum(p.pe * p.simd for p in layers),
    )  # fmt: skip


def simulated(project: Project, values: np.ndarray, job: ReportedJob) -> Simulated:
    """Return what Verilator shows of samples ``values``, every bit against golden; kept until design or samples change.

    Raises
    ------
    fewbit.sim.errors.SimulationError
        If the simulation fails.
    """
    with ExitStack() as held:
        held.enter_context(project.locked())
        return _simulated(project, np.ascontiguousarray(values), job, held.close)


def _simulated(project: Project, values: np.ndarray, job: ReportedJob, started: Callable[[], None]) -> Simulated:
    store = Store(directory=CACHE / "sim")
    with ELABORATION:
        job.now("generating Verilog")
        project.generate()
    # Of golden and the generator count only what they give: the design, the values it has to give, and when.
    expected, predicted = project.hardware_values(project.execute(values)), predict(project.plan, len(values))
    contents = [
        part for array in (values, expected) for part in (np.ascontiguousarray(array).tobytes(), str(array.dtype))
    ]
    key = digest(project.verilog, *contents, list(predicted.left), source_digest("sim"))
    kept = store[key]
    if kept is not None:
        return Simulated.from_dict(kept)
    job.now("building with Verilator")
    project.build_simulator(cycles=predicted.left[-1])
    job.now("simulating")
    found = simulate(project.simulator_folder(), project.plan, values, expected, again=drawn_again(project, values),
                     design=project.design(), started=started,
                     progress=lambda frames: job.now(f"simulating: {frames} of {len(values)} frames"))  # fmt: skip
    result = Simulated(
        frames=found.frames, mismatches=found.mismatches,
        problems=found.problems + ([] if found.left == predicted.left else ["cycles are not those predicted"]),
        latency=Latency(simulated=found.latency, predicted=predicted.latency),
        interval=MeasuredInterval(simulated=steady_interval(found.left), predicted=predicted.interval),
    )  # fmt: skip
    if result.exact:
        store[key] = result.to_dict()
    return result


def _filled(point: Point | None, directory: Path, common: Folding, part: Part, counts_ram: bool) -> Filled | None:
    """Return the filled design's figures; its cycles are those of the cycle model, from its manifest."""
    if point is None:
        return None
    where = "common" if point.folding == common else f"cycles-{point.cycles}"
    manifest = json.loads((directory / where / "manifest.json").read_text())
    return Filled(
        folding=point.folding.sizes,
        multipliers=point.folding.multipliers,
        latency=manifest["cycles"]["latency"],
        interval=manifest["cycles"]["interval"],
        cost=SynthesizedCost.of(point.synthesized),
        use={k: round(v, 4) for k, v in part.use(point.synthesized).items()},
        counts_ram=counts_ram,
    )
