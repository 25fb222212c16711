"""A network of dense and convolutional layers with batch norm and quantized weights and activations.

``x -> [input] -> (product, batch norm, [ReLU], activation) ... -> dense -> logits`` (`layers`). Parameters are a list
with one dict (`parameters.LayerParameters`) for each product: ``weight``, latent floats, ``(in, out)``,
``(height, width, in, out)`` or, depthwise, ``(height, width, channels)``; ``gamma`` and ``beta`` but for the last
layer, ``mean`` and ``var`` once `calibrate` has measured them; ``weight_state`` and ``act_state`` where a quantizer has
something to learn. A sum has a dict too. Images are channels-last here.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from statistics import NormalDist

import jax
import jax.numpy as jnp
import numpy as np

from fewbit.golden.methods import deviation

from .data import CLASSES
from .layers import Conv, DenseLayer, Maker, walk
from .parameters import Array, LayerParameters, Parameters, RandomNumbers, State
from .recipe import Recipe
from .stochastic import Draws

__all__ = ["EPSILON", "calibrate", "forward", "init", "quantize_input"]

EPSILON = 1e-5
_GAUSSIAN = np.array(
    [NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)], dtype=np.float32
)  # what batch norm is to give


class _Start(Maker[tuple[int, ...]]):
    """A maker of parameters: ``x`` is the shape of one sample, ``start`` are a float network's parameters or None."""

    def __init__(self, keys, start):
        self.keys, self.start = iter(keys), None if start is None else (p for p in start if "weight" in p)
        self.given: LayerParameters = {}

    def input(self, x):
        return x

    def product(self, name, layer, quantizer, p, x):
        if isinstance(layer, DenseLayer):
            fan_in, shape, y = math.prod(x), (math.prod(x), layer.units), (layer.units,)
        else:
            k, (height, width, channels) = layer.kernel, x
            fan_in = k * k * (1 if layer.channels is None else channels)
            shape = (k, k, channels) if layer.channels is None else (k, k, channels, layer.channels)
            y = (*((n + 2 * layer.pad - k) // layer.stride + 1 for n in (height, width)), shape[-1])
            if min(y) < 1:
                raise ValueError(f"{name}: a kernel of {k} does not fit an image of {height}x{width}")
        reach = (3 / fan_in) ** 0.5 if quantizer.limit is None else quantizer.limit
        p["weight"] = _uniform(next(self.keys), shape, reach)
        if self.start is not None:
            self.given = next(self.start, {"weight": np.empty(0)})
            if self.given["weight"].shape != shape:
                raise ValueError(f"{name}: the network to start from has weights {self.given['weight'].shape}")
            p["weight"] = quantizer.started(jnp.asarray(self.given["weight"]))
        if state := _state(quantizer, p["weight"], 1.5 * reach):
            p["weight_state"] = state
        return y

    def norm(self, name, p, x):
        p["gamma"] = jnp.asarray(self.given.get("gamma", jnp.ones(x[-1])))
        p["beta"] = jnp.asarray(self.given.get("beta", jnp.zeros(x[-1])))
        return x

    def relu(self, name, x):
        return x

    def act(self, name, quantizer, p, x):
        sample = np.maximum(_GAUSSIAN, 0) if quantizer.rectified else _GAUSSIAN
        if state := _state(quantizer, sample, 3.0):
            p["act_state"] = state
        return x

    def pool(self, name, size, x):
        return x[0] // size, x[1] // size, x[2]

    def average(self, name, x):
        return (x[-1],)

    def sum(self, name, a, b):
        if a != b:
            raise ValueError(f"{name}: its branches give {a} and {b}")
        return a


# Compiled by themselves, and not each operation: the numbers once for all networks, a state for its quantizer.
@partial(jax.jit, static_argnums=(1, 2))
def _uniform(key, shape, reach):
    return jax.random.uniform(key, shape, jnp.float32, -reach, reach)


@partial(jax.jit, static_argnums=(0, 2))
def _state(quantizer, sample, most):
    return quantizer.init(sample, most)


def init(recipe: Recipe, shape: Sequence[int], key: jax.Array, start: Parameters | None = None) -> Parameters:
    """Return the parameters to begin with.

    Parameters
    ----------
    recipe : recipe.Recipe
    shape : sequence of int
        The shape of a sample: ``(features,)`` or ``(height, width, channels)``.
    key : JAX's key of random numbers
    start : list of LayerParameters or None
        The parameters of a network of the same layers, usually a float one, whose weights and batch norms are taken.

    Raises
    ------
    ValueError
        If layers do not fit the shape, or those of ``start``.
    """
    keys = jax.random.split(key, len(recipe.names))
    params: Parameters = []

    def made() -> Iterator[LayerParameters]:
        while True:
            params.append({})
            yield params[-1]

    walk(recipe, CLASSES, made(), tuple(shape), _Start(keys, start))
    return params


def quantize_input(recipe: Recipe, x: Array) -> Array:
    """Return samples from 0 to 1 as the quantizer of the input leaves them."""
    return recipe.input(2 * x - 1 if recipe.input.centred else x)


class Values(Maker[Array]):
    """A maker that computes; ``x`` are samples, ``(B, features)`` or ``(B, height, width, channels)``.

    Attributes
    ----------
    statistics : dict
        Mean and variance in front of each batch norm, by its name, in the order of the walk.
    renewed : list
        In training: for each activation with a state, what of it follows from its input by its quantizer's own rule.
    deviations : list
        How far the weights of each product are from their levels; only where the recipe pulls them there.
    """

    def __init__(self, recipe: Recipe, draws: RandomNumbers | None = None):
        self.recipe, self.draws = recipe, draws
        self.training = draws if draws is not None and draws.training else None
        self.statistics: dict[str, tuple[Array, Array]] = {}
        self.renewed: list[State] = []
        self.deviations: list[Array] = []

    def input(self, x):
        return quantize_input(self.recipe, x)

    def product(self, name, layer, quantizer, p, x):
        weight = quantizer.weights(p["weight"], p.get("weight_state"), self.training)
        if self.recipe.pull:
            self.deviations.append(deviation(p["weight"], jax.lax.stop_gradient(weight)))
        if isinstance(layer, DenseLayer):
            if x.ndim == 4:  # in the order of a flattened (channels, height, width)
                x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
            y = x @ weight
        else:
            y = convolve(x, weight, layer)
        return y if self.recipe.gradient is None else self.recipe.gradient(y, self.training)

    def norm(self, name, p, x):
        over = tuple(range(x.ndim - 1))
        mean, var = (p["mean"], p["var"]) if "mean" in p else (x.mean(over), x.var(over))
        self.statistics[name] = mean, var
        return (x - mean) * (p["gamma"] / jnp.sqrt(var + EPSILON)) + p["beta"]

    def relu(self, name, x):
        return jax.nn.relu(x)

    def act(self, name, quantizer, p, x):
        if "act_state" in p and self.training is not None:
            self.renewed.append(quantizer.renewed(jax.lax.stop_gradient(x), jax.lax.stop_gradient(p["act_state"])))
        return quantizer.activations(x, p.get("act_state"), self.draws)

    def pool(self, name, size, x):
        height, width = (n // size * size for n in x.shape[1:3])
        x = x[:, :height, :width]
        return x.reshape(len(x), height // size, size, width // size, size, -1).max((2, 4))

    def average(self, name, x):
        return x.mean((1, 2))

    def sum(self, name, a, b):
        return a + b


def convolve(x: Array, weight: Array, layer: Conv) -> Array:
    """Return the convolution of images ``(B, H, W, C)``, depthwise if ``weight`` has no output axis.

    It is a sum over slices of the image, one for each place of the kernel, as XLA's own convolutions are slow on a CPU.
    """
    pad, stride, kernel = layer.pad, layer.stride, layer.kernel
    x = jnp.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    height, width = ((n - kernel) // stride + 1 for n in x.shape[1:3])
    down, right = (height - 1) * stride + 1, (width - 1) * stride + 1
    slices = [x[:, i : i + down : stride, j : j + right : stride] for i in range(kernel) for j in range(kernel)]
    if weight.ndim == 3:
        taps = zip(slices, weight.reshape(-1, weight.shape[-1]), strict=True)
        return jnp.asarray(sum(part * w for part, w in taps))
    return jnp.concatenate(slices, -1) @ weight.reshape(-1, weight.shape[-1])


def forward(
    recipe: Recipe, params: Parameters, x: Array, draws: RandomNumbers | None = None, values: Values | None = None
) -> Array:
    """Return the logits ``(B, classes)`` of samples ``x``.

    Statistics are those of the batch, unless the layers hold ``mean`` and ``var``.

    ``draws`` are a training step's, or the hardware's where activations are random (`stochastic`). ``values`` is the
    `Values` to compute with, if what it keeps is of interest.
    """
    return walk(recipe, CLASSES, params, x, values or Values(recipe, draws))


def calibrate(recipe: Recipe, params: Parameters, x: Array, key: jax.Array | None = None) -> Parameters:
    """Return the parameters with ``mean`` and ``var`` of each batch norm, measured over ``x`` with the final weights.

    ``key`` is the one of JAX's random numbers, where activations are random; None stands for the recipe's seed.
    """
    draws = Draws(jax.random.key(recipe.seed) if key is None else key, 1, training=False)
    values = Values(recipe, draws)
    forward(recipe, params, x, values=values)
    pairs = iter(values.statistics.values())  # in the order in which the walk meets them, that of the parameters
    return [_measured(layer, *next(pairs)) if "gamma" in layer else layer for layer in params]


def _measured(layer: LayerParameters, mean: Array, var: Array) -> LayerParameters:
    return {**layer, "mean": mean, "var": var}
