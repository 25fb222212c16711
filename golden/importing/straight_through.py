"""Quantizers of training code that was exported as it stands: ``x + (q(x) - x)``, whose value is ``q(x)``.

Training lets gradients pass a quantizer by ``x + (q(x) - x).detach()``, and exporters leave out the ``detach`` alone.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fewbit.golden.numbers.branching import Together
from fewbit.golden.numbers.elementwise import Chain

from .plain_quantizers import whole_part
from .tensors import Data

__all__ = ["straight_through"]


def straight_through(kind: str, a: Data, b: Data) -> Data | None:
    """Return ``q(x)`` where the operation is ``x + (q(x) - x)``, ``(q(x) - x) + x`` or ``x - (x - q(x))``.

    Where ``q(x)`` is x rounded to an integer, float32 gives it exactly; where it is scaled, within a rounding of the
    larger of x and ``q(x)``, as float32's own sums of it are.

    Parameters
    ----------
    kind : str
        ``add`` or ``sub``.
    a, b : Data
        The operands.

    Returns
    -------
    Data or None
        None where it is another sum, or ``q`` does not round.
    """
    orders = [(a, b), (b, a)] if kind == "add" else [(a, b)]
    for x, difference in orders if kind in ("add", "sub") else []:
        if x.edge != difference.edge or not np.array_equal(x.index, difference.index):
            continue
        for minuend, subtrahend in _differences(difference.chain):
            quantized, own = (minuend, subtrahend) if kind == "add" else (subtrahend, minuend)
            if own == x.chain and whole_part(quantized):
                return replace(x, chain=quantized)
    return None


def _differences(chain: Chain) -> Iterator[tuple[Chain, Chain]]:
    """Yield the chains whose difference a chain ends with, if it does."""
    last = chain[-1] if chain else None
    if isinstance(last, Together) and last.name == "Sub":
        first, second = last.chains
        yield (*chain[:-1], *first), (*chain[:-1], *second)
