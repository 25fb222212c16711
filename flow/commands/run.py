"""``fewbit run``: the golden model on samples."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.flow.results import JsonResult

from .options import Frames, ImagesFile, Input, Json, Model, Output, samples_of
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from numpy import ndarray

    from fewbit.flow.project.qonnx_executor import ExecutorCheck
    from fewbit.golden.importing.precision import RoundingChanges

__all__ = ["Executed"]


@dataclass(frozen=True, kw_only=True)
class Executed(JsonResult):
    """What the golden model gives for samples.

    Attributes
    ----------
    labels : int array (N,)
        The class of each sample.
    accuracy : float or None
        The share of samples with the known label; None where no labels are known.
    output : str
        Name of the first output.
    outputs : dict of str to array
        Every output of the model as floats, by name.
    integers : array (N, …)
        What the hardware gives.
    executor : ExecutorCheck or None
        How the qonnx executor compares; None where that was not asked.
    notes : list of str
        Where golden is not exactly the model.
    rounding : RoundingChanges or None
        What rounded levels change; None where there are none.
    """

    model: Path
    input: str
    samples: int
    labels: "ndarray"
    accuracy: float | None
    output: str
    outputs: dict[str, "ndarray"]
    integers: "ndarray"
    executor: "ExecutorCheck | None"
    notes: list[str]
    rounding: "RoundingChanges | None"


@command(rank=90, epilog="Example: `fewbit run examples/digits/w1a1.onnx --images examples/digits/test.npz`")
def run(
    *, model: Model, images: ImagesFile = None, input_spec: Input = None, output: Output = "auto",
    frames: Frames = None,
    check: Annotated[bool, typer.Option("--check", help="Compare with the qonnx executor, sample by sample.")] = False,
    json: Json = False,
):  # fmt: skip
    """Execute the golden model: outputs and labels."""
    from fewbit.flow.project.project import Project

    report = Reporter(json)
    project = Project(model, input_spec=input_spec, output=output)
    samples = samples_of(project, images, frames, report)
    executed = _executed(project, samples, check, report)
    report.show(executed, lambda report, result: _table(report, result, samples.labels))
    checked = executed.executor
    if checked and checked.labels_equal + checked.ties != checked.samples:
        raise typer.Exit(1)


def _executed(project, samples, check, report):
    from fewbit.flow.project.level_rounding import rounding_of

    result, checked = project.execute(samples.values), None
    if check:
        from fewbit.flow.project.qonnx_executor import check_with_executor

        with report.counting("qonnx executor", len(samples)) as progress:
            checked = check_with_executor(project, samples, result, progress)
    labels = project.labels(result)
    return Executed(
        model=project.model, input=project.network.input_spec, samples=len(samples), labels=labels,
        accuracy=None if samples.labels is None else float((labels == samples.labels).mean()),
        output=project.output.name, outputs=result.outputs, integers=project.hardware_values(result),
        executor=checked, notes=project.network.notes, rounding=rounding_of(project, samples, result),
    )  # fmt: skip


def _table(report, r, known):
    """Print the first samples, beside their ``known`` labels if there are such, and what was compared."""
    shown, y = min(r.samples, 10), r.outputs[r.output]
    rows = []
    for i in range(shown):
        numbers = " ".join(f"{v:.4g}" for v in y[i].reshape(-1)[:10])
        rows.append((i, r.labels[i], "" if known is None else known[i], numbers))
    report.table(["sample", "label", "true", "outputs"], rows)
    if shown < r.samples:
        report.line(f"… and {r.samples - shown} more (all of them with --json)")
    if r.accuracy is not None:
        report.line(f"accuracy {100 * r.accuracy:.2f} % of {r.samples}")
    report.notes(r.notes)
    if r.rounding is not None:
        report.line(f"rounding: {r.rounding} differ from 20-bit levels")
    if r.executor is not None:
        same = "{labels_equal} of {samples} labels equal, {outputs_equal} outputs equal in every bit"
        if r.executor.ties:
            same += "; {ties} more labels differ between two outputs that are equal before the executor's rounding"
        report.line(f"qonnx executor: {same.format(**r.executor.to_dict())}")
