"""ONNX operations are given in JAX, so that what is between the layers of a `ptq.graph.FloatModel` has gradients.

Every function takes an `OperatorCall` and the operands, arrays or None where left out, and gives the output, a list
where the node has several. Samples are the first axis of data. What only picks positions is asked of onnxruntime, once,
when JAX traces the function. Operations without a gradient (Round, Sign, ...) are not here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import product
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from jax import lax

from fewbit.golden.model_file.file import ModelError, OnnxFile, describe, evaluate

from .parameters import Array

__all__ = ["OPERATIONS", "OperatorCall", "convolution"]

# By the name of the operation: a function of an `OperatorCall` and the operands, which gives one output or a list.
OPERATIONS: dict[str, Callable[..., Array | list[Array | None]]] = {}


@dataclass(frozen=True, eq=False)
class OperatorCall:
    """A node: its attributes, and the shapes of its outputs for one sample, None where one is not known."""

    file: OnnxFile
    node: onnx.NodeProto
    attributes: Mapping[str, Any]
    shapes: Sequence[tuple[int, ...] | None]

    def get(self, name: str, default: object = None) -> Any:
        """Return an attribute, or ``default`` where the node does not have it."""
        return self.attributes.get(name, default)

    def refuse(self, why: str) -> NoReturn:
        """Raise the error of a node that cannot be differentiated.

        Raises
        ------
        ModelError
            Always; ``why`` ends its sentence.
        """
        raise ModelError(f"{describe(self.node)}: cannot be retrained: {why}")


def _operation(*names):
    def register(function):
        OPERATIONS.update(dict.fromkeys(names, function))
        return function

    return register


# One value at a time

_FUNCTIONS = {
    "Add": jnp.add, "Sub": jnp.subtract, "Mul": jnp.multiply, "Pow": jnp.power, "Neg": jnp.negative, "Abs": jnp.abs,
    "Exp": jnp.exp, "Log": jnp.log, "Sqrt": jnp.sqrt, "Reciprocal": lambda x: 1 / x, "Tanh": jnp.tanh,
    "Relu": jax.nn.relu, "Sigmoid": jax.nn.sigmoid, "Softplus": jax.nn.softplus, "Softsign": jax.nn.soft_sign,
    "Mish": jax.nn.mish, "Erf": lax.erf, "HardSwish": lambda x: x * jnp.clip(x / 6 + 0.5, 0, 1),
    "PRelu": lambda x, slope: jnp.where(x < 0, slope * x, x), "Min": lambda *x: reduce(jnp.minimum, x),
    "Max": lambda *x: reduce(jnp.maximum, x), "Identity": lambda x: x,
}  # fmt: skip
for _name, _function in _FUNCTIONS.items():
    _operation(_name)(lambda call, *x, _function=_function: _function(*x))


@_operation("Div")
def _divide(call, x, y):
    # To XLA no constant, which it would divide by as a multiplication with the reciprocal.
    return x / lax.optimization_barrier(jnp.asarray(y))


@_operation("Clip")
def _clip(call, x, lo=None, hi=None):
    lo = call.get("min", -jnp.inf) if lo is None else lo
    return jnp.clip(x, lo, call.get("max", jnp.inf) if hi is None else hi)


@_operation("LeakyRelu")
def _leaky_relu(call, x):
    return jnp.where(x < 0, call.get("alpha", 0.01) * x, x)


@_operation("Elu", "Celu")
def _elu(call, x):
    alpha = call.get("alpha", 1.0)
    return jax.nn.elu(x, alpha) if call.node.op_type == "Elu" else jax.nn.celu(x, alpha)


@_operation("Selu")
def _selu(call, x):
    return call.get("gamma", 1.0507009873554805) * jax.nn.elu(x, call.get("alpha", 1.6732632423543772))


@_operation("ThresholdedRelu")
def _thresholded_relu(call, x):
    return jnp.where(x > call.get("alpha", 1.0), x, 0)


@_operation("HardSigmoid")
def _hard_sigmoid(call, x):
    return jnp.clip(call.get("alpha", 0.2) * x + call.get("beta", 0.5), 0, 1)


@_operation("Gelu")
def _gelu(call, x):
    return jax.nn.gelu(x, approximate=call.get("approximate", "none") == "tanh")


@_operation("Softmax", "LogSoftmax")
def _softmax(call, x):
    function = jax.nn.softmax if call.node.op_type == "Softmax" else jax.nn.log_softmax
    return function(x, axis=call.get("axis", -1 if call.file.opset >= 13 else 1))


@_operation("BatchNormalization")
def _batch_norm(call, x, gamma, beta, mean, variance):
    shape = (-1, *[1] * (x.ndim - 2))
    scale = gamma / np.sqrt(variance + np.float32(call.get("epsilon", 1e-5)))
    return (x - mean.reshape(shape)) * scale.reshape(shape) + beta.reshape(shape)


@_operation("Cast")
def _cast(call, x):
    if call.get("to") != 1:
        call.refuse("data may be Cast to float32 only")
    return x.astype(jnp.float32)


# Positions


@_operation("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def _reshape(call, x, *operands):
    """Give all samples the shape that one of them has, whatever batch the model was exported for."""
    (shape,) = call.shapes
    if len(shape) < 1 or shape[0] != 1 or np.prod(shape[1:]) != np.prod(x.shape[1:]):
        call.refuse(f"it must leave the samples as the first axis, and makes {shape} of {(1, *x.shape[1:])}")
    return x.reshape(len(x), *shape[1:])


@_operation("Transpose")
def _transpose(call, x):
    return jnp.transpose(x, call.get("perm"))


@_operation("Concat")
def _concat(call, *x):
    return jnp.concatenate(x, axis=call.get("axis"))


@_operation("Shape")
def _shape(call, x):
    return np.array(x.shape[call.get("start", 0) : call.get("end")], dtype=np.int64)


@_operation("Slice", "Split", "Gather", "Upsample", "Resize")
def _taken(call, x, *operands):
    """Return what onnxruntime takes of the positions of one sample."""
    resized = call.node.op_type in ("Upsample", "Resize")
    if resized and call.get("mode", "nearest") != "nearest":
        call.refuse(f"only the mode nearest is supported, not {call.get('mode')}")
    size = int(np.prod(x.shape[1:]))
    positions = np.arange(size, dtype=np.float32 if resized else np.int64).reshape(1, *x.shape[1:])
    operands = [*operands, *[None] * (len(call.node.input) - 1 - len(operands))]
    if resized and len(operands) == 3 and operands[2] is not None and len(operands[2]):
        operands[2] = np.array([1, *operands[2][1:]])  # sizes of a model that was exported for a fixed batch
    found = evaluate(call.file, call.node, [positions, *operands])
    flat = x.reshape(len(x), size)
    return [None if p is None else flat[:, p.astype(np.int64)[0]] for p in found]


@_operation("Pad")
def _pad(call, x, pads=None, value=None, axes=None):
    pads = call.get("pads") if pads is None else pads
    if call.get("mode", "constant") != "constant":
        call.refuse(f"only constants around the data are supported, not mode {call.get('mode')}")
    axes = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
    width = {a: (int(pads[k]), int(pads[len(axes) + k])) for k, a in enumerate(axes)}
    value = call.get("value", 0.0) if value is None else np.reshape(value, ())
    return jnp.pad(x, [width.get(a, (0, 0)) for a in range(x.ndim)], constant_values=value)


# Windows


def _windows(attributes, kernel, size, out):
    """Return ``(strides, dilations, pads)`` of windows over ``size`` pixels that give ``out``; pads (before, after)."""
    rank = len(kernel)
    strides, dilations = (attributes.get(name) or [1] * rank for name in ("strides", "dilations"))
    needed = [(o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(out, strides, kernel, dilations, strict=True)]
    missing = [max(0, n - a) for n, a in zip(needed, size, strict=True)]
    before = (attributes.get("pads") or [0] * rank)[:rank]
    same = attributes.get("auto_pad", "NOTSET")
    if same in ("SAME_UPPER", "SAME_LOWER"):
        before = [(m + (same == "SAME_LOWER")) // 2 for m in missing]
    return strides, dilations, [(b, max(0, n - a - b)) for b, n, a in zip(before, needed, size, strict=True)]


def convolution(x: Array, weights: Array, attributes: Mapping[str, Any], shape: tuple[int, ...]) -> jax.Array:
    """Return ONNX's Conv of ``x`` ``(B, C, ...)`` by weights ``(N, C/groups, ...)``, without its bias.

    ``shape`` is that of its output for one sample.
    """
    strides, dilations, pads = _windows(attributes, weights.shape[2:], x.shape[2:], shape[2:])
    pixels = "DHW"[-(x.ndim - 2) :]
    return lax.conv_general_dilated(
        jnp.asarray(x), jnp.asarray(weights), strides, pads, rhs_dilation=dilations,
        feature_group_count=attributes.get("group", 1),
        dimension_numbers=(f"NC{pixels}", f"OI{pixels}", f"NC{pixels}"),
    )  # fmt: skip


def _taps(call, x, fill):
    """Yield what windows of pixels have at each of their places, one array a place; ``fill`` is around the data."""
    kernel, out = call.get("kernel_shape"), call.shapes[0][2:]
    strides, dilations, pads = _windows(call.attributes, kernel, x.shape[2:], out)
    x = jnp.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    for place in product(*map(range, kernel)):
        starts = [k * d for k, d in zip(place, dilations, strict=True)]
        yield x[(..., *(slice(a, a + (o - 1) * s + 1, s) for a, o, s in zip(starts, out, strides, strict=True)))]


@_operation("MaxPool")
def _max_pool(call, x):
    return reduce(jnp.maximum, _taps(call, x, -np.inf))


@_operation("AveragePool")
def _average_pool(call, x):
    """Average, by as many values as onnxruntime divides by, which follows from its average of ones."""
    ones = np.ones((1, 1, *x.shape[2:]), dtype=np.float32)
    with jax.ensure_compile_time_eval():
        inside = np.asarray(sum(_taps(call, jnp.asarray(ones), 0)))
    return _divide(call, sum(_taps(call, x, 0)), np.rint(inside / evaluate(call.file, call.node, [ones])[0]))


def _reduce(function, call, x, axes=None):
    axes = call.get("axes") if axes is None else axes
    axes = tuple(int(a) for a in axes) if axes is not None else tuple(range(x.ndim))
    return function(call, x, axes, bool(call.get("keepdims", 1)))


def _mean(call, x, axes, keep):
    count = np.float32(np.prod([x.shape[a] for a in axes]))
    return _divide(call, jnp.sum(x, axis=axes, keepdims=keep), count)


def _largest(call, x, axes, keep):
    return jnp.max(x, axis=axes, keepdims=keep)


_operation("ReduceMean")(partial(_reduce, _mean))
_operation("ReduceMax")(partial(_reduce, _largest))
_operation("GlobalAveragePool")(lambda call, x: _mean(call, x, tuple(range(2, x.ndim)), True))
_operation("GlobalMaxPool")(lambda call, x: _largest(call, x, tuple(range(2, x.ndim)), True))
