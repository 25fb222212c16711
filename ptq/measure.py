"""What quantization costs: the noise of a tensor and of the outputs, and the accuracy."""

import numpy as np

from fewbit.golden.network.execute import labels_of

from .emit import QuantizationPlan
from .graph import FloatModel
from .sessions import session_of

__all__ = ["accuracy", "noise", "scores_of", "sqnr"]


def sqnr(x: np.ndarray, y: np.ndarray) -> float | None:
    """Return the ratio of signal ``x`` to its quantization noise in dB, ``10*log10(sum x**2 / sum (x - y)**2)``.

    None stands for a ratio that is not finite: ``y`` is ``x``, or ``x`` is zero.
    """
    x = np.asarray(x, dtype=np.float64)
    error = np.square(x - y).sum()
    return float(10 * np.log10(np.square(x).sum() / error)) if error > 0 and x.any() else None


def noise(reference: np.ndarray, scores: np.ndarray) -> float:
    """Return the noise of a model's outputs relative to the reference, ``sum (y - y_ref)**2 / sum y_ref**2``.

    Noises of errors that are small and independent add up (Zhou and others 2018, "Adaptive Quantization for Deep Neural
    Network").
    """
    reference = reference.astype(np.float64)
    return float(np.square(scores - reference).sum() / max(np.square(reference).sum(), 1e-300))


def scores_of(model: FloatModel, plan: QuantizationPlan, samples: np.ndarray) -> np.ndarray:
    """Return the scores ``(S, ...)`` of a model as a `ptq.emit.QuantizationPlan` quantizes it, by onnxruntime.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the model.
    """
    return session_of(model, plan, [model.scores]).run(samples)[model.scores]


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of samples, 0 to 1, whose largest score is that of their label."""
    return float((labels_of(scores) == labels).mean())
