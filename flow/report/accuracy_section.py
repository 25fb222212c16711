"""Section: accuracy with its confusion matrix, samples with their answers, and the worst mistakes."""

import base64
import struct
import zlib
from dataclasses import dataclass
from math import isqrt, prod, sqrt

import numpy as np

from fewbit.flow.results import JsonResult

from .executed import ExecutedSamples
from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject, shown_path

__all__ = ["AccuracyFigures", "AnsweredSample", "ConfusedPair", "accuracy_figures", "png_of"]

_SHOWN, _WORST, _PAIRS = 12, 12, 12
_MOST_CLASSES = 24  # of a matrix that is shown whole
_Z = 1.96  # of a confidence of 95 %


@dataclass(frozen=True, kw_only=True)
class AnsweredSample(JsonResult):
    """A sample and the answer to it.

    Attributes
    ----------
    number : int
    answer : int
    label : int or None
        The class that it is of, if that is known.
    margin : float or None
        By how much the score of the answer is above that of its class, or else above the next one, in the model's
        scores; None where there are no scores.
    picture : str or None
        What it looks like, a PNG as a data URI; None of what is no image.
    """

    number: int
    answer: int
    label: int | None
    margin: float | None
    picture: str | None


@dataclass(frozen=True, kw_only=True)
class ConfusedPair(JsonResult):
    """So many samples of a class that got the answer of another."""

    label: int
    answer: int
    count: int


@dataclass(frozen=True, kw_only=True)
class AccuracyFigures(JsonResult):
    """What golden answers to samples, to which simulation finds the hardware equal.

    Attributes
    ----------
    samples, given : int
        Samples that were executed, of those that there are.
    source : str
        The file of samples.
    accuracy : float or None
        The share of right answers; None where no labels are known.
    low, high : float or None
        Wilson's interval of that share, of 95 % confidence.
    classes : int
    matrix : list of list of int
        How many samples of each class, a row, got each answer, a column; empty where there are too many classes.
    pairs : list of ConfusedPair
        What is confused most often.
    shown, worst : list of AnsweredSample
        The first samples, and the mistakes of the largest margin.
    simulated : int
        Frames that the last simulation found equal to golden, in every bit; 0 for none.
    obtained : list of Obtained
    """

    samples: int
    given: int
    source: str
    accuracy: float | None
    low: float | None
    high: float | None
    classes: int
    matrix: list[list[int]]
    pairs: list[ConfusedPair]
    shown: list[AnsweredSample]
    worst: list[AnsweredSample]
    simulated: int
    obtained: list[Obtained]


def accuracy_figures(subject: ReportSubject, executed: ExecutedSamples | None) -> AccuracyFigures | NotRun:
    """Return what golden answers to the samples of a report."""
    if executed is None:
        return NotRun(reason="golden was not executed on samples", command=subject.execute)
    found = executed.answers
    labels, known = found.labels, executed.images.labels
    margins = None if found.scores is None else _margins(found.scores, labels, known)
    pictures = _Pictures(subject, executed)

    def answered(number: int) -> AnsweredSample:
        return AnsweredSample(
            number=number, answer=int(labels[number]), label=None if known is None else int(known[number]),
            margin=None if margins is None else float(margins[number]), picture=pictures.of(number),
        )  # fmt: skip

    wrong = np.flatnonzero(labels != known) if known is not None else np.array([], dtype=np.int64)
    if margins is not None:
        wrong = wrong[np.argsort(-margins[wrong], kind="stable")]
    share = None if known is None else float((labels == known).mean())
    low, high = (None, None) if share is None else _wilson(share, len(labels))
    classes = _classes(found.scores, labels, known)
    matrix = _matrix(labels, known, classes) if known is not None else np.zeros((0, 0), dtype=np.int64)
    simulation = subject.simulation
    equal = simulation.frames if simulation is not None and simulation.ok else 0
    return AccuracyFigures(
        samples=len(labels), given=executed.given, source=shown_path(executed.images.source), accuracy=share,
        low=low, high=high,
        classes=classes, matrix=matrix.tolist() if classes <= _MOST_CLASSES else [], pairs=_pairs(matrix),
        shown=[answered(k) for k in range(min(_SHOWN, len(labels)))],
        worst=[answered(int(k)) for k in wrong[:_WORST]], simulated=equal, obtained=list(_obtained(subject, equal)),
    )  # fmt: skip


def _obtained(subject, equal):
    yield Obtained(
        means=Means.EXECUTED, text="the golden model, which defines every bit of the hardware",
        command=subject.execute,
    )  # fmt: skip
    if equal:
        yield Obtained(means=Means.SIMULATED, text=f"the hardware's answers to {equal:,} frames are equal to golden's "
                       "in every bit", command=subject.simulate)  # fmt: skip


def _margins(scores: np.ndarray, labels: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """Return by how much each answer's score is above that of the class, or of the next answer where that is right."""
    rows = np.arange(len(scores))
    top = scores[rows, labels]
    others = scores.copy()
    others[rows, labels] = -np.inf
    margins = top - others.max(axis=1)
    if known is not None:
        legal = (known != labels) & (known < scores.shape[1])
        margins[legal] = (top - scores[rows, np.minimum(known, scores.shape[1] - 1)])[legal]
    return margins


def _classes(scores, labels, known):
    most = max(int(labels.max()), -1 if known is None else int(known.max())) + 1
    return max(most, 0 if scores is None else scores.shape[1])


def _matrix(labels: np.ndarray, known: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(known * classes + labels, minlength=classes * classes).reshape(classes, classes)


def _pairs(matrix: np.ndarray) -> list[ConfusedPair]:
    counts = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-counts, axis=None, kind="stable")[:_PAIRS]
    places = [divmod(int(place), max(1, len(matrix))) for place in order]
    return [ConfusedPair(label=a, answer=b, count=int(counts[a, b])) for a, b in places if counts[a, b]]


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Return Wilson's interval of a share of ``count`` samples."""
    square = _Z * _Z
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = _Z * sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, middle - half), min(1.0, middle + half)


class _Pictures:
    """Pictures of samples, where these are images: of one input, of gray levels or of three colours."""

    def __init__(self, subject: ReportSubject, executed: ExecutedSamples):
        inputs = subject.project.network.inputs
        shape = inputs[0].shape
        self._values = executed.images.values if executed.images.floats is None else executed.images.floats
        self._size: tuple[int, ...] = inputs[0].size
        if not self._size:
            side = isqrt(prod(shape))
            self._size = (side, side) if side * side == prod(shape) else ()
        if len(inputs) > 1 or len(self._size) != 2 or min(self._size) < 4:
            self._size = ()
            return
        self._channels = prod(shape) // prod(self._size)
        self._first = len(shape) == 3 and shape[0] == self._channels
        low, high = self._values.min(), self._values.max()
        self._low, self._span = float(low), float(high - low) or 1.0

    def of(self, number: int) -> str | None:
        """Return a sample as a data URI; None if it is no image."""
        if not self._size:
            return None
        flat = (np.asarray(self._values[number], dtype=np.float64).reshape(-1) - self._low) / self._span
        image = flat.reshape(self._channels, *self._size).transpose(1, 2, 0) if self._first else flat.reshape(
            *self._size, self._channels)  # fmt: skip
        gray = image if self._channels == 3 else image[..., :1]
        return "data:image/png;base64," + base64.b64encode(png_of(np.rint(255 * gray).astype(np.uint8))).decode()


def png_of(pixels: np.ndarray) -> bytes:
    """Return pixels ``uint8 (rows, columns, 1 or 3)`` as a PNG of gray levels, or of colours."""
    rows, columns, channels = pixels.shape
    lines = b"".join(b"\0" + pixels[row].tobytes() for row in range(rows))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0 if channels == 1 else 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
