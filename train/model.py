"""A network of dense and convolutional layers with batch norm and quantized weights and activations, and its training.

``x -> [input] -> (product, batch norm, [ReLU], activation) ... -> dense -> logits`` (`layers`). Parameters are a list
with one dict a product: ``weight``, latent floats, (in, out), (height, width, in, out) or, depthwise, (height, width,
channels); ``gamma`` and ``beta`` but for the last layer, ``mean`` and ``var`` once `calibrate` has measured them;
``weight_exponent`` and ``act_exponent`` where a scale is learned. A sum has a dict too. Images are channels-last here.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from .data import CLASSES
from .layers import Dense, products, walk
from .quantize import Bipolar, Float, Uniform

__all__ = ["EPSILON", "Recipe", "calibrate", "forward", "init", "loss", "predict", "train"]

EPSILON = 1e-5
_CHUNK = 1000  # steps, or images, at once


@dataclass(frozen=True)
class Recipe:
    """Everything that determines one trained network.

    Parameters
    ----------
    name : str
    weight, act, input : Float, Bipolar or Uniform
        Quantizers. A bipolar input is that of ``2x - 1``. Activations that are not bipolar come behind a ReLU.
    branch : Uniform
        Quantizer of what goes into a sum.
    layers : tuple
        All but the last, which gives a logit a class.
    steps, batch, copies : int
        Optimizer steps, images a step, versions of each image (`data.Dataset`).
    calibration : int or None
        How many images measure the statistics of batch norm; None means all.
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
    branch: object = field(default_factory=lambda: Uniform(8, signed=True))
    layers: tuple = (Dense(64), Dense(64))
    steps: int = 6000
    batch: int = 256
    copies: int = 32
    calibration: int | None = None
    rate: float = 1e-2
    smoothing: float = 0.1
    decay: float = 0.0
    gain: float = 1.0
    seed: int = 1

    def __post_init__(self):
        for what in ("steps", "batch", "copies"):
            if getattr(self, what) < 1:
                raise ValueError(f"Recipe's {what} must be at least 1, not {getattr(self, what)!r}")


class _Start:
    """Makes the parameters; ``x`` is the shape of one sample."""

    def __init__(self, recipe, keys):
        self.recipe, self.keys = recipe, iter(keys)

    def input(self, x):
        return x

    def product(self, name, layer, p, x):
        quantizer = self.recipe.weight
        if isinstance(layer, Dense):
            fan_in, shape, y = math.prod(x), (math.prod(x), layer.units), (layer.units,)
        else:
            k, (height, width, channels) = layer.kernel, x
            fan_in = k * k * (1 if layer.channels is None else channels)
            shape = (k, k, channels) if layer.channels is None else (k, k, channels, layer.channels)
            y = (*((n + 2 * layer.pad - k) // layer.stride + 1 for n in (height, width)), shape[-1])
            if min(y) < 1:
                raise ValueError(f"{name}: a kernel of {k} does not fit an image of {height}x{width}")
        reach = (3 / fan_in) ** 0.5 if quantizer.limit is None else quantizer.limit
        p["weight"] = jax.random.uniform(next(self.keys), shape, jnp.float32, -reach, reach)
        if quantizer.learned:
            p["weight_exponent"] = quantizer.init(1.5 * reach)
        return y

    def norm(self, name, p, x):
        p |= {"gamma": jnp.ones(x[-1]), "beta": jnp.zeros(x[-1])}
        return x

    def relu(self, name, x):
        return x

    def act(self, name, quantizer, p, x):
        if quantizer.learned:
            p["act_exponent"] = quantizer.init(3.0)
        return x

    def pool(self, name, size, x):
        return x[0] // size, x[1] // size, x[2]

    def average(self, name, x):
        return (x[-1],)

    def sum(self, name, a, b):
        if a != b:
            raise ValueError(f"{name}: its branches give {a} and {b}")
        return a


def init(recipe, shape, key):
    """Parameters to begin with, for samples of ``shape``: (features,) or (height, width, channels)."""
    keys = jax.random.split(key, products(recipe.layers) + 1)
    params = []

    def made():
        while True:
            params.append({})
            yield params[-1]

    walk(recipe, CLASSES, made(), tuple(shape), _Start(recipe, keys))
    return params


def quantize_input(recipe, x):
    """Input quantizer. Bipolar takes ``2x - 1``, so that half the range is its threshold."""
    return recipe.input(2 * x - 1 if recipe.input == Bipolar() else x)


class _Values:
    """Computes; ``x`` are samples."""

    def __init__(self, recipe, statistics):
        self.recipe, self.statistics = recipe, statistics

    def input(self, x):
        return quantize_input(self.recipe, x)

    def product(self, name, layer, p, x):
        weight = self.recipe.weight(p["weight"], p.get("weight_exponent"))
        if isinstance(layer, Dense):
            if x.ndim == 4:  # in the order of a flattened (channels, height, width)
                x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
            return x @ weight
        return convolve(x, weight, layer)

    def norm(self, name, p, x):
        over = tuple(range(x.ndim - 1))
        mean, var = (p["mean"], p["var"]) if "mean" in p else (x.mean(over), x.var(over))
        if self.statistics is not None:
            self.statistics[name] = mean, var
        return (x - mean) * (p["gamma"] / jnp.sqrt(var + EPSILON)) + p["beta"]

    def relu(self, name, x):
        return jax.nn.relu(x)

    def act(self, name, quantizer, p, x):
        return quantizer(x, p.get("act_exponent"))

    def pool(self, name, size, x):
        height, width = (n // size * size for n in x.shape[1:3])
        x = x[:, :height, :width]
        return x.reshape(len(x), height // size, size, width // size, size, -1).max((2, 4))

    def average(self, name, x):
        return x.mean((1, 2))

    def sum(self, name, a, b):
        return a + b


def convolve(x, weight, layer):
    """The convolution of images ``(B, H, W, C)``, depthwise if ``weight`` has no output axis.

    By slices of the image, one for each place of the kernel, as XLA's own convolutions are slow on a CPU.
    """
    pad, stride, kernel = layer.pad, layer.stride, layer.kernel
    x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = ((n - kernel) // stride + 1 for n in x.shape[1:3])
    down, right = (height - 1) * stride + 1, (width - 1) * stride + 1
    slices = [x[:, i : i + down : stride, j : j + right : stride] for i in range(kernel) for j in range(kernel)]
    if weight.ndim == 3:
        return sum(part * w for part, w in zip(slices, weight.reshape(-1, weight.shape[-1]), strict=True))
    return jnp.concatenate(slices, -1) @ weight.reshape(-1, weight.shape[-1])


def forward(recipe, params, x, statistics=None):
    """Logits of ``x``. Batch statistics are used, and kept in ``statistics`` by name if it is a dict, unless the layers
    hold ``mean`` and ``var``."""
    return walk(recipe, CLASSES, params, x, _Values(recipe, statistics))


def loss(recipe, params, x, label):
    """Mean cross-entropy with smoothed labels."""
    target = optax.smooth_labels(jax.nn.one_hot(label, CLASSES), recipe.smoothing)
    return optax.softmax_cross_entropy(recipe.gain * forward(recipe, params, x), target).mean()


def _optimizer(recipe):
    return optax.adamw(optax.cosine_decay_schedule(recipe.rate, recipe.steps), weight_decay=recipe.decay)


@partial(jax.jit, static_argnums=(0, 1))
def _fit(recipe, dataset, carry, keys, images, label):
    """Some steps, one for each key; the new carry (parameters, optimizer's state) and the losses."""
    optimizer = _optimizer(recipe)

    def step(carry, key):
        params, state = carry
        which, version = jax.random.split(key)
        which = jax.random.randint(which, (recipe.batch,), 0, images.shape[1])
        version = jax.random.randint(version, (recipe.batch,), 0, images.shape[0])
        x = images[version, which].astype(jnp.float32).reshape(-1, *dataset.shape) / dataset.divisor
        value, grads = jax.value_and_grad(partial(loss, recipe))(params, x, label[which])
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        limit = recipe.weight.limit
        if limit is not None:
            params = [
                layer | {"weight": jnp.clip(layer["weight"], -limit, limit)} if "weight" in layer else layer
                for layer in params
            ]
        return (params, state), value

    return jax.lax.scan(step, carry, keys)


def calibrate(recipe, params, x):
    """Parameters with ``mean`` and ``var`` of each batch norm, measured over ``x`` with the final weights."""
    statistics = {}
    forward(recipe, params, x, statistics)
    pairs = iter(statistics.values())  # in the order in which the walk meets them, which is that of the parameters
    return [
        layer | dict(zip(("mean", "var"), next(pairs), strict=True)) if "gamma" in layer else layer for layer in params
    ]


def train(recipe, dataset, images, label, progress=None):
    """``(params, losses)``: trained parameters as NumPy arrays, and the loss of each step.

    Parameters
    ----------
    dataset : data.Dataset
    images : uint8 array (copies, n, *shape)
        The versions of the pixels. The same arguments give the same result.
    progress : callable or None
        Told the number of steps done and the mean loss of the last of them.
    """
    start, order = jax.random.split(jax.random.key(recipe.seed))
    params = init(recipe, dataset.shape, start)
    carry, losses = (params, _optimizer(recipe).init(params)), []
    keys = jax.random.split(order, recipe.steps)
    x, y = jnp.asarray(images), jnp.asarray(label)
    for at in range(0, recipe.steps, _CHUNK):
        carry, some = _fit(recipe, dataset, carry, keys[at : at + _CHUNK], x, y)
        losses.append(np.asarray(some))
        if progress:
            progress(at + len(some), float(some.mean()))
    flat = images.reshape(-1, *dataset.shape)
    count = len(flat) if recipe.calibration is None else min(recipe.calibration, len(flat))
    params = calibrate(recipe, carry[0], dataset.to_input(flat[np.arange(count) * (len(flat) // count)]))
    return jax.tree.map(np.asarray, params), np.concatenate(losses)


@partial(jax.jit, static_argnums=0)
def _labels(recipe, params, x):
    return forward(recipe, params, x).argmax(1)


def predict(recipe, dataset, params, raw):
    """Label of each image: the largest logit, the first of them where several are equal."""
    parts = range(0, len(raw), _CHUNK)
    return np.concatenate([_labels(recipe, params, dataset.to_input(raw[at : at + _CHUNK])) for at in parts])
