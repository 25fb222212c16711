"""Brief training of a float model in chosen formats, on the samples of calibration (needs the extra `train`)."""

from dataclasses import dataclass

from fewbit.extras import needs
from fewbit.flow.images import ImageError
from fewbit.flow.results import Result, key

__all__ = ["STEPS", "Retrained", "Retraining"]

STEPS = 2000


@dataclass(frozen=True, kw_only=True)
class Retrained(Result):
    """What was trained on: so many steps, on so many samples of a file."""

    steps: int
    samples: int
    source: str = key("from")


class Retraining:
    """Trains the layers of a float model anew in few bits.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
        Its samples are trained on, all of them; its images must be others, so that accuracy says something.
    steps : int
    """

    def __init__(self, project, steps=STEPS):
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

    def train(self, plan, progress=None):
        """The `ptq.emit.QuantizationPlan` that training makes of a plan; ``progress`` is told the number of steps
        done."""
        found, _ = self._tune(
            self.project.model, plan, self.project.samples.floats, self.labels, steps=self.steps, progress=progress
        )
        return found

    @property
    def described(self):
        """What is said of it: a `Retrained`."""
        samples = self.project.samples
        return Retrained(steps=self.steps, samples=len(samples), source=samples.source)
