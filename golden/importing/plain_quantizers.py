"""Quantizers that a model writes in plain operators: Div, Round, Clip, Mul; Sign; Where of a comparison.

What they have in common is that float operations lead to few whole numbers, which are the codes; whatever stands
behind these scales and shifts them.
"""

import numpy as np

from fewbit.golden.numbers.branching import TRUTHS, Fixed, Lookup, Together
from fewbit.golden.numbers.elementwise import Call, Chain, Dequantize, Op, WithConstant

__all__ = ["whole_part"]

_ROUNDED = {"Round", "Floor", "Ceil", "Sign"}
_WHOLE_OF_WHOLE = {"Add", "Sub", "Mul", "Min", "Max"}
_BOUNDING = {"Relu", "Clip", "Min", "Max"}


def whole_part(chain: Chain) -> int:
    """Return how many operations of a chain lead to the whole numbers of a quantizer; 0 if it has none."""
    is_whole, stepped, found = False, False, 0
    for at, op in enumerate(chain):
        is_whole, stepped = _whole(op, is_whole), stepped or _steps(op)
        if is_whole and stepped and op.coefficients is None:
            found = at + 1
    return found


def _steps(op: Op) -> bool:
    """Say whether an operation makes whole numbers of any."""
    if isinstance(op, Together):
        return op.name in TRUTHS or any(_steps(inner) for chain in op.chains for inner in chain)
    return isinstance(op, Lookup) or (isinstance(op, Call) and op.name in _ROUNDED)


def _whole(op: Op, is_whole: bool) -> bool:
    """Say whether an operation gives whole numbers of any x, or of whole x if that ``is_whole``."""
    if isinstance(op, Together):
        branches = [_all_whole(chain, is_whole) for chain in op.chains]
        if op.name == "Where":
            return all(branches[1:])
        return op.name in TRUTHS or (op.name in _WHOLE_OF_WHOLE and all(branches))
    if isinstance(op, Lookup):
        return True
    if isinstance(op, Fixed):
        return _is_whole(op.c)
    if isinstance(op, Dequantize):  # of an edge's integers
        return _is_whole(op.scale) and _is_whole(op.zero)
    if isinstance(op, WithConstant):
        return is_whole and op.kind != "div" and _is_whole(op.c)
    if isinstance(op, Call) and op.name in _BOUNDING:
        ends = np.array([op(np.full(1, end, dtype=np.float32)) for end in (-np.inf, np.inf)])
        return is_whole and _is_whole(ends[np.isfinite(ends)])
    return isinstance(op, Call) and (op.name in _ROUNDED or (op.name == "Abs" and is_whole))


def _all_whole(chain: Chain, is_whole: bool) -> bool:
    for op in chain:
        is_whole = _whole(op, is_whole)
    return is_whole


def _is_whole(values: np.ndarray) -> bool:
    return bool((values == np.rint(values)).all())
