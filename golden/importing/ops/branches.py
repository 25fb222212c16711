"""Import of sums of two tensors of data."""

from fractions import Fraction

import numpy as np

from fewbit.golden.importing.broadcasting import alike
from fewbit.golden.importing.float_layers import float_finished
from fewbit.golden.importing.functions import evenly_coded, integers, plainly_quantized
from fewbit.golden.importing.growing import GrowingNetwork
from fewbit.golden.importing.layout import single
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.tensors import Data, Tensor
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add, FloatAdd
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.rewrite.pairs import BranchSum

from .branch_products import part_of, product

__all__ = ["joined"]

_HALF_ULP = 2.0**-25  # of float32, relative
_MOST_BITS = 30  # of a multiplier


_PAST = {"Add": "added", "Sub": "subtracted", "Mul": "multiplied"}  # operators of two tensors of data, for messages


# Sums


def joined(importer: GrowingNetwork, kind: str, first: Tensor, second: Tensor) -> Data:
    """Return the sum, difference or product of two tensors that depend on the input; ``kind`` is the operator's name.

    They broadcast.

    Raises
    ------
    ModelError
        If their shapes do not broadcast, or their scales are too far apart, or the result has too many bits.
    """
    a, b = data_of(first), data_of(second)
    if kind not in _PAST:
        raise ModelError("both operands depend on the input; only Add, Sub and Mul take two tensors of data")
    if not importer.is_float:
        a, b = (plainly_quantized(importer, d) for d in (a, b))
        importer.known(a)
        importer.known(b)
    a, b = alike(importer, a, b, _PAST[kind], one_sample=importer.file.batch == 1)
    if kind == "Mul":
        return product(importer, a, b)
    if importer.is_float:
        return _float_sum(importer, kind, a, b)
    (a_edge, a_scale, a_zero), (b_edge, b_scale, b_zero) = integers(importer, a), integers(importer, b)
    if kind == "Sub":
        b_scale = -b_scale
    ends = [_reach(importer.edge(e), s, z) for e, s, z in ((a_edge, a_scale, a_zero), (b_edge, b_scale, b_zero))]
    if all((scale == scale[0]).all() for scale in (a_scale, b_scale)):  # then one pair of multipliers serves all
        ends = [np.full_like(end, end.max()) for end in ends]
    kinds, of_kind = np.unique(np.stack([a_scale, b_scale, *ends], axis=1), axis=0, return_inverse=True)
    ratios = np.array([_multipliers(*kind) for kind in kinds.tolist()], dtype=np.int64)
    multipliers = ratios[of_kind.reshape(-1)].T
    chains = tuple(
        d.chain if edge == d.edge else (ew.Dequantize(single(abs(scale)), single(zero)),)
        for d, edge, scale, zero in ((a, a_edge, a_scale, a_zero), (b, b_edge, b_scale, b_zero))
    )
    a_edge, b_edge = (evenly_coded(importer, edge) for edge in (a_edge, b_edge))
    name = importer.new("add")
    node = Add(name, a_edge, name, (b_edge,), multipliers)
    importer.add(node)
    parts = tuple(part_of(importer, d, edge) for d, edge in ((a, a_edge), (b, b_edge)))
    importer.sums[name] = BranchSum(node, chains, np.add if kind == "Add" else np.subtract, parts)
    try:
        importer.edge(name)
    except ValueError:
        raise ModelError("its sum has more than 32 bits; put quantizers of fewer bits in front of it") from None
    unit = b_scale / multipliers[1]
    zero = multipliers[0] * a_zero + multipliers[1] * b_zero
    return Data(name, a.index, (ew.Dequantize(single(unit), single(zero)),))


def _reach(edge: Edge, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Return the largest magnitude of each channel's float."""
    return np.maximum(np.abs(scale * (edge.lo - zero)), np.abs(scale * (edge.hi - zero)))


def _multipliers(a: float, b: float, a_reach: float, b_reach: float) -> tuple[int, int]:
    """Return whole (p, q) so that ``(b/q)*(p*x + q*y)`` is ``a*x + b*y`` for all that x and y reach.

    An error below float32's own is let through: half a unit in the last place of the largest sum.
    """
    ratio = Fraction(a) / Fraction(b)
    allowed = _HALF_ULP * (a_reach + b_reach)
    for bits in range(_MOST_BITS):
        near = ratio.limit_denominator(1 << bits)
        if near and float(abs(near / ratio - 1)) * a_reach <= allowed and abs(near.numerator) < 1 << _MOST_BITS:
            return near.numerator, near.denominator
    raise ModelError(f"the scales of its operands, {a} and {b}, are too far apart")


def _float_sum(importer: GrowingNetwork, kind: str, a: Data, b: Data) -> Data:
    if kind == "Sub":
        raise ModelError("in a float model only Add of two tensors of data is supported")
    ends = [float_finished(importer, data) for data in (a, b)]
    name = importer.new("add")
    importer.add(FloatAdd(name, ends[0], name, (ends[1],)))
    return Data(name, a.index)
