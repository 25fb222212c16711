"""Golden on the samples of a report: one run, of which the sections on accuracy and on values take their figures."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewbit.flow.cache import digest
from fewbit.flow.images import Images
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.execute import Result, run

from .subject import ReportSubject

__all__ = ["ExecutedSamples", "SampleAnswers", "executed_samples"]

_QUICK_MACS, _LONG_MACS = 300_000_000, 30_000_000_000  # of all samples: a moment, and a minute
_HELD = 1 << 22  # values of all edges that are held at a time


@dataclass(frozen=True)
class SampleAnswers:
    """What golden says of N samples: labels, int64 (N,), and scores of classes, float64 (N, classes), or None."""

    labels: np.ndarray
    scores: np.ndarray | None


class ExecutedSamples:
    """Golden's values of samples, batch by batch.

    Parameters
    ----------
    subject : ReportSubject
    images : flow.images.Images

    Attributes
    ----------
    images : flow.images.Images
        Those that are executed, the first of all that there are.
    given : int
        Samples that there are.
    """

    def __init__(self, subject: ReportSubject, images: Images):
        self._subject = subject
        macs = max(1, sum(layer.macs for layer in subject.layers.values()))
        most = (_LONG_MACS if subject.whole else _QUICK_MACS) // macs
        self.given = len(images)
        self.images = images.first(max(1, min(len(images), most)))
        self.key = digest(self.images.values.tobytes(), str(self.images.values.dtype), len(self.images), self.given,
                          None if self.images.labels is None else self.images.labels.tobytes())  # fmt: skip

    def batches(self, keep: list[str]) -> Iterator[Result]:
        """Yield golden's results, with the values of some edges."""
        edges, values = self._subject.layers.edges, self.images.values
        size = max(1, min(256, _HELD // max(1, sum(edges[name].length for name in keep))))
        for begin in range(0, len(values), size):
            yield run(self._subject.project.network, values[begin : begin + size], first=begin, keep=keep)

    @cached_property
    def answers(self) -> SampleAnswers:
        """Labels and scores of all samples."""
        edge = self._scores_edge
        output = self._subject.project.output
        labels, scores = [], []
        for result in self.batches([edge or output.edge]):
            labels.append(result.labels)
            if edge is not None:
                scores.append(result.edges[edge].astype(np.float64))
            else:
                scores.append(np.reshape(result.outputs[output.name], (len(result.labels), -1)).astype(np.float64))
        found = np.concatenate(scores)
        chosen = np.concatenate(labels)
        ranks = found.shape[1] > 1 and bool((found.argmax(axis=1) == chosen).all())
        return SampleAnswers(chosen, found if ranks else None)

    @cached_property
    def _scores_edge(self) -> str | None:
        """The edge of the scores that the hardware takes the largest of, if it does."""
        last = next((n for n in self._subject.project.network.nodes if n.y == self._subject.project.output.edge), None)
        return last.x if isinstance(last, ArgMax) else None


def executed_samples(subject: ReportSubject) -> ExecutedSamples | None:
    """Return golden's values of a report's samples; None if there are none, or a single one takes too long."""
    if subject.images is None:
        return None
    macs = sum(layer.macs for layer in subject.layers.values())
    few = min(len(subject.images), 64) * macs
    held = max(edge.length for edge in subject.layers.edges.values())
    if not subject.whole and (few > _QUICK_MACS or math.prod((held, len(subject.images))) > 50 * _HELD):
        return None
    return ExecutedSamples(subject, subject.images)
