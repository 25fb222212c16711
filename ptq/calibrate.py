"""Calibration runs the float model on samples: it gives the values at every site, and the means of layers' outputs."""

from dataclasses import dataclass
from math import prod

import numpy as np

from .emit import QuantizationPlan
from .graph import FloatLayer, FloatModel
from .sessions import session_of
from .sites import Site, find_sites

__all__ = ["Calibration", "add_outputs", "calibrate", "count_of"]

_MOST = 1 << 20  # values of a tensor, about, from which a site's range is chosen
_CHUNK = 256  # samples that values are picked from together


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a float model does on samples.

    Attributes
    ----------
    samples : float32 array ``(S, ...)``
    sites : list of ptq.sites.Site
    values : dict of float32 arrays
        The values at a site, by its first tensor: all of them, or every k-th and the extremes.
    means : dict of float64 arrays ``(N,)``
        The means of a layer's outputs over samples and pixels, by the layer's name.
    scores : float32 array ``(S, ...)``
        The float model's own outputs.
    """

    samples: np.ndarray
    sites: list[Site]
    values: dict[str, np.ndarray]
    means: dict[str, np.ndarray]
    scores: np.ndarray


def calibrate(model: FloatModel, samples: np.ndarray, declared: bool) -> Calibration:
    """Run a float model on samples and return the `Calibration`, from which ranges and biases are chosen.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    samples : float32 array ``(S, ...)``
    declared : bool
        Whether the input stands for integers.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the model.
    """
    sites, samples = find_sites(model, declared), np.asarray(samples, dtype=np.float32)
    tensors = [t for site in sites for t in site.tensors]
    wanted = list(dict.fromkeys([*tensors, *(layer.y for layer in model.layers), model.scores]))
    session = session_of(model, QuantizationPlan(), [name for name in wanted if name != model.file.only.name])
    pieces: dict[str, list[np.ndarray]] = {t: [] for t in tensors}
    sums, scores = {layer.name: np.zeros(layer.neurons) for layer in model.layers}, []
    for at in range(0, len(samples), _CHUNK):
        part = samples[at : at + _CHUNK]
        picked = {t: _Picked(len(part) * prod(model.shape_of(t)), _MOST * len(part) // len(samples)) for t in tensors}
        for which, found in session.batches({model.file.only.name: part}):
            found[model.file.only.name] = part[which]
            for tensor in tensors:
                picked[tensor].add(found[tensor])
            for layer in model.layers:
                add_outputs(sums[layer.name], layer, found[layer.y])
            scores.append(found[model.scores])
        for tensor in tensors:
            pieces[tensor].append(picked[tensor].values())
    values = {s.tensors[0]: np.concatenate([p for t in s.tensors for p in pieces[t]]) for s in sites}
    means = {layer.name: sums[layer.name] / count_of(model, layer, len(samples)) for layer in model.layers}
    return Calibration(samples, sites, values, means, np.concatenate(scores))


class _Picked:
    """Evenly picked values of a tensor, about ``most`` of ``size``, and the extremes; or all of them if they are few.

    Values come in batches, and which are picked does not depend on where a batch ends.
    """

    def __init__(self, size: int, most: int):
        self._step = -(-size // max(1, most))
        self._seen = 0
        self._found: list[np.ndarray] = []
        self._ends: list[np.ndarray] = []

    def add(self, values: np.ndarray) -> None:
        flat = values.reshape(-1)
        self._found.append(flat[-self._seen % self._step :: self._step].copy())  # nothing holds what is not picked
        if self._step > 1:
            self._ends.append(np.array([flat.min(), flat.max()]))
        self._seen += flat.size

    def values(self) -> np.ndarray:
        """Return what was picked, float32."""
        ends = [np.array([np.min(self._ends), np.max(self._ends)])] if self._ends else []
        return np.concatenate([*self._found, *ends]).astype(np.float32, copy=False)


def add_outputs(total: np.ndarray, layer: FloatLayer, y: np.ndarray) -> None:
    """Add every output of a layer, summed over samples and pixels, to ``total``, float64 ``(N,)``.

    A sample is summed by itself, so that the same samples give the same total in batches of any size.
    """
    axis = 0 if layer.channels_first else y.ndim - 2
    for sample in y:
        total += np.moveaxis(sample, axis, 0).reshape(layer.neurons, -1).astype(np.float64).sum(axis=1)


def count_of(model: FloatModel, layer: FloatLayer, samples: int) -> float:
    """Return how many values of one output there are in so many samples: one for each pixel of each."""
    return samples * prod(model.shape_of(layer.y)) / layer.neurons
