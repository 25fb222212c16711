"""What is behind the array of a layer of integers: the sum of planes, and the activation."""

from typing import Any

import numpy as np

from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.format import Format
from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.activation.planes_plan import CombinePlan
from fewbit.hw.activation.plans import ActivationPlan, SearchPlan, SignPlan, WholePlan

from .accumulators import Accumulators
from .arithmetic import Arithmetic
from .layout import padded, padded_rows
from .shape import LayerShape

__all__ = ["activation_of", "combine_of"]


def combine_of(
    shape: LayerShape, arithmetic: Arithmetic, accumulators: Accumulators, common: dict[str, Any]
) -> CombinePlan | None:
    """Return the plan of what adds up planes, or ``None`` if there are none.

    Parameters
    ----------
    shape : hw.layer.shape.LayerShape
    arithmetic : hw.layer.arithmetic.Arithmetic
    accumulators : hw.layer.accumulators.Accumulators
    common : dict
        ``lanes``, ``beats`` and ``target`` of a `hw.activation.plans.ActivationPlan`.
    """
    if arithmetic.coefficients is None:
        return None
    coefficients = padded_rows(shape, arithmetic.coefficients)
    return CombinePlan(
        width=accumulators.array_shape.width // coefficients.shape[1], coefficients=coefficients.tolist(),
        addends=accumulators.starts, acc_bits=accumulators.acc_shape.width, **common,
    )  # fmt: skip


def activation_of(
    shape: LayerShape,
    act: Threshold | Rescale | Score | None,
    fmt: Format,
    accumulators: Accumulators,
    common: dict[str, Any],
    *,
    sign: bool,
) -> ActivationPlan:
    """Return the plan of a layer's activation, a `hw.activation.plans.ActivationPlan`.

    Parameters
    ----------
    shape, accumulators, common : as of `combine_of`
    act : golden node or None
    fmt : golden format of the codes
    sign : bool
        Whether a code is the sign of an accumulator.
    """
    common = {"acc_shape": accumulators.acc_shape, **common}
    if sign:
        return SignPlan(flips=accumulators.flips, **common)
    common["bits"] = fmt.bits
    scale, base = accumulators.scale, accumulators.base
    if act is None:
        return WholePlan(scale=scale, rests=padded(shape, base % scale), **common)
    if isinstance(act, Rescale | Score):
        factors = scale * act.multiplier
        alike = bool((factors == factors[0]).all())  # then what pads must not make a multiplication of a shift
        multipliers = padded(shape, factors, filler=int(factors[0]) if alike else 1)
        limits: dict[str, Any] = {}
        addend, kinks = act.addend.astype(object), None
        if isinstance(act, Rescale):  # to codes, read as numbers
            addend = addend - (fmt.origin << act.shift)
            lo, hi = act.ends
            limits = dict(shift=act.shift, lo=lo - fmt.origin, hi=hi - fmt.origin, level=act.level - fmt.origin)
            limits["ties"] = None if act.ties is None else (act.ties - fmt.origin) & 1
            kinks = None if act.kink is None else padded(shape, act.kink)
            if act.exceptions is not None:
                limits["exceptions"] = _exceptions(shape, act.exceptions, accumulators)
        addends = padded(shape, addend + act.multiplier.astype(object) * base)
        return AffinePlan(multipliers=multipliers, addends=addends, kinks=kinks, **limits, **common)
    return SearchPlan(**_search(shape, act, fmt, accumulators), **common)


def _exceptions(shape: LayerShape, rows: np.ndarray, accumulators: Accumulators) -> list[tuple[int, int, int]]:
    """Return exceptions as an `AffinePlan` takes them: by place of a neuron, and of hardware accumulators."""
    neurons = padded(shape, np.arange(len(accumulators.base)), filler=-1)
    places = {neuron: place for place, neuron in enumerate(neurons)}
    found = []
    for channel, x, by in rows.tolist():
        acc, rest = divmod(x - int(accumulators.base[channel]), accumulators.scale)
        if not rest:  # else no sum is there
            found.append((places[channel], acc, by))
    return found


def _search(shape, act, fmt, accumulators):
    """Return the arguments of a `SearchPlan`: rows of ``2**n - 1`` rising thresholds, and what an index becomes."""
    count, never = len(accumulators.base), accumulators.most + 1
    thresholds = np.broadcast_to(act.thresholds, (count, act.thresholds.shape[1]))
    thresholds = np.clip(accumulators.thresholds_of(thresholds), 0, never)
    codes, xor, front = None, 0, 0
    if act.codes is None:
        size = 2**fmt.bits
        if fmt.signed:  # index 0 is the most negative code, narrow or not
            xor, front = size // 2, fmt.lo + size // 2
    else:
        size = 2 ** max(1, int(act.codes.shape[1] - 1).bit_length())
        table = np.broadcast_to(fmt.encode(act.codes), (count, act.codes.shape[1]))
        last = np.repeat(table[:, -1:], size - table.shape[1], axis=1)
        codes = padded_rows(shape, np.hstack([table, last])).tolist()
    back = size - 1 - front - thresholds.shape[1]
    rows = padded_rows(shape, thresholds)
    rows = np.hstack([
        np.zeros((len(rows), front), dtype=np.int64), rows, np.full((len(rows), back), never)
    ])  # fmt: skip
    return dict(thresholds=rows.tolist(), xor=xor, codes=codes)
