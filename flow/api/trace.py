"""Every tensor of a model for some samples, by the model's own names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.flow.checking.check import reference_for
from fewbit.flow.checking.references.onnx_executors import OnnxReference
from fewbit.flow.images import ImageError, Images
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult
from fewbit.golden.importing.walk import TracedTensor, traced, walk_of

__all__ = ["Trace", "trace_of"]


@dataclass(frozen=True, kw_only=True)
class Trace(JsonResult):
    """The tensors of a model for B samples: a mapping of their names, in the model's order, to arrays ``(B, ...)``.

    Attributes
    ----------
    tensors : dict of str to golden.importing.walk.TracedTensor
        What a tensor holds, and the integers behind it.
    """

    model: Path
    input: str
    samples: int
    tensors: dict[str, TracedTensor]

    def __getitem__(self, name: str) -> np.ndarray:
        return self._tensor(name).values

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def keys(self) -> list[str]:
        """Return the names of all tensors."""
        return list(self.tensors)

    def integers(self, name: str) -> np.ndarray | None:
        """Return the codes or accumulators behind a tensor, position by position; None where there are none.

        Raises
        ------
        KeyError
            If no tensor has that name.
        """
        return self._tensor(name).integers

    def _tensor(self, name: str) -> TracedTensor:
        if name not in self.tensors:
            raise KeyError(f"no tensor {name!r} that depends on the input; there are {', '.join(self.tensors)}")
        return self.tensors[name]

    def summary(self) -> dict[str, Any]:
        """Return the shape, the type and the range of every tensor."""
        rows = [
            {"tensor": name, "shape": " x ".join(map(str, t.values.shape)), "type": str(t.values.dtype),
             "least": t.values.min().item() if t.values.size else None,
             "most": t.values.max().item() if t.values.size else None, "edge": t.edge}
            for name, t in self.tensors.items()
        ]  # fmt: skip
        return {"model": str(self.model), "input": self.input, "samples": self.samples, "tensors": rows}


def trace_of(project: FoldedModel, samples: Images, report: Report) -> Trace:
    """Return the `Trace` of a project's model.

    That of a model of integers is golden's. A float model is executed by its own world's reference.

    Raises
    ------
    flow.images.ImageError
        If a float model's samples are not there as it takes them.
    golden.model_file.file.ModelError
        If the model cannot be walked, or the reference cannot run it.
    """
    if project.network.integral:
        with report.working("golden model"):
            walk = walk_of.of(project.source)(project.source, project.input_option)
            tensors = traced(walk, samples.values, samples.floats)
    else:
        tensors = _of_reference(project, samples, report)
    return Trace(model=project.model, input=project.network.input_spec, samples=len(samples), tensors=tensors)


def _of_reference(project: FoldedModel, samples: Images, report: Report) -> dict[str, TracedTensor]:
    """Return the tensors that the reference of a float model gives."""
    reference, floats = reference_for(project), samples.floats
    assert isinstance(reference, OnnxReference)  # TensorFlow Lite models are of integers
    if floats is None:
        raise ImageError("a float model is traced with samples as it takes them (floats)")
    inputs, found = project.network.inputs, []
    with report.counting(reference.name, len(samples)) as progress:
        for number in range(len(samples)):
            parts = project.network.apart(floats[number : number + 1])
            x: Mapping[str, np.ndarray] = {one.name: part for one, part in zip(inputs, parts, strict=True)}
            found.append(reference.run(number, x))
            progress(number + 1)
    names = [one.name for one in inputs] + [name for node in reference.file.nodes for name in node.output]
    return {
        name: TracedTensor(np.concatenate([_sample(one[name], reference.copies) for one in found]))
        for name in names if name in reference.data
    }  # fmt: skip


def _sample(values: np.ndarray, copies: int) -> np.ndarray:
    """Return what a tensor holds of one sample, of which the model took several copies."""
    values = np.asarray(values)
    return values[: len(values) // copies] if values.ndim and len(values) >= copies else values[None]
