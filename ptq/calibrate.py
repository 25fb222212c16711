"""Calibration runs the float model on samples: it gives the values at every site, and the means of layers' outputs."""

from dataclasses import dataclass

import numpy as np

from .emit import QuantizationPlan, plain_model
from .graph import FloatLayer, FloatModel
from .runtime import Session
from .sites import Site, find_sites

__all__ = ["Calibration", "calibrate", "mean_outputs"]

_MOST = 1 << 20  # values of a tensor, about, from which a site's range is chosen
_CHUNK = 256  # samples that are run at once


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
    sites = find_sites(model, declared)
    tensors = [t for site in sites for t in site.tensors]
    wanted = list(dict.fromkeys([*tensors, *(layer.y for layer in model.layers), model.scores]))
    inside = [name for name in wanted if name != model.file.only.name]
    session = Session(plain_model(model, QuantizationPlan(), inside), model.file)
    pieces: dict[str, list[np.ndarray]] = {t: [] for t in tensors}
    sums, scores = {layer.name: np.zeros(layer.neurons) for layer in model.layers}, []
    for at in range(0, len(samples), _CHUNK):
        part = samples[at : at + _CHUNK]
        found = session.run(part) | {model.file.only.name: part}
        for tensor in tensors:
            pieces[tensor].append(_thinned(found[tensor], _MOST * len(part) // len(samples)))
        for layer in model.layers:
            sums[layer.name] = sums[layer.name] + _sum(layer, found[layer.y])
        scores.append(found[model.scores])
    values = {s.tensors[0]: np.concatenate([p for t in s.tensors for p in pieces[t]]) for s in sites}
    means = {layer.name: sums[layer.name] / _count(model, layer, len(samples)) for layer in model.layers}
    return Calibration(samples, sites, values, means, np.concatenate(scores))


def _thinned(values, most):
    """Return at most about ``most`` of the values, evenly picked, and the extremes with them."""
    flat = values.reshape(-1)
    step = -(-flat.size // max(1, most))
    return flat if step == 1 else np.concatenate([flat[::step], [flat.min(), flat.max()]]).astype(np.float32)


def _sum(layer, y):
    """Return the sum of every output of a layer over samples and pixels, float64 ``(N,)``."""
    axis = 1 if layer.channels_first else y.ndim - 1
    return np.moveaxis(y, axis, 0).reshape(layer.neurons, -1).sum(axis=1, dtype=np.float64)


def _count(model, layer, samples):
    """Return how many values of one output there are in so many samples: one for each pixel of each."""
    return samples * np.prod(model.shapes[layer.y]) / layer.neurons


def mean_outputs(model: FloatModel, plan: QuantizationPlan, layer: FloatLayer, samples: np.ndarray) -> np.ndarray:
    """Return the means of a layer's outputs in the model that a plan quantizes, float64 ``(N,)``.

    They are over samples ``(S, ...)`` and pixels, as in `Calibration.means`.

    Raises
    ------
    ModelError
        If onnxruntime cannot run the model.
    """
    session = Session(plain_model(model, plan, [layer.y]), model.file)
    parts = (samples[at : at + _CHUNK] for at in range(0, len(samples), _CHUNK))
    total = sum(_sum(layer, session.run(part)[layer.y]) for part in parts)
    return total / _count(model, layer, len(samples))
