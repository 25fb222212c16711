"""What a comparison measures of one network: golden accuracy, simulated cycles, synthesized cost."""

import json
import threading
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding.folding import layers_of
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation import drawn_again
from fewbit.golden.model_file.file import ModelSource
from fewbit.hw.targets.named import DEFAULT
from fewbit.places import CACHE
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.simulators.run import simulate

from .fill import PART, Point, cycles_of, fill

__all__ = ["ELABORATION", "FRAMES", "STEPS", "Variant", "common_folding", "measure", "numbers", "simulated"]

FRAMES = 24  # simulated of each format, for its cycles
STEPS = 240  # of progress that a row counts for: about the seconds that it takes
MULTIPLIERS = 8  # at most, of the common folding
ELABORATION = threading.Lock()  # Amaranth and its warnings are not made for threads


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One row: a model, how it is called, what is special about it."""

    name: str
    model: ModelSource
    dsp: bool = True
    note: str = ""


def common_folding(network, most=MULTIPLIERS):
    """The fastest folding of one input a cycle and at most ``most`` multipliers that divides every layer evenly.

    All formats get it, so it is one that float32 can afford. A network of more layers than that gets one each.
    """
    layers = layers_of(network)
    best = {name: (1, 1) for name in layers}
    even = {name: [pe for pe in layer.pes() if layer.neurons % pe == 0 or pe > layer.neurons] for name, layer in
            layers.items()}  # fmt: skip
    simd = {name: {pe: layer.simds(pe)[0] for pe in even[name]} for name, layer in layers.items()}
    wanted = {layer.cycles(pe, simd[name][pe]) for name, layer in layers.items() for pe in even[name]}
    for cycles in sorted(wanted, reverse=True):
        folding = {
            name: next(((pe, simd[name][pe]) for pe in even[name] if layer.cycles(pe, simd[name][pe]) <= cycles), None)
            for name, layer in layers.items()
        }
        if None in folding.values() or sum(pe * n for pe, n in folding.values()) > most:
            break
        best = folding
    return best


def measure(variant, folding, samples, labels, directory, *, input_spec, job, part=PART):
    """Everything about one row except its throughput, as JSON-able numbers.

    Parameters
    ----------
    samples : float32 array, as the model takes them
    job : flow.commands.report.Job
        Told what is being done.
    """

    def project(folding, where):
        with ELABORATION:
            return Project(
                variant.model,
                input_spec=input_spec,
                folding=folding,
                directory=where,
                target=replace(DEFAULT, dsp=variant.dsp),
            )

    def cost(project):
        with project.locked():  # always before ELABORATION
            with ELABORATION:
                job.now("generating Verilog")
                project.generate()
            return synthesize(
                project.verilog, "accelerator", dsp=variant.dsp, timeout=3600,
                progress=lambda seconds, step: job.now(f"Yosys: {step.removeprefix('Executing ')[:30]}"),
            )  # fmt: skip

    common = project(folding, directory / "common")
    row = {"format": variant.name, "model": str(variant.model.path), "note": variant.note}
    row |= _golden(common, samples, labels, job)
    row |= simulated(common, common.network.encode(samples[:FRAMES]), job)
    job.done(f"simulated, {row['frames']} frames, {row['mismatches']} differ from fewbit.golden", 40)
    resources = cost(common)
    row["cost"] = numbers(resources)
    job.done(f"synthesized at the common folding, {resources.lut} LUTs", 30)

    def filled(folding):
        one = project(folding, directory / f"cycles-{cycles_of(common.network, folding)}")
        resources = cost(one)
        job.done(f"synthesized to fill the part, {resources.lut} LUTs", 60)
        return resources

    start = Point(cycles=cycles_of(common.network, folding), folding=folding, resources=resources)
    point, tried, counts_ram = fill(common.network, start, filled, part=part)
    row["tried"] = [{"cycles": p.cycles, **numbers(p.resources)} for p in tried]
    row["filled"] = _filled(point, directory, folding, part, counts_ram)
    return row


def numbers(resources):
    """The counts of `flow.eda.synth.Resources`; ``bram`` in blocks of 36 Kbit."""
    counts = {k: v for k, v in asdict(resources).items() if k in ("lut", "lutram", "ff", "dsp", "bram18", "bram36")}
    return counts | {"bram": resources.bram36 + resources.bram18 / 2}


def _golden(project, samples, labels, job):
    """Accuracy on all samples, and the sizes."""
    job.now("golden model")
    values = project.network.encode(samples)
    result = project.execute(values)
    accuracy = None if labels is None else float((project.labels(result) == labels).mean())
    layers = project.plan.layers.values()
    bits = sum(p.dense.weights.size * p.dense.weight_format.bits for p in layers)
    count = sum(p.dense.weights.size for p in layers)
    return {
        "accuracy": accuracy,
        "samples": len(values),
        "weights": int(count),
        "weight_bits": int(bits),
        "bits_per_weight": round(bits / count, 3),
        "layers": [{"name": p.name, "inputs": p.inputs, "neurons": p.neurons, "pe": p.pe, "simd": p.simd,
                    "weights": str(p.dense.weight_format), "activations": str(p.x_format)} for p in layers],
        "pes": sum(p.pe * p.simd for p in layers),
    }  # fmt: skip


def simulated(project, values, job):
    """Cycles of ``values`` in Verilator, every bit against golden; kept until design or samples change.

    ``exact`` says whether every bit and every cycle was as it should be, ``problems`` what was not.
    """
    with ExitStack() as held:
        held.enter_context(project.locked())
        return _simulated(project, np.ascontiguousarray(values), job, held.close)


def _simulated(project, values, job, started):
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
    if kept is None:
        job.now("building with Verilator")
        project.build_simulator(cycles=predicted.left[-1])
        job.now("simulating")
        found = simulate(project.simulator(), project.plan, values, expected, again=drawn_again(project, values),
                         design=project.design(), started=started,
                         progress=lambda frames: job.now(f"simulating: {frames} of {len(values)} frames"))  # fmt: skip
        kept = {
            "frames": found.frames,
            "mismatches": found.mismatches,
            "problems": found.problems + ([] if found.left == predicted.left else ["cycles are not those predicted"]),
            "latency": {"simulated": found.latency, "predicted": predicted.latency},
            "interval": {"simulated": steady_interval(found.left), "predicted": predicted.interval},
        }
        if not (kept["mismatches"] or kept["problems"]):
            store[key] = kept
    return kept | {"exact": not (kept["mismatches"] or kept["problems"])}


def _filled(point, directory, common, part, counts_ram):
    """The filled design's figures; its cycles are those of the cycle model, from its manifest."""
    if point is None:
        return None
    where = "common" if point.folding == common else f"cycles-{point.cycles}"
    manifest = json.loads((directory / where / "manifest.json").read_text())
    return {
        "folding": {n: {"pe": pe, "simd": simd} for n, (pe, simd, *_) in point.folding.items()},
        "multipliers": sum(pe * simd for pe, simd, *_ in point.folding.values()),
        "latency": manifest["cycles"]["latency"],
        "interval": manifest["cycles"]["interval"],
        "cost": numbers(point.resources),
        "use": {k: round(v, 4) for k, v in part.use(point.resources).items()},
        "counts_ram": counts_ram,
    }
