"""DoReFa-Net (Zhou and others 2016): k-bit weights, activations and gradients."""

from .binary import binary_scale, sign
from .grid import to_grid
from .method import Array, Method, namespace
from .steps import uniform

__all__ = ["dorefa_activations", "dorefa_sign", "dorefa_weights", "quantize_gradient", "quantize_k"]


@Method
def quantize_k(x: Array, *, bits: int) -> Array:
    """Return ``round((2**bits - 1) * x) / (2**bits - 1)`` for ``x`` in [0, 1], halves to even. The gradient is 1."""
    top = 2**bits - 1
    return namespace(x).round(top * x) / top


@quantize_k.backward
def _(grad, x, *, bits):
    return grad


@Method
def dorefa_activations(x: Array, step: Array | None = None, *, bits: int) -> Array:
    """Return ``quantize_k(clip(x, 0, 1))``. The gradient is 1 where ``0 <= x <= 1``, else 0.

    With a ``step`` near ``1 / (2**bits - 1)``, a number of few bits (`grid.to_grid`), levels are its multiples, and
    ``(2**bits - 1) * step`` stands for the 1 of both.
    """
    if step is not None:
        return uniform(x, step, lo=0, hi=2**bits - 1)
    return quantize_k(namespace(x).clip(x, 0, 1), bits=bits)


@dorefa_activations.backward
def _(grad, x, step=None, *, bits):
    xp = namespace(x)
    largest = 1 if step is None else (2**bits - 1) * step
    return grad * xp.astype((x >= 0) & (x <= largest), grad.dtype)


@Method
def dorefa_sign(x: Array, *, bits: int | None = None) -> Array:
    """Return ``E|x| * sign(x)``, DoReFa's weights of one bit: one scale a tensor, on a grid of ``bits``.

    The gradient is 1.
    """
    return to_grid(binary_scale(x), bits) * sign(x)


@dorefa_sign.backward
def _(grad, x, *, bits=None):
    return grad


def _squashed(x: Array) -> tuple[Array, Array]:
    """Return ``tanh(x)`` and its largest magnitude."""
    xp = namespace(x)
    y = xp.tanh(x)
    return y, xp.max(xp.abs(y))


@Method
def dorefa_weights(x: Array, *, bits: int, step: Array | None = None) -> Array:
    """Return ``2 * quantize_k(tanh(x) / (2*max|tanh(x)|) + 1/2) - 1``, for 2 bits or more: odd multiples of the step.

    Weights of one bit are those of `dorefa_sign`. With a ``step``, as in `dorefa_activations`, levels are
    ``(2*level - (2**bits - 1)) * step``. The gradient is ``(1 - tanh(x)**2) / max|tanh(x)|``, the largest taken as
    constant.
    """
    y, largest = _squashed(x)
    top = 2**bits - 1
    level = namespace(x).round(top * (y / (2 * largest) + 0.5))
    return (2 * level - top) / top if step is None else (2 * level - top) * step


@dorefa_weights.backward
def _(grad, x, *, bits, step=None):
    y, largest = _squashed(x)
    return grad * (1 - y * y) / largest


def quantize_gradient(grad: Array, draws: Array, *, bits: int) -> Array:
    """Return a gradient of ``bits`` bits, for training only.

    It is ``2*m * (quantize_k(grad/(2*m) + 1/2 + (draws - 1/2)/(2**bits - 1)) - 1/2)`` with ``m = max|grad|`` of a
    sample. ``grad`` has samples first; ``draws``, of its shape, are numbers from [0, 1), so that the rounding is
    stochastic. What leaves [0, 1] is clipped. Where ``m`` is 0, the result is 0.
    """
    xp = namespace(grad)
    m = xp.max(xp.abs(grad), axis=tuple(range(1, grad.ndim)), keepdims=True)
    some = xp.where(m > 0, m, xp.ones_like(m))
    x = grad / (2 * some) + 0.5 + (draws - 0.5) / (2**bits - 1)
    return 2 * m * (quantize_k(xp.clip(x, 0, 1), bits=bits) - 0.5)
