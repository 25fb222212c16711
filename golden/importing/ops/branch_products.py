"""Import of products of two tensors that depend on the input: gates, attention masks, squeeze and excitation."""

from fractions import Fraction

import numpy as np

from fewbit.golden.importing.float_layers import float_finished
from fewbit.golden.importing.functions import evenly_coded, integers
from fewbit.golden.importing.growing import GrowingNetwork
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.joins import FloatMultiply, Multiply
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.rewrite.pairs import BranchSum

__all__ = ["part_of", "product"]

_ULP = 2.0**-24  # of float32, relative
_MOST_FACTOR = 1 << 12  # of integers that are made finer, so that zero is one of them


def product(importer: GrowingNetwork, a: Data, b: Data) -> Data:
    """Return the product of two tensors on edges of one size, at the same positions.

    The integers of both, their zero points taken off, are multiplied exactly. A quantizer behind them gives the codes
    of the model's float32 product of every pair.

    Raises
    ------
    ModelError
        If a tensor is not quantized, or zero is at no simple fraction between two of its integers, or the product has
        too many bits.
    """
    if importer.is_float:
        edges = [float_finished(importer, data) for data in (a, b)]
        name = importer.new("multiply")
        importer.add(FloatMultiply(name, edges[0], name, (edges[1],)))
        return Data(name, a.index)
    edges, factors, offsets, scale, chains, parts = [], [], [], np.ones(1), [], []
    for data in (a, b):
        edge, own, zero = integers(importer, data)
        factor, offset = _whole(zero)
        scale = scale * (own / factor)
        chains.append(data.chain if edge == data.edge else (ew.Dequantize(own, zero),))
        parts.append(part_of(importer, data, edge))
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


def part_of(importer: GrowingNetwork, data: Data, edge: str) -> BranchSum | None:
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
    while most <= _MOST_FACTOR:
        near = exact.limit_denominator(most)
        if abs(float(near - exact)) <= _ULP * abs(zero):
            return near
        most *= 2
    raise ModelError(
        f"it multiplies data whose float zero is at {zero:.7g}, which is at no simple fraction between two of its "
        "integers; put a quantizer in front of it"
    )
