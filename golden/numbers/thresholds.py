"""Exact thresholds: the places where a quantized function of one integer changes its code.

Whatever stands between an accumulator and the next code (scale, bias, batch norm, activation function, quantizer) is a
function of one integer. It is evaluated, never transformed: the thresholds are the integers at which its own code
changes, ties and float32 rounding included (the idea is FINN's, Umuroglu and others 2017; the search is not).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .format import Format

__all__ = ["find_thresholds", "steps_of"]

Codes = Callable[[np.ndarray], np.ndarray]  # from int64 (n, C) to codes (n, C)
Row = tuple[np.ndarray, np.ndarray]  # thresholds and codes of one channel

_CHUNK = 1 << 21  # evaluations at a time


def find_thresholds(
    function: Codes, lo: ArrayLike, hi: ArrayLike, *, monotone: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Return the thresholds and the codes of ``function`` on each channel's reachable range.

    Parameters
    ----------
    function : callable
        Maps int64 ``(n, C)``, column c holding arguments of channel c, to codes ``(n, C)``.
    lo, hi : int64 arrays ``(C,)``
        Reachable range of each channel, both ends included.
    monotone : bool
        Whether the function keeps one direction in every channel. If so it is bisected (``log2(hi-lo)`` evaluations a
        threshold), else every argument is visited.

    Returns
    -------
    thresholds : int64 ``(C, L)``, rising; codes : int64 ``(C, L+1)``
        ``function(x) == codes[c, (thresholds[c] <= x).sum()]`` for every reachable x. Unused thresholds are ``hi + 1``
        and repeat the last code.
    """
    lo, hi = np.asarray(lo, dtype=np.int64), np.asarray(hi, dtype=np.int64)
    found = _bisect(function, lo, hi) if monotone else _visit(function, lo, hi)
    most = max(len(t) for t, _ in found)
    thresholds = np.array([np.r_[t, np.full(most - len(t), h + 1)] for (t, _), h in zip(found, hi, strict=True)])
    codes = np.array([np.r_[c, np.full(most + 1 - len(c), c[-1])] for _, c in found])
    return thresholds.reshape(len(lo), most).astype(np.int64), codes.astype(np.int64)


def _bisect(function: Codes, lo: np.ndarray, hi: np.ndarray) -> list[Row]:
    """Split every range whose two ends differ until each change of code is between neighbours."""
    first, last = function(lo[None])[0], function(hi[None])[0]
    channels = np.arange(len(lo))
    found: list[list[tuple[int, int]]] = [[] for _ in channels]
    left, right, left_code, right_code, owner = lo.copy(), hi.copy(), first, last, channels
    while len(owner):
        open_ = left_code != right_code
        left, right, left_code, right_code, owner = (a[open_] for a in (left, right, left_code, right_code, owner))
        close = right - left == 1
        for c, x, code in zip(owner[close], right[close], right_code[close], strict=True):
            found[c].append((int(x), int(code)))
        left, right, left_code, right_code, owner = (a[~close] for a in (left, right, left_code, right_code, owner))
        middle = (left + right) // 2
        code = _at(function, middle, owner, len(lo))
        left, right = np.r_[left, middle], np.r_[middle, right]
        left_code, right_code, owner = np.r_[left_code, code], np.r_[code, right_code], np.r_[owner, owner]
    result = []
    for c in channels:
        changes = sorted(found[c])
        result.append((np.array([x for x, _ in changes]), np.array([first[c], *(k for _, k in changes)])))
    return result


def _at(function: Codes, x: np.ndarray, owner: np.ndarray, channels: int) -> np.ndarray:
    """Return ``function`` at scattered pairs of an argument ``x`` and a channel ``owner``.

    The pairs are packed into as few rows of all channels as they need.
    """
    if not len(x):
        return x
    order = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=channels)
    rank = np.arange(len(x)) - np.repeat(np.cumsum(counts) - counts, counts)
    grid = np.zeros((counts.max(), channels), dtype=np.int64)
    grid[rank, owner[order]] = x[order]
    codes = np.empty(len(x), dtype=np.int64)
    codes[order] = function(grid)[rank, owner[order]]
    return codes


def _visit(function: Codes, lo: np.ndarray, hi: np.ndarray) -> list[Row]:
    """Evaluate every argument of every range, a chunk at a time, and note where the code changes."""
    span = int((hi - lo).max()) + 1
    rows = max(2, _CHUNK // len(lo))
    found: list[tuple[list[int], list[int]]] = [([], []) for _ in lo]
    before = None
    for start in range(0, span, rows):
        x = np.minimum(lo + np.arange(start, min(span, start + rows))[:, None], hi)
        codes = function(x)
        previous = np.vstack([codes[:1] if before is None else before, codes[:-1]])
        if before is None:
            for c, code in enumerate(codes[0]):
                found[c][1].append(code)
        for row, c in np.argwhere(codes != previous):
            found[c][0].append(x[row, c])
            found[c][1].append(codes[row, c])
        before = codes[-1:]
    return [(np.array(t, dtype=np.int64), np.array(c)) for t, c in found]


def steps_of(
    thresholds: np.ndarray, codes: np.ndarray, lo: np.ndarray, hi: np.ndarray, fmt: Format
) -> np.ndarray | None:
    """Return the same function as one threshold per level of ``fmt``, or None if it ever falls.

    Parameters
    ----------
    thresholds, codes : int64 arrays ``(C, L)`` and ``(C, L+1)``
        The function, as `find_thresholds` gives it.
    lo, hi : int64 arrays ``(C,)``
        Reachable range of each channel, both ends included.
    fmt : Format
        The format of the codes.

    Returns
    -------
    int64 ``(C, fmt.levels - 1)``, rising rows: ``value = values[(row <= x).sum()]``
        A level that is never reached has ``hi + 1``, one that is always exceeded ``lo``.
    """
    values = fmt.values
    if (np.diff(codes, axis=1) < 0).any():
        return None
    ends = np.concatenate([thresholds, (hi + 1)[:, None]], axis=1)
    steps = np.empty((len(codes), len(values) - 1), dtype=np.int64)
    for j, value in enumerate(values[1:]):
        reached = codes >= value
        first = np.where(reached.any(axis=1), reached.argmax(axis=1), codes.shape[1])
        steps[:, j] = np.where(
            first == 0, lo, np.take_along_axis(ends, np.maximum(first - 1, 0)[:, None], axis=1)[:, 0]
        )
    return steps
