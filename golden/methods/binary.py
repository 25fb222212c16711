"""Binary: the sign, alone and with XNOR-Net's scale."""

from collections.abc import Callable

from .estimators import clipped
from .grid import to_grid
from .method import Array, Axis, Method, namespace

__all__ = ["binary_scale", "sign", "xnor"]


@Method
def sign(x: Array, progress: Array = 0.0, *, ste: Callable[[Array, Array], Array] = clipped) -> Array:
    """Return -1 where ``x < 0``, else +1, so that zero gives +1 (Courbariaux and others 2016, BNN).

    The gradient is ``ste(x, progress)``, one of `estimators`.
    """
    xp = namespace(x)
    return xp.astype(xp.where(x >= 0, 1.0, -1.0), x.dtype)


@sign.backward
def _(grad, x, progress=0.0, *, ste=clipped):
    return grad * ste(x, progress)


def binary_scale(x: Array, axis: Axis = None) -> Array:
    """Return ``alpha = E|x|`` over ``axis``, which stays with size 1: the least-squares scale of ``alpha*sign(x)``."""
    xp = namespace(x)
    return xp.mean(xp.abs(x), axis=axis, keepdims=True)


@Method
def xnor(x: Array, *, axis: Axis = None, bits: int | None = None, ste: Callable[[Array], Array] = clipped) -> Array:
    """Return ``alpha * sign(x)`` with ``alpha = E|x|`` over ``axis`` (Rastegari and others 2016, XNOR-Net).

    ``bits`` rounds the scales to a grid (`grid.to_grid`). The gradient is ``1/n + alpha * ste(x)`` for the ``n`` values
    that share a scale, as the paper has it.
    """
    return to_grid(binary_scale(x, axis), bits) * sign(x)


@xnor.backward
def _(grad, x, *, axis=None, bits=None, ste=clipped):
    alpha = to_grid(binary_scale(x, axis), bits)
    return grad * (alpha.size / x.size + alpha * ste(x))
