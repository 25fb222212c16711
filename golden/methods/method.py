"""What every quantizer's definition has in common: its backward rule beside it, and NumPy and JAX by the same lines.

Definitions are written against the Python array API: `namespace` is NumPy for NumPy's arrays and jax.numpy for JAX's.
"""

from functools import update_wrapper

__all__ = ["Method", "namespace"]


def namespace(x):
    """The array library of ``x``. (`ldexp` and `frexp`, which we use besides, are in NumPy and JAX, not in the API.)"""
    return x.__array_namespace__()


class Method:
    """A quantizer and its backward rule.

    ``method(x, *parameters, **fixed)`` is the forward pass: arrays in, an array out. ``@method.backward`` takes
    ``rule(grad, x, *parameters, **fixed)``, which gives the gradient of each argument, None for none; it is no
    derivative (that is zero almost everywhere) but what the method's paper puts in its place. The training wraps both
    (`train.autodiff`).
    """

    def __init__(self, forward):
        self._forward = forward
        update_wrapper(self, forward)

    def __call__(self, *args, **fixed):
        return self._forward(*args, **fixed)

    def backward(self, rule):
        """Keep ``rule``; for use as a decorator."""
        self._rule = rule
        return self

    def gradients(self, grad, *args, **fixed):
        """The rule's gradients, one for each of ``args``, summed to its shape where it was broadcast; None for none."""
        found = self._rule(grad, *args, **fixed)
        found = found if isinstance(found, tuple) else (found,)
        found += (None,) * (len(args) - len(found))
        return tuple(
            None if g is None else _sum_to(g, getattr(a, "shape", ())) for g, a in zip(found, args, strict=False)
        )


def _sum_to(grad, shape):
    """``grad`` summed over the axes along which a value of ``shape`` was broadcast."""
    if grad.shape == tuple(shape):
        return grad
    xp, extra = namespace(grad), grad.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(extra + i for i, n in enumerate(shape) if n == 1 and grad.shape[extra + i] != 1)
    return xp.reshape(xp.sum(grad, axis=axes), shape)
