"""Chains that fork and meet again: several functions of one integer, and an operation that takes the values of all.

``x * sigmoid(x)`` is one function of x, though a model computes it by two operations. As one operation of a chain,
`Together`, it is evaluated for every x like any other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .elementwise import F32, Chain, Op, affine, apply, are_whole, direction, ends_of

__all__ = ["Fixed", "Lookup", "Selected", "Together"]

_TRUTHS = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal", "And", "Or", "Xor", "Not"}
_WHOLE_OF_WHOLE = {"Add", "Sub", "Mul", "Min", "Max"}
_OF_ONE_DIRECTION = {"Add", "Sub", "Min", "Max", "Sum"}  # where their operands are
_BOUNDED = {"Add", "Sum", "Min", "Max", "Where"}  # by the ends of what they take


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

    def is_whole(self, of_whole: bool) -> bool:
        return are_whole(self.c)


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

    @property
    def rounds(self) -> bool:
        return True

    def with_parameters(self, parameters: Sequence[np.ndarray]) -> "Lookup":
        count = len(self.thresholds)
        return Lookup(tuple(parameters[:count]), tuple(parameters[count:]))

    def is_whole(self, of_whole: bool) -> bool:
        return True


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
        """Whether it keeps one direction."""
        return self.direction is not None

    @property
    def direction(self) -> np.ndarray | None:
        """The sign of its slope, if it is a sum, or the larger or smaller, of functions none of which is against it."""
        if self.name not in _OF_ONE_DIRECTION:
            return None
        found = [direction(chain) for chain in self.chains]
        if any(f is None for f in found):
            return None
        signs = list(np.broadcast_arrays(*(f for f in found if f is not None)))
        if self.name == "Sub":
            signs[1] = -signs[1]
        rises, falls = np.max(signs, axis=0) > 0, np.min(signs, axis=0) < 0
        return None if (rises & falls).any() else np.where(rises, 1.0, np.where(falls, -1.0, 0.0))

    @property
    def rounds(self) -> bool:
        """Whether it is a comparison, or an operation behind one that rounds."""
        return self.name in _TRUTHS or any(op.rounds for chain in self.chains for op in chain)

    def ends(self, lo: float, hi: float) -> tuple[float, float] | None:
        if self.name in _TRUTHS:
            return 0.0, 1.0
        found = [ends_of(chain, lo, hi) for chain in (self.chains[1:] if self.name == "Where" else self.chains)]
        known = [f for f in found if f is not None]
        if len(known) < len(found) or self.name not in _BOUNDED:
            return None
        los, his = zip(*known, strict=True)
        ends = np.array([sum(los), sum(his)] if self.name in ("Add", "Sum") else [min(los), max(his)])
        return None if np.isnan(ends).any() else (float(ends[0]), float(ends[1]))

    def is_whole(self, of_whole: bool) -> bool:
        branches = [_all_whole(chain, of_whole) for chain in self.chains]
        if self.name == "Where":
            return all(branches[1:])
        return self.name in _TRUTHS or (self.name in _WHOLE_OF_WHOLE and all(branches))

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


def _all_whole(chain: Chain, of_whole: bool) -> bool:
    for op in chain:
        of_whole = op.is_whole(of_whole)
    return of_whole
