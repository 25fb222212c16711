"""Exact thresholds: the places where a quantized function of one integer changes its code.

Whatever stands between an accumulator and the next code (scale, bias, batch norm, activation function, quantizer) is a
function of one integer. It is evaluated, never transformed: the thresholds are the integers at which its own code
changes, ties and float32 rounding included (the idea is FINN's, Umuroglu and others 2017; the search is not).
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .format import Format

__all__ = ["MOST_LEVELS", "find_thresholds", "steps_of"]

Codes = Callable[[np.ndarray], np.ndarray]  # from int64 (n, C) to codes (n, C)
Changes = tuple[np.ndarray, np.ndarray, np.ndarray]  # channels, arguments, and the codes from there on

MOST_LEVELS = 1 << 12  # of a format that a threshold is made for each level of
_CHUNK = 1 << 21  # evaluations at a time
_MOST_RUNGS = 1 << 16  # codes between a channel's ends that are searched for at once
_PROBES = 3  # evaluations beside a guess before bisection


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
        Whether the function keeps one direction in every channel. If so each code is searched for (a few evaluations a
        threshold where the function is about a line, at most ``log2(hi - lo)`` more), else every argument is visited.

    Returns
    -------
    thresholds : int64 ``(C, L)``, rising; codes : int64 ``(C, L+1)``
        ``function(x) == codes[c, (thresholds[c] <= x).sum()]`` for every reachable x. Unused thresholds are ``hi + 1``
        and repeat the last code.
    """
    lo, hi = np.asarray(lo, dtype=np.int64), np.asarray(hi, dtype=np.int64)
    if not monotone:
        return _padded(*_visit(function, lo, hi), hi)
    ends = function(np.stack([lo, hi]))
    steps = int(np.abs(ends[1] - ends[0]).max(initial=0))
    if steps > min(_MOST_RUNGS, int((hi - lo).max(initial=0))):
        return _padded(ends[0], *_bisect(function, lo, hi, *ends), hi)
    width = max(1, _CHUNK // max(1, steps))
    parts = [slice(at, at + width) for at in range(0, len(lo), width)]
    found = [_climb(_columns(function, part, lo), lo[part], hi[part], *ends[:, part]) for part in parts]
    owner = np.concatenate([part.start + changes[0] for part, changes in zip(parts, found, strict=True)])
    x, codes = (np.concatenate([changes[k] for changes in found]) for k in (1, 2))
    return _padded(ends[0], owner, x, codes, hi)


def _columns(function: Codes, part: slice, lo: np.ndarray) -> Codes:
    """Return the function of some of the channels: all others are given their first argument."""
    if part.start == 0 and part.stop >= len(lo):
        return function

    def some(x):
        whole = np.broadcast_to(lo, (len(x), len(lo))).copy()
        whole[:, part] = x
        return function(whole)[:, part]

    return some


def _padded(
    first: np.ndarray, owner: np.ndarray, x: np.ndarray, codes: np.ndarray, hi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two tables of `find_thresholds` for changes to ``codes`` at ``x`` of channels ``owner``."""
    order = np.lexsort((x, owner))
    owner, x, codes = owner[order], x[order], codes[order]
    counts = np.bincount(owner, minlength=len(hi))
    rank = np.arange(len(x)) - np.repeat(np.cumsum(counts) - counts, counts)
    most = counts.max(initial=0)
    thresholds = np.repeat((hi + 1)[:, None], most, axis=1)
    thresholds[owner, rank] = x
    table = np.repeat(np.asarray(first, dtype=np.int64)[:, None], most + 1, axis=1)
    table[owner, rank + 1] = codes
    last = np.take_along_axis(table, counts[:, None], axis=1)
    return thresholds, np.where(np.arange(most + 1) > counts[:, None], last, table)


def _climb(function: Codes, lo: np.ndarray, hi: np.ndarray, first: np.ndarray, last: np.ndarray) -> Changes:
    """Return the changes of a monotone function: all codes between its ends are searched for at once.

    Between the arguments at which a channel leaves its first code and reaches its last one, most functions are about
    straight (a scale between the bounds of a clip), so each code is looked for where a line has it; what is not there
    is bisected.
    """
    direction, count = np.sign(last - first), np.abs(last - first)
    rung = np.arange(1, count.max(initial=0) + 1)[:, None]
    wanted, used = first + direction * rung, rung <= count

    def reached(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return (function(x) - codes) * direction >= 0

    left, right = np.broadcast_to(lo, wanted.shape).copy(), np.broadcast_to(hi, wanted.shape).copy()
    start, end = (_searched(partial(reached, codes=codes), lo, hi) for codes in (first + direction, last))
    left, right = np.maximum(left, start - 1), np.minimum(right, end)
    place = (rung - 1) * ((end - start) / np.maximum(1, count - 1))
    probe = np.clip(start + np.ceil(place).astype(np.int64), lo, hi)
    for _ in range(_PROBES):
        there = reached(probe, wanted)
        right = np.where(there, np.minimum(right, probe), right)
        left = np.where(there, left, np.maximum(left, probe))
        probe = np.clip(np.where(there, right - 1, left + 1), lo, hi)
    found = _between(reached, left, right, wanted, used)
    last_of_equals = used & (np.vstack([found[1:], found[:1]]) != found)
    last_of_equals |= used & (rung == count)  # of codes that are skipped, the one that is given
    at, channel = np.nonzero(last_of_equals)
    return channel, found[at, channel], wanted[at, channel]


def _searched(reached: Callable[[np.ndarray], np.ndarray], lo: np.ndarray, hi: np.ndarray) -> np.ndarray:
    """Return, by channel, the first argument from ``lo`` on at which a rising condition holds; ``hi`` at the latest."""
    lo, hi = lo.copy(), hi.copy()
    while (lo < hi).any():
        middle = lo + (hi - lo) // 2
        there = reached(middle[None])[0] | (lo >= hi)
        lo, hi = np.where(there, lo, middle + 1), np.where(there, np.minimum(hi, middle), hi)
    return hi


def _between(
    reached: Callable[[np.ndarray, np.ndarray], np.ndarray],
    left: np.ndarray, right: np.ndarray, wanted: np.ndarray, used: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the first arguments at which codes are reached, in ``(left, right]``."""
    while (is_open := (right - left > 1) & used).any():
        rows = is_open.any(axis=1)
        middle = left + (right - left) // 2
        there = np.ones(wanted.shape, dtype=bool)
        there[rows] = reached(middle[rows], wanted[rows])
        right, left = np.where(is_open & there, middle, right), np.where(is_open & ~there, middle, left)
    return right


def _bisect(function: Codes, lo: np.ndarray, hi: np.ndarray, first: np.ndarray, last: np.ndarray) -> Changes:
    """Return the changes of a monotone function, for which every range whose two ends differ is split until each change
    is between neighbours."""
    found = []
    left, right, left_code, right_code, owner = lo, hi, first, last, np.arange(len(lo))
    while len(owner):
        open_ = left_code != right_code
        left, right, left_code, right_code, owner = (a[open_] for a in (left, right, left_code, right_code, owner))
        close = right - left == 1
        found.append((owner[close], right[close], right_code[close]))
        left, right, left_code, right_code, owner = (a[~close] for a in (left, right, left_code, right_code, owner))
        middle = (left + right) // 2
        code = _at(function, middle, owner, len(lo))
        left, right = np.r_[left, middle], np.r_[middle, right]
        left_code, right_code, owner = np.r_[left_code, code], np.r_[code, right_code], np.r_[owner, owner]
    channels, arguments, codes = (np.concatenate([changes[k] for changes in found]) for k in range(3))
    return channels, arguments, codes


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


def _visit(function: Codes, lo: np.ndarray, hi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the codes at ``lo`` and the changes of any function: every argument is visited."""
    span = int((hi - lo).max()) + 1
    rows = max(2, _CHUNK // len(lo))
    first: np.ndarray | None = None
    before, found = lo[None], []
    for start in range(0, span, rows):
        x = np.minimum(lo + np.arange(start, min(span, start + rows))[:, None], hi)
        codes = function(x)
        if first is None:
            first, before = codes[0], codes[:1]
        row, channel = np.nonzero(codes != np.vstack([before, codes[:-1]]))
        found.append((channel, x[row, channel], codes[row, channel]))
        before = codes[-1:]
    assert first is not None
    channels, arguments, changed = (np.concatenate([changes[k] for changes in found]) for k in range(3))
    return first, channels, arguments, changed


def steps_of(
    thresholds: np.ndarray, codes: np.ndarray, lo: np.ndarray, hi: np.ndarray, fmt: Format
) -> np.ndarray | None:
    """Return the same function as one threshold per level of ``fmt``.

    It is None if the function ever falls, or if the format has over `MOST_LEVELS`.

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
    if fmt.levels > MOST_LEVELS:
        return None
    values = fmt.values
    if (np.diff(codes, axis=1) < 0).any():
        return None
    ends = np.concatenate([thresholds, (hi + 1)[:, None]], axis=1)
    first = np.array([np.searchsorted(row, values[1:]) for row in codes]).reshape(len(codes), len(values) - 1)
    steps = np.take_along_axis(ends, np.maximum(first - 1, 0), axis=1)
    return np.where(first == 0, lo[:, None], steps)
