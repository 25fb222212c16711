"""Chains that fork and meet again: several functions of one integer, and an operation that takes the values of all.

``x * sigmoid(x)`` is one function of x, though a model computes it by two operations. As one operation of a chain,
`Together`, it is evaluated for every x like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .elementwise import F32, Chain, Op, affine, apply

__all__ = ["TRUTHS", "Fixed", "Lookup", "Selected", "Together", "bounds", "direction"]

TRUTHS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not"}
"""Names of operations that give truth values, as 0 and 1."""


@dataclass(frozen=True, eq=False)
class Fixed(Op):
    """The constant ``c``, whatever x is: float32, of one number or of one a channel."""

    c: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.c, np.broadcast_shapes(x.shape, self.c.shape))

    @property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(1), self.c.astype(np.float64)

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return (self.c,)

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Fixed":
        return Fixed(*parameters)


@dataclass(frozen=True, eq=False)
class Lookup(Op):
    """``codes[k][c]`` for integers x of channel c, where k is the number of ``thresholds`` that x is not below.

    ``thresholds`` are L arrays, rising in every channel, and ``codes`` are L+1, each int64 of one number or of one a
    channel, as the columns of a `golden.network.pointwise.Threshold`.
    """

    thresholds: tuple[np.ndarray, ...]
    codes: tuple[np.ndarray, ...]

    monotone = False

    @classmethod
    def of(cls, thresholds: np.ndarray, codes: np.ndarray) -> "Lookup":
        """Return the operation of tables ``(C, L)`` and ``(C, L+1)``."""
        return cls(tuple(thresholds.T), tuple(codes.T))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        codes = np.stack(np.broadcast_arrays(*self.codes), axis=-1)
        rows = np.stack(np.broadcast_arrays(*self.thresholds), axis=-1) if self.thresholds else codes[:, :0]
        if len(codes) == 1:
            return codes[0][np.searchsorted(rows[0], x, side="right")]
        pairs = enumerate(zip(rows, codes, strict=True))
        return np.stack([row[np.searchsorted(t, x[..., c], side="right")] for c, (t, row) in pairs], axis=-1)

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return (*self.thresholds, *self.codes)

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Lookup":
        count = len(self.thresholds)
        return Lookup(tuple(parameters[:count]), tuple(parameters[count:]))


@dataclass(frozen=True, eq=False)
class Together(Op):
    """``function(*values)`` of the values that ``chains`` give for one x.

    Attributes
    ----------
    name : str
        The name of the operation that takes the values.
    function : callable
        Function from float32 arrays of one shape, as many as there are chains, to such an array.
    chains : tuple of Chain
    """

    name: str
    function: Callable[..., np.ndarray]
    chains: tuple[Chain, ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.function(*np.broadcast_arrays(*(apply(chain, x) for chain in self.chains))), dtype=F32)

    @property
    def monotone(self) -> bool:  # type: ignore[override]
        """Whether it keeps one direction, as sums and the larger of functions do that all rise, or all fall."""
        return direction((self,)) is not None

    @property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The numbers ``(a, b)`` of a sum, or a difference, of functions that are affine."""
        found = [affine(chain) for chain in self.chains]
        if self.name not in ("Add", "Sub") or any(f is None for f in found):
            return None
        (a, b), (p, q) = (f for f in found if f is not None)
        return (a + p, b + q) if self.name == "Add" else (a - p, b - q)

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return tuple(p for chain in self.chains for op in chain for p in op.parameters)

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Together":
        return replace(self, chains=_with_parameters(self.chains, parameters))


@dataclass(frozen=True, eq=False)
class Selected(Op):
    """The value of ``chains[which]``: channels that go through different functions stand side by side.

    ``which`` is int64, of one number or of one a channel.
    """

    chains: tuple[Chain, ...]
    which: np.ndarray

    monotone = False

    def __call__(self, x: np.ndarray) -> np.ndarray:
        y, *rest = np.broadcast_arrays(*(apply(chain, x) for chain in self.chains))
        for number, values in enumerate(rest, 1):
            y = np.where(self.which == number, values, y)
        return y

    @property
    def parameters(self) -> tuple[np.ndarray, ...]:
        return (self.which, *(p for chain in self.chains for op in chain for p in op.parameters))

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Selected":
        which, *rest = parameters
        return Selected(_with_parameters(self.chains, rest), which)


def _with_parameters(chains: tuple[Chain, ...], parameters: Sequence[np.ndarray]) -> tuple[Chain, ...]:
    """Return chains with all parameters of their operations replaced, in order."""
    given = iter(parameters)
    return tuple(tuple(op.with_parameters([next(given) for _ in op.parameters]) for op in c) for c in chains)


def direction(chain: Chain) -> np.ndarray | None:
    """Return the sign of a chain's slope, one number or one a channel: 1, -1, or 0 where it is constant.

    The result is None where that is not known to be the same everywhere. Float32 rounding never turns it round.
    """
    sign = np.ones(1)
    for op in chain:
        if isinstance(op, Together):
            step = _of_together(op)
        elif op.coefficients is not None:
            step = np.sign(op.coefficients[0])
        else:
            step = np.ones(1) if op.monotone else None
        if step is None:
            return None
        sign = sign * step
    return sign


def _of_together(op: Together) -> np.ndarray | None:
    """Return the `direction` of values that are taken together: that of all of them, where none is against it."""
    if op.name not in ("Add", "Sub", "Min", "Max", "Sum"):
        return None
    found = [direction(chain) for chain in op.chains]
    if any(f is None for f in found):
        return None
    signs = list(np.broadcast_arrays(*(f for f in found if f is not None)))
    if op.name == "Sub":
        signs[1] = -signs[1]
    rises, falls = np.max(signs, axis=0) > 0, np.min(signs, axis=0) < 0
    return None if (rises & falls).any() else np.where(rises, 1.0, np.where(falls, -1.0, 0.0))


def bounds(chain: Chain, lo: float, hi: float) -> tuple[float, float] | None:
    """Return two numbers between which all values of a chain are, for x from ``lo`` to ``hi``.

    They are the ends of the values where operations keep one direction; the result is None where one of them, or of
    the values that are taken together, is not bounded in a way that is known, or may be NaN.
    """
    for op in chain:
        if isinstance(op, Together):
            ends = _ends_of_together(op, lo, hi)
        else:
            ends = op(np.array([[lo], [hi]], dtype=F32)) if op.monotone else None
        if ends is None or np.isnan(ends).any():
            return None
        lo, hi = float(ends.min()), float(ends.max())
    return lo, hi


def _ends_of_together(op: Together, lo: float, hi: float) -> np.ndarray | None:
    """Return numbers whose smallest and largest bound the values of an operation; None where they are not known."""
    if op.name in TRUTHS:
        return np.array([0.0, 1.0])
    read = op.chains[1:] if op.name == "Where" else op.chains
    found = [bounds(chain, lo, hi) for chain in read]
    if any(f is None for f in found):
        return None
    ends = np.array(found, dtype=np.float64)
    if op.name == "Where":
        return ends
    if op.name in ("Add", "Sum"):
        return ends.sum(axis=0)
    return ends if op.name in ("Min", "Max") else None
