"""Float32 functions of one variable: what a model computes between an accumulator and the next code.

Each operation repeats, in float32, what onnxruntime computes for the ONNX operation of that name, down to the order
of its roundings; `tests/golden/numbers/test_elementwise.py` holds them equal. A sequence of them is a *chain*. The
parameters of an operation are scalars or one number per channel of the tensor that the chain is applied to (its last
axis).
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

__all__ = ["Call", "Dequantize", "Op", "WithConstant", "affine", "apply", "batch_normalization", "clip",
           "is_monotone", "is_shared", "leaky_relu", "mapped", "relu"]  # fmt: skip

F32 = np.float32


class Op:
    """One elementwise operation.

    ``__call__(x)`` maps a float32 array to a float32 array. ``monotone`` says that the map never changes direction
    (rounding included). ``coefficients`` gives ``(a, b)`` in double where the operation is ``a*x + b``, else ``None``.
    ``parameters`` are its arrays.
    """

    monotone = True
    coefficients = None
    parameters = ()

    def with_parameters(self, parameters):
        """The same operation with other arrays."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Dequantize(Op):
    """``float32(scale * (x - zero))``, computed in double and rounded once: a finished integer becomes a float."""

    scale: np.ndarray
    zero: np.ndarray

    def __call__(self, x):
        return (self.scale * (np.asarray(x, dtype=np.float64) - self.zero)).astype(F32)

    @property
    def coefficients(self):
        return self.scale, -self.scale * self.zero

    @property
    def parameters(self):
        return self.scale, self.zero

    def with_parameters(self, parameters):
        return Dequantize(*parameters)


_AFFINE = {  # kind: (float32 function, coefficients in double)
    "add": (lambda x, c: x + c, lambda c: (np.ones(1), c)),
    "sub": (lambda x, c: x - c, lambda c: (np.ones(1), -c)),
    "rsub": (lambda x, c: c - x, lambda c: (-np.ones(1), c)),
    "mul": (lambda x, c: x * c, lambda c: (c, np.zeros(1))),
    "div": (lambda x, c: x / c, lambda c: (1 / c, np.zeros(1))),
}


@dataclass(frozen=True, eq=False)
class WithConstant(Op):
    """``x + c``, ``x - c``, ``c - x``, ``x * c`` or ``x / c`` (kinds add, sub, rsub, mul, div), in float32."""

    kind: str
    c: np.ndarray

    def __call__(self, x):
        return _AFFINE[self.kind][0](x, self.c)

    @property
    def coefficients(self):
        return _AFFINE[self.kind][1](self.c.astype(np.float64))

    @property
    def parameters(self):
        return (self.c,)

    def with_parameters(self, parameters):
        return WithConstant(self.kind, *parameters)


@dataclass(frozen=True, eq=False)
class Call(Op):
    """Any other function of ``x`` and parameters, by ``function(x, *parameters)``."""

    name: str
    function: object
    parameters: tuple = ()
    monotone: bool = True

    def __call__(self, x):
        return self.function(x, *self.parameters)

    def with_parameters(self, parameters):
        return replace(self, parameters=tuple(parameters))


def batch_normalization(gamma, beta, mean, variance, epsilon):
    """Inference form, as two float32 operations on constants prepared in float32, in onnxruntime's order.

    ``a = (1/sqrt(variance + epsilon)) * gamma``; ``y = x*a + (beta - mean*a)``.
    """
    a = (F32(1) / np.sqrt(variance + F32(epsilon))) * gamma
    return [WithConstant("mul", a), WithConstant("add", beta - mean * a)]


def relu():
    """``max(x, 0)``."""
    return Call("Relu", partial(np.maximum, F32(0)))


def clip(lo, hi):
    """``min(max(x, lo), hi)``; either bound may be ``None``."""
    lo = F32(-np.inf) if lo is None else F32(lo)
    hi = F32(np.inf) if hi is None else F32(hi)
    return Call("Clip", lambda x: np.minimum(np.maximum(x, lo), hi))


def _leaky(x, slope):
    return np.where(x < 0, x * slope, x)


def leaky_relu(slope):
    """``x`` where it is not negative, else ``slope*x``; also ``PRelu`` with one slope a channel."""
    slope = np.atleast_1d(np.asarray(slope, dtype=F32))
    return Call("LeakyRelu", _leaky, (slope,), monotone=bool((slope >= 0).all()))


def apply(chain, x):
    """The chain's value for ``x`` (float32; integers where the chain begins with `Dequantize`)."""
    with np.errstate(all="ignore"):
        for op in chain:
            x = op(x)
    return np.asarray(x, dtype=F32)


def mapped(chain, change):
    """The chain with ``change`` applied to every array of parameters."""
    return tuple(op.with_parameters([change(p) for p in op.parameters]) for op in chain)


def is_monotone(chain):
    """Whether the whole chain keeps one direction."""
    return all(op.monotone for op in chain)


def is_shared(chain):
    """Whether every position of a tensor goes through the same function."""
    return all(parameter.size == 1 for op in chain for parameter in op.parameters)


def affine(chain):
    """``(a, b)`` in double: the chain is ``a*x + b`` but for float32 rounding; ``None`` if one of it is not affine."""
    a, b = np.ones(1), np.zeros(1)
    for op in chain:
        if op.coefficients is None:
            return None
        p, q = op.coefficients
        a, b = a * p, b * p + q
    return a, b
