"""The backward rules of `golden.methods`, given to JAX: once, for all of them."""

from functools import cache, partial

import jax
import jax.numpy as jnp

__all__ = ["apply"]


@cache
def _differentiable(method, **fixed):
    function = jax.custom_vjp(partial(method, **fixed))
    function.defvjp(
        lambda *args: (method(*args, **fixed), args), lambda args, grad: method.gradients(grad, *args, **fixed)
    )
    return function


def apply(method, *args, **fixed):
    """Return ``method(*args, **fixed)``, whose gradients are those of its rule.

    Parameters
    ----------
    method : function of `golden.methods` that has ``gradients``
    args : arrays
        What gradients are taken with respect to.
    fixed
        Hashable values.
    """
    return _differentiable(method, **fixed)(*map(jnp.asarray, args))
