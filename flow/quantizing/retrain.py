"""Brief training of a float model in chosen formats, on the samples of calibration (needs the extra `train`)."""

from collections.abc import Callable
from dataclasses import dataclass

from fewbit.extras import needs
from fewbit.flow.images import ImageError
from fewbit.flow.results import JsonResult, key
from fewbit.ptq.emit import QuantizationPlan

from .float_model import FloatProject

__all__ = ["STEPS", "Retrained", "Retraining"]

STEPS = 2000
"""Steps of training, unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Retrained(JsonResult):
    """What was trained on: so many steps, on so many samples of a file."""

    steps: int
    samples: int
    source: str = key("from")


class Retraining:
    """Training of a float model's layers anew in few bits.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
        Its samples are trained on, all of them; its images must be others, so that accuracy says something.
    steps : int

    Raises
    ------
    flow.images.ImageError
        If the samples have no classes, or are the images.
    golden.model_file.file.ModelError
        If the model has what cannot be trained.
    fewbit.extras.MissingPackage
        If the packages for training are not installed.
    """

    def __init__(self, project: FloatProject, steps: int = STEPS):
        needs("train")
        from fewbit.train.graph import Graph
        from fewbit.train.tune import tune

        self.project, self.steps, self._tune = project, steps, tune
        samples, classes = project.samples, max(2, project.calibration.scores[0].size)
        if samples.labels is None:
            raise ImageError(f"{samples.source}: has no array 'label', and retraining needs the classes")
        if samples.source == project.images.source:
            raise ImageError(
                f"{samples.source}: retraining needs samples of its own; give those to train on with --calibration, "
                "and others, to measure on, with --images"
            )
        self.labels = samples.labels.astype(int)
        if ((self.labels != samples.labels) | (self.labels < 0) | (self.labels >= classes)).any():
            raise ImageError(f"{samples.source}: 'label' must be whole numbers from 0 to {classes - 1}, the classes")
        Graph(project.model)  # refuses what it cannot train, before anything long begins

    def train(self, plan: QuantizationPlan, progress: Callable[[int], None] | None = None) -> QuantizationPlan:
        """Return the plan that training makes of a plan; ``progress`` is told the number of steps done."""
        found, _ = self._tune(
            self.project.model, plan, self.project.samples.values, self.labels, steps=self.steps, progress=progress
        )
        return found

    @property
    def described(self) -> Retrained:
        """What was trained on."""
        samples = self.project.samples
        return Retrained(steps=self.steps, samples=len(samples), source=samples.source)
