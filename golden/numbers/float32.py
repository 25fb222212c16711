"""IEEE-754 single precision as the baseline's hardware computes it, bit for bit.

Rounding is to nearest, ties to even. Subnormals are flushed: an operand or a result below ``2**-126`` counts as zero
of the same sign. Infinities follow IEEE-754. Every NaN that leaves is the quiet NaN with the code ``0x7FC00000``.
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["NAN", "add", "dot", "flush", "greater", "mul", "relu"]

NAN = np.uint32(0x7FC00000).view(np.float32)
_TINY = np.float32(2.0**-126)


def flush(values: ArrayLike) -> np.ndarray:
    """Return ``values`` as float32, with zeros of the same sign for subnormals and `NAN` for every NaN."""
    values = np.asarray(values, dtype=np.float32)
    values = np.where(np.abs(values) < _TINY, np.copysign(np.float32(0), values), values)
    return np.where(np.isnan(values), NAN, values)


def mul(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Return ``a * b``. A product that IEEE-754 would round up to ``2**-126`` is that, not zero."""
    with np.errstate(all="ignore"):
        return flush(flush(a) * flush(b))


def add(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Return ``a + b``. The exact zero is +0 unless both operands are -0."""
    with np.errstate(all="ignore"):
        return flush(flush(a) + flush(b))


def relu(a: ArrayLike) -> np.ndarray:
    """Return +0 for what has the sign bit, else ``a``. A NaN stays, whatever its sign."""
    a = np.asarray(a, dtype=np.float32)
    return np.where(np.signbit(a) & ~np.isnan(a), np.float32(0), a)


def greater(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Say whether ``a > b``; -0 equals +0. Operands must be neither NaN nor subnormal."""
    return np.asarray(a, dtype=np.float32) > np.asarray(b, dtype=np.float32)


def _sum_pairs(values: list[np.ndarray]) -> np.ndarray:
    """Return the sum of a list: neighbours are added until one is left; an odd last one waits for the next round."""
    while len(values) > 1:
        pairs = [add(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)]
        values = pairs + values[len(values) // 2 * 2 :]
    return values[0]


def dot(x: ArrayLike, w: ArrayLike, bias: ArrayLike, *, simd: int, partials: int) -> np.ndarray:
    """Return ``x @ w.T + bias``, float32 (batch, n), in the order of ``hw.arrays.float32.FloatArray``.

    1. Step ``s`` takes inputs ``s * simd`` to ``(s + 1) * simd - 1``. Its products are summed in pairs of neighbours,
       the sums likewise, and so on; where the number is odd, the last one joins the next round unchanged.
    2. The sum of step ``s`` is added to partial ``s % partials``, in the order of the steps. A partial starts with
       its first sum.
    3. The last ``min(steps, partials)`` partials that were added to are summed in pairs like the products, the one
       added to longest ago first.
    4. The bias is added.

    Parameters
    ----------
    x : array, (batch, k)
        Inputs. Where ``simd`` does not divide ``k``, zeros follow, as in the hardware.
    w : array, (n, k)
        Weights.
    bias : array, (n,)
        Biases.
    simd : int
        Products per step.
    partials : int
        Interleaved partial sums: the latency of the accumulating adder.

    Raises
    ------
    ValueError
        If k is 0.
    """
    x, w = np.asarray(x, dtype=np.float32), np.asarray(w, dtype=np.float32)
    if x.shape[1] == 0:
        raise ValueError("Length of the dot product must be positive, not 0")
    x, w = (np.pad(a, ((0, 0), (0, -x.shape[1] % simd))) for a in (x, w))
    k = x.shape[1]
    sums: list[np.ndarray] = []
    for start in range(0, k, simd):
        step = _sum_pairs([mul(x[:, None, i], w[None, :, i]) for i in range(start, start + simd)])
        sums.append(add(sums[-partials], step) if len(sums) >= partials else step)
    return add(_sum_pairs(sums[-partials:]), bias)
