"""A float model is trained in the formats of a `ptq.emit.QuantizationPlan`, from its folded weights on.

Steps of weights and activations are learned (Esser and others 2020, LSQ), from the plan's on; bipolar tensors
are ``scale*sign(x)`` with a learned scale and the slope of hard tanh. Scales are kept as logarithms, and each has few
significant bits (`golden.methods.exponential`), so that products and sums of codes are exact and what is exported
computes what was trained. Weights are trained in units of twice their mean magnitude by output, biases in units of
their layer's deviation: a batch norm that was folded leaves outputs of any size, and Adam's steps are absolute.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fewbit.golden import methods
from fewbit.ptq.emit import QuantizationPlan, TensorQuantizer
from fewbit.ptq.graph import FloatLayer, FloatModel

from .autodiff import apply
from .graph import Graph
from .parameters import Array

__all__ = ["TunedNetwork", "tune"]

BATCH = 128
RATE = 1e-3  # peak of the learning rate: the network is trained already
_PRECISION = 5  # significant bits of a scale
_MEASURED = 256  # samples that units of biases are measured on


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TunedParameters:
    """What is trained of a network.

    Attributes
    ----------
    weights, biases : dict of arrays
        Latent weights and biases ``(N,)`` by the name of the layer, in the units of `TunedNetwork`.
    steps : dict of arrays
        log2 of the scales of weights, ``(n,)``, by the name of the layer.
    scales : dict of arrays
        log2 of the scale of activations, ``()``, by the first tensor that has it.
    """

    weights: dict[str, jax.Array]
    biases: dict[str, jax.Array]
    steps: dict[str, jax.Array]
    scales: dict[str, jax.Array]


class TunedNetwork:
    """A `ptq.graph.FloatModel` with the quantizers of a plan, as a function of `TunedParameters`.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    plan : ptq.emit.QuantizationPlan
    x : float32 array ``(S, ...)``
        The samples that units are measured on.

    Raises
    ------
    ModelError
        If the model has an operation without a gradient.
    """

    def __init__(self, model: FloatModel, plan: QuantizationPlan, x: np.ndarray):
        self.graph, self.plan = Graph(model), plan
        self.shared: dict[str, str] = {}  # tensors side by side have the same quantizer object
        first: dict[int, str] = {}
        for tensor, quantizer in plan.activations.items():
            self.shared[tensor] = first.setdefault(id(quantizer), tensor)
        self.units = {layer.name: _unit(layer) for layer in self.graph.layers}
        self.deviations: dict[str, float] = {}
        self.graph.logits(
            jnp.asarray(x[:_MEASURED]), lambda layer: (layer.weights, layer.bias),
            watch=lambda layer, y: self.deviations.update({layer.name: float(jnp.std(y)) or 1.0}),
        )  # fmt: skip

    def start(self) -> TunedParameters:
        """Return the parameters to begin with: those of the model and of the plan."""
        found = TunedParameters({}, {}, {}, {})
        for layer in self.graph.layers:
            name, quantizer = layer.name, self.plan.weights.get(layer.name)
            weights = self.plan.latent.get(name, layer.weights) / self.units[name]
            bias = self.plan.biases.get(name, layer.bias)
            bias = np.zeros(layer.neurons, np.float32) if bias is None else bias
            found.weights[name] = jnp.asarray(weights)
            found.biases[name] = jnp.asarray(bias / np.float32(self.deviations[name]))
            if quantizer is not None:
                found.steps[name] = jnp.log2(jnp.asarray(quantizer.scale).reshape(-1))
        for tensor, quantizer in self.plan.activations.items():
            if self.shared[tensor] == tensor:
                found.scales[tensor] = jnp.log2(jnp.asarray(quantizer.scale))
        return self.settled(found)

    def settled(self, params: TunedParameters) -> TunedParameters:
        """Return the parameters behind a step of the optimizer, bipolar weights clipped to -1 and 1.

        Further out their gradient would be zero for ever.
        """
        weights = {
            name: jnp.clip(w, -1, 1) if self._is_bipolar(name) else w for name, w in params.weights.items()
        }  # fmt: skip
        return replace(params, weights=weights)

    def logits(self, params: TunedParameters, x: Array) -> jax.Array:
        """Return what the label is chosen by, ``(B, classes)``; a single output y becomes ``(0, y)``."""
        y = self.graph.logits(x, partial(self._parameters, params), partial(self._coded, params))
        y = y.reshape(len(x), -1)
        return jnp.concatenate([jnp.zeros_like(y), y], axis=1) if y.shape[1] == 1 else y

    def exported(self, params: TunedParameters) -> QuantizationPlan:
        """Return the `ptq.emit.QuantizationPlan` that computes what the network does with ``params``."""
        plan = QuantizationPlan(dict(self.plan.weights), {}, dict(self.plan.biases), dict(self.plan.latent))
        for layer in self.graph.layers:
            name, old = layer.name, self.plan.weights.get(layer.name)
            plan.latent[name], plan.biases[name] = map(np.asarray, self._parameters(params, layer))
            if old is not None:
                step = np.asarray(_scales(params.steps[name])).reshape(np.shape(old.scale))
                plan.weights[name] = TensorQuantizer(old.format, step, "learned")
        trained = {
            tensor: TensorQuantizer(self.plan.activations[tensor].format, np.asarray(_scales(exponent)), "learned")
            for tensor, exponent in params.scales.items()
        }  # fmt: skip
        plan.activations = {tensor: trained[first] for tensor, first in self.shared.items()}
        return plan

    def _is_bipolar(self, name):
        return name in self.plan.weights and self.plan.weights[name].format.is_sign

    def _parameters(self, params, layer):
        """Return a layer's weights as their quantizer leaves them, and its bias."""
        name, quantizer = layer.name, self.plan.weights.get(layer.name)
        weights, bias = params.weights[name], params.biases[name] * np.float32(self.deviations[name])
        if quantizer is None:
            return weights * self.units[name], bias
        step = _scales(params.steps[name]).reshape(np.shape(quantizer.scale))
        if quantizer.format.is_sign:
            return apply(methods.sign, weights) * step, bias
        return _learned(quantizer.format, weights * self.units[name], step, weights.size // step.size), bias

    def _coded(self, params, tensor, x):
        quantizer = self.plan.activations.get(tensor)
        if quantizer is None:
            return x
        scale = _scales(params.scales[self.shared[tensor]])
        if quantizer.format.is_sign:
            return apply(methods.sign, x / jax.lax.stop_gradient(scale)) * scale
        return _learned(quantizer.format, x, scale, x[0].size)


def _unit(layer: FloatLayer) -> np.ndarray:
    """Return twice the mean magnitude of each output's weights, shaped to go with them."""
    size = 2 * np.abs(layer.rows).mean(axis=1)
    return layer.spread(np.where(size > 0, size, 1).astype(np.float32))


def _scales(exponents):
    """Return the scales of log2 ``exponents``, each on a grid of its own, in their shape."""
    found = jax.vmap(lambda e: apply(methods.exponential, e, bits=_PRECISION))(exponents.reshape(-1))
    return found.reshape(exponents.shape)


def _learned(fmt, x, step, count):
    return apply(methods.lsq, x, step, lo=fmt.lo, hi=fmt.hi, count=count)


def tune(
    model: FloatModel, plan: QuantizationPlan, samples: np.ndarray, labels: np.ndarray, *, steps: int, seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> tuple[QuantizationPlan, np.ndarray]:  # fmt: skip
    """Train and return ``(plan, losses)``: a `ptq.emit.QuantizationPlan` with latent weights, and each step's loss.

    The loss is the cross-entropy of `ptq.graph.FloatModel.scores`, the optimizer Adam (Kingma and Ba 2015) with a
    cosine decay. The same arguments give the same result.

    Parameters
    ----------
    model : ptq.graph.FloatModel
    plan : ptq.emit.QuantizationPlan
        The formats, and the scales to begin with.
    samples : float32 array ``(S, ...)``
    labels : int array ``(S,)``
    steps : int
        Steps of the optimizer, each on `BATCH` samples.
    seed : int
        Seed of the order of the samples.
    progress : callable or None
        Told the number of steps done.

    Raises
    ------
    ModelError
        If the model has an operation without a gradient.
    """
    network = TunedNetwork(model, plan, samples)
    optimizer = optax.adam(optax.cosine_decay_schedule(RATE, steps))
    x, y, batch = jnp.asarray(samples), jnp.asarray(labels), min(BATCH, len(samples))

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(network.logits(params, x), y).mean()

    @jax.jit
    def step(params, state, x, y, which):
        value, grads = jax.value_and_grad(loss)(params, x[which], y[which])
        updates, state = optimizer.update(grads, state, params)
        return network.settled(optax.apply_updates(params, updates)), state, value

    params, rng, losses = network.start(), np.random.default_rng(seed), []
    state = optimizer.init(params)
    for done in range(steps):
        params, state, value = step(params, state, x, y, rng.choice(len(samples), batch, replace=False))
        losses.append(value)
        if progress:
            progress(done + 1)
    return network.exported(params), np.asarray(losses)
