"""One row of the survey is measured: its networks, and the accelerator that the first of them becomes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.comparing.measure import ELABORATION, common_folding, simulated
from fewbit.flow.comparing.result import SynthesizedCost
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.project.project import Project
from fewbit.flow.reporting import ReportedJob
from fewbit.golden.network.execute import labels_of
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import DEFAULT
from fewbit.places import BUILD, HOME

from .figures import bit_operations, compression, executable, mean_and_spread, quantizer_noise, weight_bits
from .networks import NetworkMaker, SurveyRow
from .units import part_costs

__all__ = ["STEPS", "SurveyError", "measure"]

STEPS = 100  # of a row's progress
NOISE_SAMPLES = 360  # samples that the noise of activations is measured on
_SOURCES = [HOME / "bench" / "survey" / f"{name}.py" for name in ("figures", "measure", "units")]


class SurveyError(RuntimeError):
    """A row must not be printed: it has no hardware, or hardware, golden and the executor do not agree."""


def measure(row: SurveyRow, maker: NetworkMaker, rows: Mapping[str, SurveyRow], job: ReportedJob) -> dict[str, Any]:
    """Return every figure of a row, which JSON can hold; they are kept until its networks or our source change.

    Parameters
    ----------
    row : SurveyRow
    maker : NetworkMaker
    rows : dict of SurveyRow
        All rows by name.
    job : flow.reporting.ReportedJob
        Told what is going on.

    Raises
    ------
    SurveyError
        If the hardware cannot be made, or differs from golden in a bit or in a cycle.
    """
    files = maker.files(row, rows, job)
    latents = maker.latents(row)
    job.done(f"{len(files)} networks", 40)
    store = Store(directory=BUILD / "survey" / "figures")
    key = digest(tuple(files), row.dsp, *maker.contents, source_digest("golden", "hw", "sim", "flow"), tuple(_SOURCES))
    kept = store[key]
    if kept is None:
        kept = store[key] = _measured(row, files, latents, maker, job)
    named = {"name": row.name, "method": row.method, "kind": row.kind, "nominal": [row.weight_bits, row.act_bits]}
    return named | kept


def _measured(row, files, latents, maker, job):
    (x, labels), directory = maker.test, maker.folder / row.name
    job.now("noise of the quantizers")
    noise = quantizer_noise(files[0], x[:NOISE_SAMPLES], latents)
    try:
        projects = [_project(row, path, directory / "common") for path in files]
        plan = projects[0].plan
    except ValueError as error:  # `golden.model_file.file.ModelError`, or a format that the hardware does not have
        raise SurveyError(f"{row.name}: no hardware: {error}") from None
    job.now("golden model")
    found = [project.labels(project.execute(project.network.encode(x))) for project in projects]
    accuracies = [float((got == labels).mean()) for got in found]
    mean, spread = mean_and_spread(accuracies)
    job.done(f"accuracy {100 * mean:.2f} %", 5)
    return {
        "accuracies": accuracies, "accuracy": mean, "spread": spread, "noise": noise,
        "hardware": _hardware(row, projects[0], plan, x[: maker.frames], maker.parts, job),
    }  # fmt: skip


def _project(row, path, directory):
    with ELABORATION:
        project = Project(path, folding=Folding(), directory=directory, target=replace(DEFAULT, dsp=row.dsp))
        project.folding = common_folding(project.network)
        return project


def executed(path: Path, x: np.ndarray) -> np.ndarray:
    """Return the network's outputs by the qonnx executor, for all samples at once."""
    from qonnx.core.onnx_exec import execute_onnx

    model = executable(path, len(x))
    result = execute_onnx(model, {model.graph.input[0].name: np.asarray(x, dtype=np.float32)})
    return result[model.graph.output[0].name]


def _hardware(row, project, plan, x, parts, job):
    """Return the figures of the generated accelerator, after it has been compared with golden.

    Only if ``parts`` is true, those of its parts that are synthesized alone are among them, else they are None.
    """
    values = project.network.encode(x)
    found = simulated(project, values, job)
    if not found.exact:
        problems = "; ".join([f"{found.mismatches} of {found.frames} frames differ", *found.problems])
        raise SurveyError(f"{row.name}: the accelerator is not golden's: {problems}; {project.directory}")
    if not (labels_of(executed(project.model, x)) == project.labels(project.execute(values))).all():
        raise SurveyError(f"{row.name}: golden gives other labels than the qonnx executor: {project.model}")
    job.done(f"simulated, {found.frames} frames equal to golden", 20)
    job.now("synthesizing")
    cost = synthesize(project.verilog, "accelerator", dsp=row.dsp, timeout=3600)
    job.done(f"synthesized, {cost.lut} LUTs", 20)
    if parts:
        job.now("synthesizing the quantizing unit")
    alone = part_costs(plan, dsp=row.dsp) if parts else dict.fromkeys(("unit", "generators", "array", "array_lanes"))
    layers = list(plan.layers.values())
    return {
        "frames": found.frames, "latency": found.latency.simulated, "interval": found.interval.simulated,
        "folding": [[p.name, p.pe, p.simd] for p in layers],
        "shape": [layers[0].inputs, *(p.neurons for p in layers)],
        "formats": [[str(p.dense.weight_format), str(p.x_format)] for p in layers],
        "products": [p.products_in for p in layers],
        "weights": int(sum(p.dense.weights.size for p in layers)), "weight_bits": weight_bits(layers),
        "compression": compression(layers), "bit_operations": bit_operations(layers),
        "cost": SynthesizedCost.of(cost).to_dict(), **alone,
    }  # fmt: skip
