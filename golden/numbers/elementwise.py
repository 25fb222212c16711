"""Float32 functions of one variable: what a model computes between an accumulator and the next code.

Each operation repeats, in float32, what onnxruntime computes for the ONNX operation of that name, down to the order
of its roundings; `tests/golden/numbers/test_elementwise.py` holds them equal. A sequence of them is a *chain*. The
parameters of an operation are scalars or one number per channel of the tensor that the chain is applied to (its last
axis).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Call", "Chain", "Dequantize", "Op", "WithConstant", "affine", "apply", "are_whole", "batch_normalization",
           "clip", "direction", "ends_of", "float16", "is_monotone", "is_shared", "leaky_relu", "mapped",
           "relu"]  # fmt: skip

F32 = np.float32


class Op:
    """One elementwise operation, a map from a float32 array to a float32 array of the same shape.

    Attributes
    ----------
    monotone : bool
        Whether the map never changes its direction, rounding included.
    """

    monotone: bool = True

    @property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The numbers ``(a, b)``, in double, where the operation is ``a*x + b``; else None."""
        return None

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        """The operation's arrays, each of one number, or of one a channel."""
        return ()

    @property
    def direction(self) -> np.ndarray | None:
        """The sign of its slope, as `direction` has it of chains; None where that is not known."""
        if self.coefficients is not None:
            return np.sign(self.coefficients[0])
        return np.ones(1) if self.monotone else None

    @property
    def rounds(self) -> bool:
        """Whether it makes whole numbers, or truth values, of floats that are none."""
        return False

    def is_whole(self, of_whole: bool) -> bool:
        """Say whether it gives whole numbers alone: of any x, or, if ``of_whole``, of x that are whole."""
        return False

    def ends(self, lo: float, hi: float) -> tuple[float, float] | None:
        """Return two numbers between which its values are for x from ``lo`` to ``hi``; None where that is not known."""
        return _least_and_most(self(np.array([[lo], [hi]], dtype=F32))) if self.monotone else None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the operation's values for ``x``."""
        raise NotImplementedError

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Op":
        """Return the same operation with other arrays in place of its `parameters`."""
        raise NotImplementedError


Chain = tuple[Op, ...]


@dataclass(frozen=True, eq=False)
class Dequantize(Op):
    """``float32(scale * (x - zero))``, computed in double and rounded once: a finished integer becomes a float.

    ``scale`` and ``zero`` are float64, of one number or of one a channel.
    """

    scale: np.ndarray
    zero: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (self.scale * (np.asarray(x, dtype=np.float64) - self.zero)).astype(F32)

    @property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        return self.scale, -self.scale * self.zero

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return self.scale, self.zero

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Dequantize":
        return Dequantize(*parameters)

    def is_whole(self, of_whole: bool) -> bool:  # x is an edge's integers
        return are_whole(self.scale) and are_whole(self.zero)


_Affine = tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]]
_AFFINE: dict[str, _Affine] = {  # kind: (float32 function, coefficients in double)
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

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return _AFFINE[self.kind][0](x, self.c)

    @property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        return _AFFINE[self.kind][1](self.c.astype(np.float64))

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return (self.c,)

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "WithConstant":
        return WithConstant(self.kind, *parameters)

    def is_whole(self, of_whole: bool) -> bool:
        return of_whole and self.kind != "div" and are_whole(self.c)


_ROUNDING = {"Round", "Floor", "Ceil", "Sign"}
_BOUNDING = {"Relu", "Clip", "Min", "Max"}


@dataclass(frozen=True, eq=False)
class Call(Op):
    """Any other function of ``x`` and parameters, ``function(x, *parameters)``; ``name`` is that of the operation."""

    name: str
    function: Callable[..., np.ndarray]
    parameters: tuple[np.ndarray, ...] = ()
    monotone: bool = True

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return self.function(x, *self.parameters)

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Call":
        return replace(self, parameters=tuple(parameters))

    @property
    def rounds(self) -> bool:
        return self.name in _ROUNDING

    def is_whole(self, of_whole: bool) -> bool:
        if self.name in _BOUNDING:
            ends = np.array([self(np.full(1, end, dtype=F32)) for end in (-np.inf, np.inf)])
            return of_whole and are_whole(ends[np.isfinite(ends)])
        return self.rounds or (self.name == "Abs" and of_whole)


def batch_normalization(
    gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray, epsilon: float
) -> list[WithConstant]:
    """Return batch normalization (Ioffe and Szegedy 2015) in inference, as a product and a sum in float32.

    Their constants are prepared in float32, in onnxruntime's order: ``a = (1/sqrt(variance + epsilon)) * gamma``;
    ``y = x*a + (beta - mean*a)``. All arrays are float32, with one number a channel.
    """
    a = (F32(1) / np.sqrt(variance + F32(epsilon))) * gamma
    return [WithConstant("mul", a), WithConstant("add", beta - mean * a)]


def relu() -> Call:
    """Return the operation ``max(x, 0)``."""
    return Call("Relu", partial(np.maximum, F32(0)))


def clip(lo: float | None, hi: float | None) -> Call:
    """Return the operation ``min(max(x, lo), hi)``; an end that is None does not count."""
    low = F32(-np.inf) if lo is None else F32(lo)
    high = F32(np.inf) if hi is None else F32(hi)
    return Call("Clip", lambda x: np.minimum(np.maximum(x, low), high))


def _to_float16(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float16).astype(F32)


def float16() -> Call:
    """Return the operation that rounds to float16, half to even; what is too large becomes infinite."""
    return Call("Cast", _to_float16)


def _leaky(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    return np.where(x < 0, x * slope, x)


def leaky_relu(slope: ArrayLike) -> Call:
    """Return the operation that gives ``x`` where it is not negative, else ``slope*x``.

    It is ``LeakyRelu`` with one slope, and ``PRelu`` with one a channel.
    """
    slope = np.atleast_1d(np.asarray(slope, dtype=F32))
    return Call("LeakyRelu", _leaky, (slope,), monotone=bool((slope >= 0).all()))


def apply(chain: Iterable[Op], x: np.ndarray) -> np.ndarray:
    """Return the chain's values (float32) for ``x``: floats, or integers where the chain begins with `Dequantize`.

    The last axis of ``x`` are the channels that parameters belong to.
    """
    with np.errstate(all="ignore"):
        for op in chain:
            x = op(x)
    return np.asarray(x, dtype=F32)


def mapped(chain: Iterable[Op], change: Callable[[np.ndarray], np.ndarray]) -> Chain:
    """Return the chain with ``change`` applied to every array of parameters."""
    return tuple(op.with_parameters([change(p) for p in op.parameters]) for op in chain)


def is_monotone(chain: Iterable[Op]) -> bool:
    """Say whether the whole chain keeps one direction."""
    return all(op.monotone for op in chain)


def is_shared(chain: Iterable[Op]) -> bool:
    """Say whether every position of a tensor goes through the same function."""
    return all(parameter.size == 1 for op in chain for parameter in op.parameters)


def are_whole(values: np.ndarray) -> bool:
    """Say whether all values are whole numbers."""
    return bool((values == np.rint(values)).all())


def direction(chain: Iterable[Op]) -> np.ndarray | None:
    """Return the sign of a chain's slope, one number or one a channel: 1, -1, or 0 where it is constant.

    The result is None where that is not known to be the same everywhere. Float32 rounding never turns it round.
    """
    sign = np.ones(1)
    for op in chain:
        if op.direction is None:
            return None
        sign = sign * op.direction
    return sign


def ends_of(chain: Iterable[Op], lo: float, hi: float) -> tuple[float, float] | None:
    """Return two numbers between which all values of a chain are, for x from ``lo`` to ``hi``.

    The result is None where an operation is not bounded in a way that is known, or may give NaN.
    """
    found: tuple[float, float] | None = lo, hi
    for op in chain:
        if found is None:
            return None
        found = op.ends(*found)
    return found


def _least_and_most(ends: np.ndarray) -> tuple[float, float] | None:
    return None if np.isnan(ends).any() else (float(ends.min()), float(ends.max()))


def affine(chain: Iterable[Op]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return ``(a, b)``, in double, of a chain that is ``a*x + b`` but for float32 rounding.

    Both have one number, or one a channel. The result is None if an operation of the chain is not affine.
    """
    a, b = np.ones(1), np.zeros(1)
    for op in chain:
        if op.coefficients is None:
            return None
        p, q = op.coefficients
        a, b = a * p, b * p + q
    return a, b
