"""Quantizers that a model writes in plain operators: Div, Round, Clip, Mul; Sign; Where of a comparison.

What they have in common is that float operations lead to few whole numbers, which are the codes; whatever stands
behind these scales and shifts them.
"""

from fewbit.golden.numbers.elementwise import Chain

__all__ = ["whole_part"]


def whole_part(chain: Chain) -> int:
    """Return how many operations of a chain lead to the whole numbers of a quantizer; 0 if it has none."""
    is_whole, rounded, found = False, False, 0
    for at, op in enumerate(chain):
        is_whole, rounded = op.is_whole(is_whole), rounded or op.rounds
        if is_whole and rounded and op.coefficients is None:
            found = at + 1
    return found
