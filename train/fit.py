"""One network is trained, or several seeds of it at once, and labels and accuracies are computed."""

from collections.abc import Callable, Iterable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .data import CLASSES, Dataset
from .model import Values, calibrate, forward, init
from .parameters import Array, Parameters, RandomNumbers, State
from .recipe import Recipe
from .stochastic import Draws, HardwareDraws

__all__ = ["Told", "accuracies", "loss", "of_seed", "predict", "train", "train_seeds"]

Told = Callable[[int, float], None]  # of the number of steps done, and the mean loss of the last of them

_CHUNK = 1000  # steps, or images, that are computed at once


def loss(
    recipe: Recipe, params: Parameters, x: Array, label: Array, draws: RandomNumbers | None = None
) -> tuple[jax.Array, list[State]]:
    """Return ``(loss, renewed)``: mean cross-entropy with smoothed labels, and what `model.Values` has of that name.

    Parameters
    ----------
    recipe : recipe.Recipe
    params : list of LayerParameters
        The parameters of the network, as in `model`.
    x : float32 array ``(B, *shape)``
        The samples.
    label : int array ``(B,)``
    draws : stochastic.Draws or None
        The random numbers of a training step; None for none.
    """
    values = Values(recipe, draws)
    logits = forward(recipe, params, x, values=values)
    target = optax.smooth_labels(jax.nn.one_hot(label, CLASSES), recipe.smoothing)
    entropy = optax.softmax_cross_entropy(recipe.gain * logits, target).mean()
    return entropy + recipe.pull * sum(values.deviations) if recipe.pull else entropy, values.renewed


def _optimizer(recipe):
    """Return AdamW (Loshchilov and Hutter 2019), its rate along a cosine."""
    return optax.adamw(optax.cosine_decay_schedule(recipe.rate, recipe.steps), weight_decay=recipe.decay)


def _settled(recipe, old, params, renewed):
    """Return the parameters behind a step of the optimizer: weights within limits, states by their own rules."""
    quantizers, renewed, settled = iter(recipe.weights), iter(renewed), []
    for before, p in zip(old, params, strict=True):
        p = dict(p)
        if "weight" in p:
            quantizer = next(quantizers)
            if quantizer.limit is not None:
                p["weight"] = jnp.clip(p["weight"], -quantizer.limit, quantizer.limit)
            if "weight_state" in p:
                p["weight_state"] = p["weight_state"] | quantizer.renewed(p["weight"], before["weight_state"])
        if "act_state" in p:
            p["act_state"] = p["act_state"] | next(renewed)
        settled.append(p)
    return settled


def _fit(recipe, dataset, carry, keys, first, images, label):
    """Do one step for every key, from the number ``first`` on.

    Return the new carry, which is ``(parameters, state of the optimizer)``, and the losses.
    """
    optimizer = _optimizer(recipe)

    def step(carry, at):
        (params, state), (key, number) = carry, at
        which, version = jax.random.split(key)
        which = jax.random.randint(which, (recipe.batch,), 0, images.shape[1])
        version = jax.random.randint(version, (recipe.batch,), 0, images.shape[0])
        x = images[version, which].astype(jnp.float32).reshape(-1, *dataset.shape) / dataset.divisor
        draws = Draws(jax.random.fold_in(key, 2), number / recipe.steps)
        value_and_grad = jax.value_and_grad(partial(loss, recipe), has_aux=True)
        (value, renewed), grads = value_and_grad(params, x, label[which], draws)
        updates, state = optimizer.update(grads, state, params)
        params = _settled(recipe, params, optax.apply_updates(params, updates), renewed)
        return (params, state), value

    return jax.lax.scan(step, carry, (keys, first + jnp.arange(len(keys))))


_fit_one = jax.jit(_fit, static_argnums=(0, 1))


@partial(jax.jit, static_argnums=(0, 1))
def _fit_seeds(recipe, dataset, carry, keys, first, images, label):
    return jax.vmap(lambda carry, keys: _fit(recipe, dataset, carry, keys, first, images, label))(carry, keys)


def _steps(fit, recipe, dataset, params, state, keys, images, label, progress):
    """Do all steps, ``keys`` being ``(..., steps)``, and return the parameters and the losses ``(..., steps)``."""
    carry, losses = (params, state), []
    x, y = jnp.asarray(images), jnp.asarray(label)
    for at in range(0, recipe.steps, _CHUNK):
        carry, some = fit(recipe, dataset, carry, keys[..., at : at + _CHUNK], at, x, y)
        losses.append(np.asarray(some))
        if progress:
            progress(at + some.shape[-1], float(some.mean()))
    return carry[0], np.concatenate(losses, axis=-1)


def _calibration(recipe, dataset, images):
    """Return the images that measure the statistics of batch norm, as the network takes them."""
    flat = images.reshape(-1, *dataset.shape)
    count = len(flat) if recipe.calibration is None else min(recipe.calibration, len(flat))
    return dataset.to_input(flat[np.arange(count) * (len(flat) // count)])


def train(
    recipe: Recipe, dataset: Dataset, images: np.ndarray, label: np.ndarray, progress: Told | None = None,
    start: Parameters | None = None,
) -> tuple[Parameters, np.ndarray]:  # fmt: skip
    """Train a network and return ``(params, losses)``: parameters as NumPy arrays, and the loss of each step.

    The same arguments give the same result.

    Parameters
    ----------
    recipe : recipe.Recipe
    dataset : data.Dataset
    images : uint8 array ``(copies, n, *shape)``
        The versions of the pixels.
    label : int array ``(n,)``
    progress : callable or None
        Told the number of steps done and the mean loss of the last of them.
    start : list of LayerParameters or None
        Parameters of a trained float network of the same layers to begin with.

    Raises
    ------
    ValueError
        If the layers do not fit the images, or those of ``start``.
    """
    begin, order = jax.random.split(jax.random.key(recipe.seed))
    params = init(recipe, dataset.shape, begin, start)
    state, keys = _optimizer(recipe).init(params), jax.random.split(order, recipe.steps)
    params, losses = _steps(_fit_one, recipe, dataset, params, state, keys, images, label, progress)
    params = calibrate(recipe, params, _calibration(recipe, dataset, images))
    return jax.tree.map(np.asarray, params), losses


def train_seeds(
    recipe: Recipe, dataset: Dataset, images: np.ndarray, label: np.ndarray, seeds: Iterable[int],
    progress: Told | None = None, start: Parameters | None = None,
) -> tuple[Parameters, np.ndarray]:  # fmt: skip
    """Do as `train` for several seeds at once on the same images: every array has a first axis of seeds.

    ``start`` has it too. A network differs from that of `train` with the same seed in the order of float sums.

    Raises
    ------
    ValueError
        If the layers do not fit the images, or those of ``start``.
    """
    begin, order = jax.vmap(jax.random.split, out_axes=1)(jax.vmap(jax.random.key)(np.asarray([*seeds])))
    start = None if start is None else jax.tree.map(jnp.asarray, start)
    params = jax.vmap(lambda key, start: init(recipe, dataset.shape, key, start))(begin, start)
    state = jax.vmap(_optimizer(recipe).init)(params)
    keys = jax.vmap(lambda key: jax.random.split(key, recipe.steps))(order)
    params, losses = _steps(_fit_seeds, recipe, dataset, params, state, keys, images, label, progress)
    x = _calibration(recipe, dataset, images)
    params = jax.jit(jax.vmap(lambda p, key: calibrate(recipe, p, x, key)))(params, order)
    return jax.tree.map(np.asarray, params), losses


def of_seed(params: Parameters, place: int) -> Parameters:
    """Return the parameters of the network at ``place`` of those of `train_seeds`."""
    return jax.tree.map(lambda value: value[place], params)


@partial(jax.jit, static_argnums=0)
def _labels(recipe, params, x):
    return forward(recipe, params, x).argmax(1)


def predict(recipe: Recipe, dataset: Dataset, params: Parameters, raw: np.ndarray) -> np.ndarray:
    """Return the label of each image, int ``(n,)``: the largest logit, the first of them where several are equal.

    Random activations take the numbers that the hardware draws for these images as its first frames.
    """
    x, parts = dataset.to_input(raw), range(0, len(raw), _CHUNK)
    if recipe.random:
        labels = [forward(recipe, params, x[at : at + _CHUNK], HardwareDraws(at)).argmax(1) for at in parts]
    else:
        labels = [_labels(recipe, params, x[at : at + _CHUNK]) for at in parts]
    return np.concatenate(labels)


def accuracies(recipe: Recipe, dataset: Dataset, params: Parameters, raw: np.ndarray, label: np.ndarray) -> list[float]:
    """Return the accuracy, in percent, of every network of `train_seeds`."""
    count = len(jax.tree.leaves(params)[0])
    return [100 * float((predict(recipe, dataset, of_seed(params, i), raw) == label).mean()) for i in range(count)]
