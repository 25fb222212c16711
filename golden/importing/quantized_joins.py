"""Joins of integers: sums and products of two tensors of data, and channels side by side."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.joins import Add, Concat, Multiply
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import Format, Ternary
from fewbit.golden.rewrite.pairs import BranchSum

from .functions import evenly_coded, integers
from .import_state import ImportState
from .layout import single
from .tensors import Data

__all__ = ["concatenated", "multiplied", "one_format", "summed"]

_HALF_ULP = 2.0**-25  # of float32, relative
_ULP = 2.0**-24
_MOST_BITS = 30  # of a multiplier
_MOST_FINER = 1 << 12  # by which integers are made finer, so that zero is one of them


# Sums


def summed(importer: ImportState, a: Data, b: Data, combine: np.ufunc) -> Data:
    """Return the sum of two tensors (``combine`` is `numpy.add`), or their difference (`numpy.subtract`).

    They are at the same positions of edges of one size.

    Raises
    ------
    ModelError
        If a tensor is not quantized, or the scales of both are too far apart, or the sum has too many bits.
    """
    (a_edge, a_scale, a_zero), (b_edge, b_scale, b_zero) = integers(importer, a), integers(importer, b)
    if combine is np.subtract:
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
    parts = tuple(_part_of(importer, d, edge) for d, edge in ((a, a_edge), (b, b_edge)))
    importer.sums[name] = BranchSum(node, chains, combine, parts)
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


# Products


def multiplied(importer: ImportState, a: Data, b: Data) -> Data:
    """Return the product of two tensors on edges of one size, at the same positions.

    The integers of both, their zero points taken off, are multiplied exactly. A quantizer behind them gives the codes
    of the model's float32 product of every pair.

    Raises
    ------
    ModelError
        If a tensor is not quantized, or zero is at no simple fraction between two of its integers, or the product has
        too many bits.
    """
    edges, factors, offsets, scale, chains, parts = [], [], [], np.ones(1), [], []
    for data in (a, b):
        edge, own, zero = integers(importer, data)
        factor, offset = _whole(zero)
        scale = scale * (own / factor)
        chains.append(data.chain if edge == data.edge else (ew.Dequantize(own, zero),))
        parts.append(_part_of(importer, data, edge))
        edges.append(evenly_coded(importer, edge))
        factors.append(factor)
        offsets.append(offset)
    name = importer.new("multiply")
    node = Multiply(name, edges[0], name, (edges[1],), np.array(factors), np.array(offsets))
    importer.add(node)
    try:
        importer.edge(name)
    except ValueError:
        raise ModelError("its product has more than 32 bits; put quantizers of fewer bits in front of it") from None
    importer.sums[name] = BranchSum(node, tuple(chains), np.multiply, tuple(parts))
    one = scale[:1] if (scale == scale[0]).all() else scale
    return Data(name, a.index, (ew.Dequantize(one, np.zeros(1)),))


def _part_of(importer: ImportState, data: Data, edge: str) -> BranchSum | None:
    """Return what is known of the join that made the data, if its integers are those of ``edge``."""
    whole = edge == data.edge and data.index.size == importer.length(data)
    return importer.sums.get(edge) if whole else None


def _whole(zero: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whole numbers ``factor`` and ``offset`` by channel: ``factor*x - offset`` is ``factor*(x - zero)``.

    An error below float32's own is let through.
    """
    fractions = [_simple(float(z)) for z in zero]
    return np.array([f.denominator for f in fractions]), np.array([f.numerator for f in fractions])


def _simple(zero: float) -> Fraction:
    exact, most = Fraction(zero), 1
    while most <= _MOST_FINER:
        near = exact.limit_denominator(most)
        if abs(float(near - exact)) <= _ULP * abs(zero):
            return near
        most *= 2
    raise ModelError(
        f"it multiplies data whose float zero is at {zero:.7g}, which is at no simple fraction between two of its "
        "integers; put a quantizer in front of it"
    )


# Channels side by side


def concatenated(importer: ImportState, datas: Sequence[Data], index: np.ndarray) -> Data:
    """Return data of ``index`` on an edge with the channels of all edges side by side.

    Raises
    ------
    ModelError
        If one of them is not quantized.
    """
    parts = [integers(importer, d) for d in datas]
    edges, fmt = one_format(importer, [edge for edge, _, _ in parts])
    scale, zero = (single(np.concatenate([p[k] for p in parts])) for k in (1, 2))
    name = importer.new("concat")
    importer.add(Concat(name, edges[0], name, tuple(edges[1:]), fmt))
    return Data(name, index, (ew.Dequantize(scale, zero),))


def one_format(importer: ImportState, edges: list[str]) -> tuple[list[str], Format]:
    """Return the edges with values that one format holds, and that format: bipolar codes beside others become ternary.

    Float32 stays as it is.
    """
    formats = [importer.edge(e).format for e in edges]
    if len(set(formats)) == 1:
        return edges, formats[0]
    made, edges = [], [evenly_coded(importer, edge) for edge in edges]
    for edge, fmt in zip(edges, formats, strict=True):
        if fmt.is_sign:
            same = np.ones(importer.edge(edge).channels, dtype=np.int64)
            name = importer.new("rescale")
            edge = importer.add(Rescale(name, edge, name, same, 0 * same, 0, Ternary()))
        made.append(edge)
    formats = [importer.edge(e).format for e in made]
    if len(set(formats)) == 1:
        return made, formats[0]
    return made, accumulator_format([f.lo for f in formats], [f.hi for f in formats])
