"""The backward rules of `golden.methods` are given to JAX here, once for all of them."""

from collections.abc import Callable, Hashable
from functools import cache, partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

__all__ = ["apply"]


@cache
def _differentiable(method, **fixed):
    function = jax.custom_vjp(partial(method, **fixed))
    function.defvjp(
        lambda *args: (method(*args, **fixed), args), lambda args, grad: method.gradients(grad, *args, **fixed)
    )
    return function


def apply(method: Callable[..., jax.Array], *args: ArrayLike, **fixed: Hashable) -> jax.Array:
    """Return ``method(*args, **fixed)``, whose gradients are those of its rule.

    Parameters
    ----------
    method : callable
        A function of `golden.methods` that has ``gradients``.
    args : arrays
        The arguments that gradients are taken with respect to.
    fixed
        The other arguments, by keyword: hashable values.
    """
    return _differentiable(method, **fixed)(*map(jnp.asarray, args))
