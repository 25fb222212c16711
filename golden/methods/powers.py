"""Powers of two (Miyashita and others 2016; signed and with zero, as weights need them)."""

from .method import Array, Method, namespace

__all__ = ["logarithmic", "logarithmic_levels"]

_ROOT = 2**0.5  # halfway between two powers of two in the logarithm


def _top(x: Array) -> Array:
    """Return the exponent of the largest level, ``round(log2(max|x|))``."""
    xp = namespace(x)
    largest = xp.max(xp.abs(x))
    return xp.astype(xp.round(xp.log2(xp.where(largest > 0, largest, xp.ones_like(largest)))), xp.int32)


def logarithmic_levels(x: Array, bits: int) -> Array:
    """Return the levels for ``x``, lowest first: 0 and ``±2**(top-i)`` for ``i`` in ``range(2**(bits-1) - 1)``.

    There are ``2**bits - 1`` of them, and ``top = round(log2(max|x|))``.
    """
    xp, top = namespace(x), _top(x)
    powers = [xp.ldexp(xp.ones((), dtype=x.dtype), top - i) for i in range(2 ** (bits - 1) - 1)]
    return xp.stack([*(-p for p in powers), xp.zeros_like(powers[0]), *reversed(powers)])


@Method
def logarithmic(x: Array, *, bits: int) -> Array:
    """Return ``sign(x) * 2**clip(round(log2|x|), low, top)``, and 0 where ``round(log2|x|) < low``.

    They are levels of `logarithmic_levels` (Miyashita and others 2016). Rounding is that of the logarithm: from
    ``sqrt(2) * 2**e`` on, ``2**(e+1)`` is nearest. The gradient is 1.
    """
    xp, top = namespace(x), _top(x)
    one, y = xp.ones_like(x), xp.zeros_like(x)
    for i in reversed(range(2 ** (bits - 1) - 1)):
        power = xp.ldexp(one, top - i)
        y = xp.where(xp.abs(x) >= _ROOT / 2 * power, power, y)
    return xp.sign(x) * y


@logarithmic.backward
def _(grad, x, *, bits):
    return grad
