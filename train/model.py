"""A dense network with batch norm and quantized weights and activations, and the loop that trains it.

``x -> [input] -> (dense, batch norm, [ReLU], activation) ... -> dense -> logits``. Parameters are a list with one dict
a layer: ``weight`` (in, out), latent floats; ``gamma`` and ``beta`` but for the last layer, ``mean`` and ``var`` once
`calibrate` has measured them; ``weight_exponent`` and ``act_exponent`` where a scale is learned.
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .data import CLASSES, to_input
from .quantize import Bipolar, Float

__all__ = ["EPSILON", "Recipe", "calibrate", "forward", "init", "loss", "predict", "train"]

EPSILON = 1e-5


@dataclass(frozen=True)
class Recipe:
    """Everything that determines one trained network.

    Parameters
    ----------
    name : str
    weight, act, input : Float, Bipolar or Uniform
        Quantizers. A bipolar input is that of ``2x - 1``. Activations that are not bipolar come behind a ReLU.
    hidden : tuple of int
        Widths of the hidden layers.
    steps, batch, copies : int
        Optimizer steps, images a step, versions of each image (`data.augment`).
    rate : float
        Peak of the learning rate, which falls along a cosine.
    smoothing : float
        Share of the target that is spread over all classes.
    decay : float
        Weight decay (AdamW); 0 where latent weights are clipped.
    gain : float
        The loss sees ``gain * logits``. Integer logits are too steep for the softmax otherwise. It does not change
        which is the largest, so it is not exported.
    seed : int
    """

    name: str
    weight: object = field(default_factory=Float)
    act: object = field(default_factory=Float)
    input: object = field(default_factory=Float)
    hidden: tuple = (64, 64)
    steps: int = 6000
    batch: int = 256
    copies: int = 32
    rate: float = 1e-2
    smoothing: float = 0.1
    decay: float = 0.0
    gain: float = 1.0
    seed: int = 1

    def __post_init__(self):
        for what in ("steps", "batch", "copies"):
            if getattr(self, what) < 1:
                raise ValueError(f"Recipe's {what} must be at least 1, not {getattr(self, what)!r}")


def init(recipe, features, key):
    """Parameters to begin with."""
    widths = (features, *recipe.hidden, CLASSES)
    params = []
    keys = jax.random.split(key, len(widths) - 1)
    for fan_in, fan_out, layer_key in zip(widths[:-1], widths[1:], keys, strict=True):
        reach = (3 / fan_in) ** 0.5 if recipe.weight.limit is None else recipe.weight.limit
        layer = {"weight": jax.random.uniform(layer_key, (fan_in, fan_out), jnp.float32, -reach, reach)}
        if recipe.weight.learned:
            layer["weight_exponent"] = recipe.weight.init(1.5 * reach)
        if len(params) < len(recipe.hidden):
            layer |= {"gamma": jnp.ones(fan_out), "beta": jnp.zeros(fan_out)}
            if recipe.act.learned:
                layer["act_exponent"] = recipe.act.init(3.0)
        params.append(layer)
    return params


def quantize_input(recipe, x):
    """Input quantizer. Bipolar takes ``2x - 1``, so that half the range is its threshold."""
    return recipe.input(2 * x - 1 if recipe.input == Bipolar() else x)


def forward(recipe, params, x, statistics=None):
    """Logits of ``x``. Batch statistics are used, and appended to ``statistics`` if it is a list, unless the layers
    hold ``mean`` and ``var``."""
    x = quantize_input(recipe, x)
    for layer in params:
        x = x @ recipe.weight(layer["weight"], layer.get("weight_exponent"))
        if "gamma" not in layer:
            continue
        mean, var = (layer["mean"], layer["var"]) if "mean" in layer else (x.mean(0), x.var(0))
        if statistics is not None:
            statistics.append((mean, var))
        x = (x - mean) * (layer["gamma"] / jnp.sqrt(var + EPSILON)) + layer["beta"]
        if recipe.act != Bipolar():
            x = jax.nn.relu(x)
        x = recipe.act(x, layer.get("act_exponent"))
    return x


def loss(recipe, params, x, label):
    """Mean cross-entropy with smoothed labels."""
    target = optax.smooth_labels(jax.nn.one_hot(label, CLASSES), recipe.smoothing)
    return optax.softmax_cross_entropy(recipe.gain * forward(recipe, params, x), target).mean()


@partial(jax.jit, static_argnums=0)
def _fit(recipe, params, key, images, label):
    rate = optax.cosine_decay_schedule(recipe.rate, recipe.steps)
    optimizer = optax.adamw(rate, weight_decay=recipe.decay)

    def step(carry, key):
        params, state = carry
        which, version = jax.random.split(key)
        which = jax.random.randint(which, (recipe.batch,), 0, images.shape[1])
        version = jax.random.randint(version, (recipe.batch,), 0, images.shape[0])
        value, grads = jax.value_and_grad(partial(loss, recipe))(params, images[version, which], label[which])
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        limit = recipe.weight.limit
        if limit is not None:
            params = [layer | {"weight": jnp.clip(layer["weight"], -limit, limit)} for layer in params]
        return (params, state), value

    (params, _), losses = jax.lax.scan(step, (params, optimizer.init(params)), jax.random.split(key, recipe.steps))
    return params, losses


def calibrate(recipe, params, x):
    """Parameters with ``mean`` and ``var`` of each batch norm, measured over all of ``x`` with the final weights."""
    statistics = []
    forward(recipe, params, x, statistics)
    return [
        layer | ({"mean": pair[0], "var": pair[1]} if pair else {})
        for layer, pair in zip(params, [*statistics, None], strict=True)
    ]


def train(recipe, images, label):
    """``(params, losses)``: trained parameters as NumPy arrays, and the loss of each step.

    ``images`` are the versions (copies, n, features) of the pixels. The same arguments give the same result.
    """
    start, order = jax.random.split(jax.random.key(recipe.seed))
    x = to_input(images)
    params, losses = _fit(recipe, init(recipe, x.shape[-1], start), order, jnp.asarray(x), jnp.asarray(label))
    params = calibrate(recipe, params, x.reshape(-1, x.shape[-1]))
    return jax.tree.map(np.asarray, params), np.asarray(losses)


def predict(recipe, params, raw):
    """Label of each image: the largest logit, the first of them where several are equal."""
    return np.asarray(forward(recipe, params, jnp.asarray(to_input(raw))).argmax(1))
