"""One option of every layer so that all limits hold: prices by which each layer chooses alone, then exchanges.

A price for each resource makes the sum over layers one choice a layer. Prices rise where there is too little
(multiplicative weights: Plotkin, Shmoys and Tardos 1995); a sum of prices that no choice can meet proves that there is
none. What prices leave undecided, as options are few and far between, is settled by exchanging single options, and then
by partial sums of which none is worse than another in everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Chosen", "choose", "undominated"]

_ROUNDS = 60  # of prices
_RATE = 3.0  # by which prices move
_LABELS = 500  # partial sums that are kept
_CHUNK = 64  # rows that are compared at a time
_SHARP = 40.0  # how much more the fullest resource counts than others when options are exchanged


@dataclass(frozen=True)
class Chosen:
    """An option of each layer, by its number, and how full the fullest resource is: at most 1 where all limits hold."""

    options: tuple[int, ...]
    fullest: float


def choose(options: Sequence[np.ndarray], limits: np.ndarray, fixed: np.ndarray) -> Chosen:
    """Return an option of every layer whose sum keeps all limits, or else one that is near to it.

    Parameters
    ----------
    options : sequence of float (n, R)
        What each option of a layer takes of each resource.
    limits : float (R,)
        The most of each; infinity where there is none.
    fixed : float (R,)
        What is taken beside the layers.
    """
    scale = np.where(np.isfinite(limits), 1 / np.maximum(limits, 0.5), 0)
    use = scale > 0
    if not use.any():
        use = np.ones(len(limits), dtype=bool)
        scale = np.full(len(limits), 1e-9)
    shares = [(matrix * scale)[:, use] for matrix in options]
    base = (fixed * scale)[use]

    def done(picked: np.ndarray, fullest: float) -> Chosen:
        return Chosen(tuple(map(int, picked)), fullest)

    picked, fullest, impossible = _priced(shares, base)
    if fullest <= 1:
        return done(picked, fullest)
    picked, fullest = _exchanged(shares, base, picked)
    if fullest <= 1 or impossible:
        return done(picked, fullest)
    found = _summed(shares, base)
    return done(picked, fullest) if found is None else done(found, float(_total(shares, base, found).max()))


def _total(shares, base, picked):
    return base + sum(matrix[k] for matrix, k in zip(shares, picked, strict=True))


def undominated(matrix: np.ndarray, slack: float = 1, most: int | None = None) -> np.ndarray:
    """Return the rows of which no other takes less of everything, even if it takes ``slack`` times as much as it says.

    They are sorted by their sum; ``most`` is how many are wanted, all if it is None.
    """
    if slack > 1:
        below = _below(slack * matrix, matrix) & ~np.eye(len(matrix), dtype=bool)
        no_more = _below(matrix, matrix)
        equal = np.tril(no_more & no_more.T, -1)
        kept = np.flatnonzero(~np.any(below | equal, axis=1))
        return kept[np.argsort(matrix[kept].sum(axis=1), kind="stable")]
    order = np.lexsort((*matrix.T, matrix.sum(axis=1)))
    kept = np.empty(0, dtype=np.int64)
    for start in range(0, len(order), _CHUNK):
        rows = order[start : start + _CHUNK]
        if len(kept):
            rows = rows[~np.any(_below(matrix[kept], matrix[rows]), axis=1)]
        # Among these an earlier one is worse than a later one in nothing, so only it can stand in the way.
        kept = np.concatenate([kept, rows[~np.any(np.tril(_below(matrix[rows], matrix[rows]), -1), axis=1)]])
        if most is not None and len(kept) >= most:  # a later row takes no earlier one's place
            break
    return kept[:most]


def _below(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Return whether each of ``these`` rows takes no more of anything than each of ``those``, ``(those, these)``."""
    found = np.ones((len(those), len(these)), dtype=bool)
    for mine, theirs in zip(these.T, those.T, strict=True):
        found &= mine[None] <= theirs[:, None]
    return found


def _priced(shares, base):
    """Return what is chosen by prices, how full that is, and whether prices prove that nothing fits."""
    count = len(base)
    price, best, impossible = np.full(count, 1 / count), None, False
    for _ in range(_ROUNDS):
        picked = np.array([int((matrix @ price).argmin()) for matrix in shares])
        total = _total(shares, base, picked)
        fullest = float(total.max())
        if best is None or fullest < best[1]:
            best = picked, fullest
        if fullest <= 1:
            break
        if total @ price > 1 + 1e-9:
            impossible = True
            break
        price = price * np.exp(_RATE * (total - fullest))
        price /= price.sum()
    assert best is not None
    return *best, impossible


def _exchanged(shares, base, picked):
    """Exchange options of single layers as long as the fullest resources become less full."""
    picked, total = picked.copy(), _total(shares, base, picked)
    for _ in range(20):
        before = picked.copy()
        for layer, matrix in enumerate(shares):
            others = total - matrix[picked[layer]]
            sums = others + matrix
            sharp = np.exp(np.minimum(_SHARP * (sums - total.max()), 50)).sum(axis=1)
            k = int(sharp.argmin())
            if sharp[k] < sharp[picked[layer]] - 1e-12:
                picked[layer], total = k, sums[k]
        if (picked == before).all():
            break
    return picked, float(total.max())


def _summed(shares, base):
    """Return a choice that keeps all limits by partial sums of layer after layer; None if none is found."""
    least = [matrix.min(axis=0) for matrix in shares]
    rest = np.cumsum([np.zeros_like(base), *least[::-1]], axis=0)[::-1]  # what the layers from here on take at least
    sums, history = base[None], np.empty((1, 0), dtype=np.int32)
    for layer, matrix in enumerate(shares):
        grown = (sums[:, None] + matrix[None]).reshape(-1, len(base))
        fits = np.flatnonzero((grown + rest[layer + 1] <= 1 + 1e-12).all(axis=1))
        if not len(fits):
            return None
        grown = grown[fits]
        if len(fits) > _LABELS:
            order = np.argsort((grown + rest[layer + 1]).max(axis=1), kind="stable")[: 4 * _LABELS]
            fits, grown = fits[order], grown[order]
        kept = undominated(grown, most=_LABELS)
        sums, places = grown[kept], fits[kept]
        history = np.hstack([history[places // len(matrix)], (places % len(matrix))[:, None].astype(np.int32)])
    return history[int(sums.max(axis=1).argmin())]
