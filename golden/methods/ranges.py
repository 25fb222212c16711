"""Ranges of post-training quantization: how far a uniform quantizer reaches, chosen from samples.

A quantizer of a format with codes ``lo`` to ``hi`` and step ``s`` gives ``s*clip(round(x/s), lo, hi)``; it reaches to
the *clip* ``T = s*hi``. A small T cuts off what is large, a large T makes every step coarse. Each function here gives T
for samples ``x`` of shape ``(..., n)``, one for every row ``(...,)``, of a format that is unsigned (``lo`` = 0: what is
negative becomes 0 whatever T is) or symmetric (``lo = -hi``, narrow). `step` turns it into the step.

================ ==================================================================================================
`minmax`         T = max|x|. Nothing is cut off.
`percentile`     T = the p-th percentile of |x| (Wu and others 2020, "Integer Quantization for Deep Learning
                 Inference"; McKinstry and others 2018).
`mse`            T that minimizes ``E (Q(x) - x)**2`` (Max 1960, "Quantizing for Minimum Distortion"; Banner and others
                 2019, ACIQ).
`kl`             T that minimizes ``KL(P || Q)`` between the histogram of |x| cut off at T and what the levels leave of
                 it (Migacz 2017, "8-bit Inference with TensorRT").
================ ==================================================================================================
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.numbers.formats import IntegerFormat

__all__ = ["METHODS", "kl", "minmax", "mse", "percentile", "step"]

_COARSE, _FINE, _ROUNDS = 128, 16, 3  # steps that `mse` tries: first, and between the two beside the best, thrice
_BINS = 2048  # of the histogram of `kl`


def step(x: ArrayLike, fmt: IntegerFormat, method: str = "mse", **options: float) -> np.ndarray:
    """Return the step of a quantizer, ``T/hi``, and 1 where all samples are zero.

    Of a format that is a sign the step is ``E|x|`` whatever the method: the one of least squared error (Rastegari and
    others 2016, XNOR-Net).

    Parameters
    ----------
    x : array ``(..., n)``
        Samples, a row for every step.
    fmt : IntegerFormat
        The quantizer's format: one that is unsigned, narrow signed, or a sign.
    method : str
        One of `METHODS`.
    options
        Further arguments of the method.

    Returns
    -------
    float32 array ``(...,)``

    Raises
    ------
    ValueError
        If the method has no clip for such a format, or refuses its options.
    """
    x = np.asarray(x, dtype=np.float64)
    if fmt.is_sign:
        found = np.abs(x).mean(axis=-1)
    else:
        found = np.asarray(METHODS[method](x, fmt, **options)) / fmt.hi
    found = found.astype(np.float32)
    return np.where(found > 0, found, np.float32(1))


def _magnitudes(x: ArrayLike, fmt: IntegerFormat) -> np.ndarray:
    """Return what lies on the positive side of an unsigned format, or on both sides of a symmetric one."""
    if fmt.lo not in (0, -fmt.hi) or fmt.hi < 1:
        raise ValueError(f"Format must be unsigned or narrow signed, not {fmt}")
    x = np.asarray(x, dtype=np.float64)
    return np.maximum(x, 0) if fmt.lo == 0 else np.abs(x)


def minmax(x: ArrayLike, fmt: IntegerFormat) -> np.ndarray:
    """Return T = ``max|x|``; of an unsigned format it is the largest x."""
    return _magnitudes(x, fmt).max(axis=-1, initial=0)


def percentile(x: ArrayLike, fmt: IntegerFormat, percent: float = 99.9) -> np.ndarray:
    """Return T, the ``percent``-th percentile of ``|x|``, of an unsigned format that of ``max(x, 0)``.

    Between samples it is on a line.

    Raises
    ------
    ValueError
        If ``percent`` is not above 0 and at most 100.
    """
    if not 0 < percent <= 100:
        raise ValueError(f"A percentile must be above 0 and at most 100, not {percent}")
    return np.percentile(_magnitudes(x, fmt), percent, axis=-1)


def mse(x: ArrayLike, fmt: IntegerFormat) -> np.ndarray:
    """Return T of the smallest mean squared error, by a search over T in (0, max|x|]; rounding and clipping both count.

    The error of a step is exact and cheap: of sorted magnitudes with running sums ``S1 = sum m`` and ``S2 = sum m**2``,
    those of one code k add ``S2 - 2*k*s*S1 + k**2*s**2*count``.
    """
    m = np.sort(_magnitudes(x, fmt), axis=-1)
    rows = m.reshape(-1, m.shape[-1])
    return np.array([_best_clip(row, fmt.hi) for row in rows]).reshape(m.shape[:-1])


def _best_clip(m: np.ndarray, hi: int) -> float:
    """Return T for sorted magnitudes: the step is searched coarsely, then between the two beside the best."""
    most = m[-1] if len(m) else 0
    if not most > 0:
        return 0.0
    sums = [np.concatenate([[0.0], np.cumsum(v)]) for v in (m, m * m)]
    steps = most / hi * np.arange(1, _COARSE + 1) / _COARSE
    for _ in range(_ROUNDS):
        best = int(np.argmin(_errors(m, sums, steps, hi)))
        low, high = steps[max(best - 1, 0)], steps[min(best + 1, len(steps) - 1)]
        steps = np.linspace(low, high, _FINE + 1)
    return steps[int(np.argmin(_errors(m, sums, steps, hi)))] * hi


def _errors(m: np.ndarray, sums: list[np.ndarray], steps: np.ndarray, hi: int) -> np.ndarray:
    """Return the squared error of each step for sorted magnitudes: at most ``hi + 1`` codes each."""
    codes = np.arange(hi + 1)
    edges = np.searchsorted(m, (codes[1:] - 0.5) * steps[:, None])
    edges = np.concatenate([np.zeros((len(steps), 1), int), edges, np.full((len(steps), 1), len(m))], axis=1)
    level = codes * steps[:, None]
    first, second = (np.diff(total[edges], axis=1) for total in sums)
    return (second - 2 * level * first + level**2 * np.diff(edges, axis=1)).sum(axis=1)


def kl(x: ArrayLike, fmt: IntegerFormat, bins: int = _BINS) -> np.ndarray:
    """Return T of the smallest relative entropy, as TensorRT calibrates (Migacz 2017).

    ``|x|`` goes into a histogram of ``bins``. For each i from ``hi + 1`` (the levels of a magnitude) to ``bins``: P is
    the first i bins, what lies beyond added to the last; Q is the same bins without that, merged evenly into
    ``hi + 1``, each spread again over those of its bins that are not empty. ``T = (i + 1/2)*width`` of the i of least
    ``KL = sum P*log(P/Q)``. An i whose last bin is empty, while something lies beyond, has KL infinite; one with fewer
    bins that are not empty than levels is left out, as it tells nothing. The first bin counts as the second: the zeros
    that a ReLU leaves are exact with any T (so in NVIDIA's pytorch-quantization).
    """
    m = _magnitudes(x, fmt)
    rows = m.reshape(-1, m.shape[-1])
    return np.array([_least_entropy(row, fmt.hi + 1, bins) for row in rows]).reshape(m.shape[:-1])


def _least_entropy(m: np.ndarray, levels: int, bins: int) -> float:
    """Return T for one row of magnitudes."""
    most = m.max(initial=0)
    if not most > 0:
        return 0.0
    if levels >= bins:
        return most
    counts = np.histogram(m, bins=bins, range=(0, most))[0].astype(np.float64)
    counts[0] = counts[1]
    # Rounded, so that rounding does not decide between equal ones.
    i = levels + int(np.argmin(np.round(_divergences(counts, levels), 12)))
    return min(most, (i + 0.5) * most / bins)


def _divergences(counts: np.ndarray, levels: int) -> np.ndarray:
    """Return the relative entropy of every i from ``levels`` on, in sums over the merged bins.

    With S the sum of P and R that of Q: ``sum P/S * log((P/S)/(Q/R)) = (sum P*log(P) - sum P*log(Q))/S - log(S/R)``.
    P is Q's own counts but for the last bin, so the second sum has a term a level: its counts times log(Q).
    """
    bins = len(counts)
    i = np.arange(levels, bins + 1)
    starts = -(-np.arange(levels + 1) * i[:, None] // levels)  # of the merged bins: bin b goes into b*levels // i
    sums = [np.concatenate([[0], np.cumsum(v)]) for v in (counts, counts > 0, _log_times(counts, counts))]
    inside, filled, own = (total[i] for total in sums)
    within, members = (np.diff(total[starts], axis=1) for total in sums[:2])
    merged = within / np.maximum(members, 1)
    last, total = counts[i - 1], sums[0][-1]
    beyond = total - inside
    p = own - _log_times(last, last) + _log_times(last + beyond, last + beyond)
    q = _log_times(within, merged).sum(axis=1) + _log_times(beyond, merged[:, -1])
    with np.errstate(divide="ignore"):
        found = (p - q) / total - np.log(total / inside)
    unfit = ((i < bins) & (filled < levels)) | ((last == 0) & (beyond > 0))
    return np.where(unfit, np.inf, found)


def _log_times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return ``a * log(b)``, 0 where a is 0."""
    return a * np.log(np.where((a == 0) | (b == 0), 1, b))


METHODS: dict[str, Callable[..., np.ndarray]] = {"minmax": minmax, "percentile": percentile, "mse": mse, "kl": kl}
