"""What every quantizer's definition has in common: its backward rule beside it, and NumPy and JAX by the same lines.

Definitions are written against the Python array API: `namespace` is NumPy for NumPy's arrays and jax.numpy for JAX's.
"""

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

__all__ = ["Array", "Axis", "Method", "namespace"]

Array = Any  # an array of NumPy or of JAX; neither has a type that the other's arrays fit, nor has the array API one
Axis = int | tuple[int, ...] | None  # what a mean is taken over; None for all axes


def namespace(x: Array) -> Any:
    """Return the array library of ``x``, a module.

    Besides the array API, `ldexp` and `frexp` are used, which NumPy and JAX both have.
    """
    return x.__array_namespace__()


class Method:
    """A quantizer and its backward rule.

    ``method(x, *parameters, **fixed)`` is the forward pass: arrays in, an array out. ``@method.backward`` takes
    ``rule(grad, x, *parameters, **fixed)``, which gives the gradient of each argument, None for none; it is no
    derivative (that is zero almost everywhere) but what the method's paper puts in its place. The training wraps both
    (`train.autodiff`).

    Parameters
    ----------
    forward : callable
        The forward pass.
    """

    def __init__(self, forward: Callable[..., Array]):
        self._forward = forward
        update_wrapper(self, forward)

    def __call__(self, *args: Array, **fixed: Any) -> Array:
        return self._forward(*args, **fixed)

    def backward(self, rule: Callable[..., Any]) -> "Method":
        """Keep ``rule`` as the backward rule, and return the method; for use as a decorator."""
        self._rule = rule
        return self

    def gradients(self, grad: Array, *args: Array, **fixed: Any) -> tuple[Array | None, ...]:
        """Return the rule's gradients, one for each of ``args``, None for none.

        Each is summed to the shape of its argument where that was broadcast.
        """
        found = self._rule(grad, *args, **fixed)
        found = found if isinstance(found, tuple) else (found,)
        found += (None,) * (len(args) - len(found))
        return tuple(
            None if g is None else _sum_to(g, getattr(a, "shape", ())) for g, a in zip(found, args, strict=False)
        )


def _sum_to(grad: Array, shape: Sequence[int]) -> Array:
    """Return ``grad`` summed over the axes along which a value of ``shape`` was broadcast."""
    if grad.shape == tuple(shape):
        return grad
    xp, extra = namespace(grad), grad.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1 and grad.shape[extra + i] != 1)
    return xp.reshape(xp.sum(grad, axis=axes), shape)
