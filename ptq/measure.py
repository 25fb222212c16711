"""What quantization costs: signal to noise of a tensor, of the outputs, and accuracy."""

import numpy as np

from fewbit.golden.network.execute import labels_of

from .emit import plain_model
from .runtime import Session

__all__ = ["accuracy", "noise", "scores_of", "sqnr"]


def sqnr(x, y):
    """Signal to quantization noise in dB: ``10*log10(sum x**2 / sum (x - y)**2)``; None where they are equal."""
    x = np.asarray(x, dtype=np.float64)
    error = np.square(x - y).sum()
    return float(10 * np.log10(np.square(x).sum() / error)) if error > 0 and x.any() else None


def noise(reference, scores):
    """Noise of a model's outputs, relative to them: ``sum (y - y_ref)**2 / sum y_ref**2``. Of errors that are small and
    independent the noises add up (Zhou and others 2018, "Adaptive Quantization for Deep Neural Network")."""
    reference = reference.astype(np.float64)
    return float(np.square(scores - reference).sum() / max(np.square(reference).sum(), 1e-300))


def scores_of(model, plan, samples):
    """What a `ptq.emit.QuantizationPlan` makes of the model's scores on samples, by onnxruntime."""
    return Session(plain_model(model, plan, [model.scores]), model.file).run(samples)[model.scores]


def accuracy(scores, labels):
    """The share of samples whose largest score is that of their label."""
    return float((labels_of(scores) == labels).mean())
