"""The golden model on samples, and the model's own reference beside it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy import ndarray

from fewbit.flow.images import Images
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.project.level_rounding import rounding_of
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult
from fewbit.golden.importing.precision import RoundingChanges

from .check import check_with_reference
from .reference import ReferenceExecutor
from .result import ExecutorCheck

__all__ = ["Executed", "execute_samples"]

_SHOWN = 10  # labels in a summary


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
        How the model's own reference compares; None where that was not asked.
    notes : list of str
        Where golden is not exactly the model.
    rounding : RoundingChanges or None
        What rounded levels change; None where there are none.
    """

    model: Path
    input: str
    samples: int
    labels: ndarray
    accuracy: float | None
    output: str
    outputs: dict[str, ndarray]
    integers: ndarray
    executor: ExecutorCheck | None
    notes: list[str]
    rounding: RoundingChanges | None

    def summary(self) -> dict[str, Any]:
        """Return the figures, the first labels, and the shape, type and range of every output."""
        outputs = [
            {"output": name, "shape": " x ".join(map(str, y.shape)), "type": str(y.dtype),
             "least": y.min().item(), "most": y.max().item()}
            for name, y in self.outputs.items() if y.size
        ]  # fmt: skip
        shown = replace(self, labels=self.labels[:_SHOWN], outputs={}, integers=self.integers[:0]).to_dict()
        return {name: value for name, value in shown.items() if name != "integers"} | {"outputs": outputs}


def execute_samples(
    project: FoldedModel, samples: Images, report: Report, reference: ReferenceExecutor | None = None
) -> Executed:
    """Execute the golden model of a project on samples, and its ``reference`` if there is one.

    Raises
    ------
    flow.images.ImageError
        If there is a reference, and the samples are not there as the model takes them.
    golden.model_file.file.ModelError
        If the reference cannot run the model.
    """
    result, checked = project.execute(samples.values), None
    if reference:
        with report.counting(reference.name, len(samples)) as progress:
            checked = check_with_reference(project, reference, samples, result, progress)
    labels = project.labels(result)
    return Executed(
        model=project.model, input=project.network.input_spec, samples=len(samples), labels=labels,
        accuracy=None if samples.labels is None else float((labels == samples.labels).mean()),
        output=project.output.name, outputs=result.outputs, integers=project.hardware_values(result),
        executor=checked, notes=project.network.notes, rounding=rounding_of(project, samples, result),
    )  # fmt: skip
