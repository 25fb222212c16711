"""Bias correction: biases make up for the shift of the mean that quantization makes, layer after layer.

A layer's shift needs all biases in front of it, so the model is run once for every layer. It is not run from its input:
the values of a `ptq.graph.Front`, of all samples, are kept and moved on behind the layers that are done.
"""

from collections.abc import Callable

import numpy as np

from .calibrate import Calibration, add_outputs, count_of
from .emit import QuantizationPlan
from .graph import FloatLayer, FloatModel, Front
from .sessions import session_of

__all__ = ["Progress", "correct_biases", "mean_outputs"]

Progress = Callable[[int], None]
"""It is told how many layers are done."""

_MOST_BYTES = 1 << 29  # of the values of a front


def correct_biases(
    model: FloatModel, calibration: Calibration, plan: QuantizationPlan, progress: Progress | None = None
) -> None:
    """Give a plan the biases of all layers that it quantizes, ``b - (E[y_q] - E[y])`` for each output.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the quantized model.
    """
    kept = _Kept(model, calibration.samples)
    for number, layer in enumerate(model.layers):
        if layer.name in plan.weights:
            kept.move_on(plan, layer)
            shift = kept.means(plan, layer) - calibration.means[layer.name]
            bias = np.zeros(layer.neurons) if layer.bias is None else layer.bias
            plan.biases[layer.name] = (bias - shift).astype(np.float32)
        if progress is not None:
            progress(number + 1)


def mean_outputs(model: FloatModel, plan: QuantizationPlan, layer: FloatLayer, samples: np.ndarray) -> np.ndarray:
    """Return the means of a layer's outputs in the model that a plan quantizes, float64 ``(N,)``.

    They are over samples ``(S, ...)`` and pixels, as in `ptq.calibrate.Calibration.means`.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the model.
    """
    return _Kept(model, samples).means(plan, layer)


class _Kept:
    """A front of a model, at first its input, and the values of its tensors for all samples."""

    def __init__(self, model: FloatModel, samples: np.ndarray):
        self._model, self._front = model, Front(0, (model.file.only.name,))
        self._values = {model.file.only.name: np.asarray(samples, dtype=np.float32)}
        self._count = len(samples)

    def means(self, plan: QuantizationPlan, layer: FloatLayer) -> np.ndarray:
        """Return what `mean_outputs` does."""
        session, total = session_of(self._model, plan, [layer.y], self._front), np.zeros(layer.neurons)
        for _, found in session.batches(self._values):
            add_outputs(total, layer, found[layer.y])
        return total / count_of(self._model, layer, self._count)

    def move_on(self, plan: QuantizationPlan, layer: FloatLayer) -> None:
        """Move the front on, as near to a layer as it can be; the layers that it passes have their last biases.

        What is kept are floats in front of a quantizer, across which onnxruntime merges no operations: so the values
        behind a front are those that the whole model has.
        """
        front = self._nearest(plan, self._model.steps.index(layer))
        if front is None:
            return
        missing = [name for name in front.tensors if name not in self._values]
        made = {n: np.empty((self._count, *self._model.shape_of(n)), dtype=np.float32) for n in missing}
        if missing:
            for which, found in session_of(self._model, plan, missing, self._front).batches(self._values):
                for name in missing:
                    made[name][which] = found[name]
        self._values = {name: made[name] if name in made else self._values[name] for name in front.tensors}
        self._front = front

    def _nearest(self, plan: QuantizationPlan, position: int) -> Front | None:
        """Return the last front up to a step that can be kept; None where that is none behind the one that is."""
        entry = self._model.file.only.name
        for at in range(position, self._front.position, -1):
            front = self._model.front_at(at)
            held = sum(self._model.bytes_of(name) for name in front.tensors if name in self._model.data)
            coded = all(name == entry or name in plan.activations for name in front.tensors)
            if coded and front.tensors and held * self._count <= _MOST_BYTES:
                return front
        return None
