"""A model's own reference beside the golden model: an answer that nothing of ours had a part in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fewbit.flow.images import ImageError, Images
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.golden.importing.importer import walked
from fewbit.golden.network.execute import Result as GoldenResult
from fewbit.golden.network.execute import labels_of
from fewbit.golden.registry import import_all

from . import references
from .bounds import FORMULA, FloatBounds
from .reference import ReferenceExecutor, reference_of
from .references.onnx_executors import OnnxReference
from .result import ExecutorCheck, OutputCheck
from .steered import Steering

__all__ = ["check_with_reference", "reference_for"]

import_all(references)


def reference_for(project: FoldedModel) -> ReferenceExecutor:
    """Return the reference of a project's model.

    Raises
    ------
    golden.model_file.file.ModelError
        If it refuses the model.
    fewbit.extras.MissingPackage
        If it is not installed.
    """
    return reference_of.of(project.source)(project.source)


def check_with_reference(
    project: FoldedModel,
    reference: ReferenceExecutor,
    images: Images,
    result: GoldenResult,
    progress: Callable[[int], None],
) -> ExecutorCheck:
    """Run every sample through the model's ``reference``, and compare all outputs with golden's ``result``.

    Where one is not the same in every bit, golden runs once more beside the reference (`flow.checking.steered`), which
    tells ties from errors. A network whose levels are rounded, or whose host gives another output than the model, is
    compared without that.

    ``progress`` is told the number of samples that are done.

    Raises
    ------
    flow.images.ImageError
        If the samples are not there as the model takes them.
    golden.model_file.file.ModelError
        If the reference cannot run the model.
    """
    floats = images.floats
    if floats is None:
        raise ImageError("--check needs the samples as the model takes them (floats), or declared raw integers")
    names = dict(zip(result.outputs, reference.outputs, strict=True))
    steering = _steering(project, reference)
    outputs = {name: _Compared(name) for name in result.outputs}
    codes = np.zeros(2, dtype=np.int64)
    for number in range(len(floats)):
        parts = project.network.apart(floats[number : number + 1])
        x = {given.name: part for given, part in zip(project.network.inputs, parts, strict=True)}
        tensors = reference.run(number, x)
        mine = {name: y[number : number + 1] for name, y in result.outputs.items()}
        theirs = {name: _like(mine[name], tensors[names[name]], reference.copies) for name in mine}
        bounds = FloatBounds(reference, tensors) if isinstance(reference, OnnxReference) else None
        again = mine
        if steering is not None and any((mine[name] != theirs[name]).any() for name in mine):
            sample = steering.run(number, images.values[number : number + 1], tensors)
            again, codes = sample.outputs, codes + (sample.codes, sample.ties)
            if sample.codes != sample.ties:
                again = mine
        for name in mine:
            near = _near(names[name], tensors, bounds, reference.copies)
            outputs[name].add(number, mine[name], theirs[name], again[name], near)
        progress(number + 1)
    return _finished(project, result, reference.name, list(outputs.values()), codes, len(images))


def _steering(project, reference):
    """Return the `Steering` of a project; None where its network is not the model code by code."""
    if not isinstance(reference, OnnxReference) or project.network.rounds_levels or project.output_option != "auto":
        return None
    return Steering(walked(project.source, project.input_option), reference)


def _like(mine, theirs, copies):
    """Return the reference's output in the shape of golden's; its label where golden gives that alone."""
    theirs = np.asarray(theirs).reshape(-1)
    theirs = theirs[: theirs.size // copies]
    if theirs.size == mine.size:
        return theirs.reshape(mine.shape)
    return labels_of(theirs[None]).reshape(mine.shape) if mine.size == 1 else np.full(mine.shape, np.nan)


def _near(name: str, tensors: Mapping[str, np.ndarray], bounds: FloatBounds | None, copies: int):
    """Return a function of golden's and the reference's values of an output: whether they are as good as the same."""
    if bounds is None:
        return lambda mine, theirs: mine == theirs
    label = bounds.scores_behind(name)
    if label is None:
        away = bounds.of(name).reshape(-1)
        return lambda mine, theirs: (
            abs(mine.astype(np.float64) - theirs) <= (away[: mine.size] if away.size % mine.size == 0 else 0)
        )
    scores, away = np.asarray(tensors[label], dtype=np.float64).reshape(-1), bounds.of(label).max()
    scores = scores[: scores.size // copies]

    def as_large(mine, theirs):
        if mine.dtype.kind not in "iu" or max(mine.max(), theirs.max()) >= scores.size:
            return mine == theirs
        return abs(scores[mine.astype(int)] - scores[theirs.astype(int)]) <= 2 * away

    return as_large


@dataclass
class _Compared:
    """What has been seen of an output."""

    name: str
    values: int = 0
    equal: int = 0
    differing: int = 0
    ties: int = 0
    frames: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    tied: set[int] = field(default_factory=set)
    same: set[int] = field(default_factory=set)

    def add(self, number, mine, theirs, again, near):
        """Compare one sample: golden's values, the reference's, and golden's with the reference's codes."""
        if labels_of(mine)[0] != labels_of(theirs)[0]:
            self.labels.append(number)
        mine, theirs, again = (values.reshape(-1) for values in (mine, theirs, again))
        equal = mine == theirs
        differs = ~equal & ~(near(mine, theirs) if mine.dtype.kind == "f" else False)
        ties = differs & ((again == theirs) | near(again, theirs))
        self.values, self.equal = self.values + equal.size, self.equal + int(equal.sum())
        self.differing, self.ties = self.differing + int(differs.sum()), self.ties + int(ties.sum())
        if equal.all():
            self.same.add(number)
        if differs.any():
            self.frames.append(number)
        if (ties == differs).all():
            self.tied.add(number)


def _finished(project, result, name, outputs, codes, samples):
    """Return the result of a check."""
    main = outputs[0]
    if len(outputs) > 1:
        labels = project.labels(result)
        main = next((o for o in outputs if np.array_equal(labels_of(result.outputs[o.name]), labels)), main)
    ties = [number for number in main.labels if number in main.tied]
    return ExecutorCheck(
        reference=name, samples=samples, labels_equal=samples - len(main.labels), ties=len(ties),
        outputs_equal=len(set.intersection(*(o.same for o in outputs))), codes=int(codes[0]), codes_tied=int(codes[1]),
        bound=FORMULA,
        outputs=[
            OutputCheck(name=o.name, values=o.values, equal=o.equal, differing=o.differing, ties=o.ties,
                        frames=o.frames, labels=o.labels)
            for o in outputs
        ],
    )  # fmt: skip
