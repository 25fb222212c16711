"""The largest values of a row in the middle of a model, in order, by layers, thresholds and products that are there.

Of values ``x[j]`` the rank is how many come before it: those that are larger, and those as large in front of it. A
layer of weights 1 and -1 gives the differences of all pairs, a threshold says which of the two comes first, and
another layer counts. The sum of ``x[j]`` times whether the rank of ``x[j]`` is at most r is then that of the first
``r + 1`` values, and ``y[r]`` is the difference of two such sums.
"""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.functions import add_function
from fewbit.golden.importing.layout import placed, single
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.registry import Role
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import Unsigned

from .branches import joined
from .matrix_products import product_of_rows

__all__ = ["in_order", "reaches_a_layer"]

_WHOLE = (ew.Dequantize(np.ones(1), np.zeros(1)),)  # the chain of data that is the edge's integers
_MOST_PAIRS = 1 << 12


def reaches_a_layer(importer: OnnxImportState, name: str) -> bool:
    """Say whether a layer, an average or a join of the model reads a tensor of that name, or what is made of it."""
    from fewbit.golden.importing.operators import operator_of  # which imports all dialects, this file among them

    made = {name}
    for node in importer.file.nodes:
        operator = operator_of(node)
        if operator is None or made.isdisjoint(node.input):
            continue
        if operator.role in (Role.PRODUCT, Role.AVERAGE):
            return True
        if operator.sums and importer.file.constants.keys().isdisjoint(node.input):
            return True
        made.update(node.output)
    return False


def in_order(importer: OnnxImportState, data: Data, count: int, *, falling: bool) -> Data:
    """Return the ``count`` first of the values of each row, the last axis, in falling or in rising order.

    Parameters
    ----------
    importer : OnnxImportState
    data : Data
    count : int
        At most as many as a row has.
    falling : bool
        Whether the largest value comes first.

    Raises
    ------
    ModelError
        If the integers are not in the order of the floats, as where channels have their own scales, or are too many.
    """
    data = replace(data, chain=ew.mapped(data.chain, single))
    order, values = importer.builder.order(data), data.shape[-1]
    if order is None:
        raise ModelError(
            "in the middle of a model it is built for values of one scale, whose integers are in the order of the "
            "floats; put a quantizer in front of it, or let the model end here"
        )
    if values * max(values - 1, 2 * count) > 2 * _MOST_PAIRS:
        raise ModelError(f"in the middle of a model it is built for up to {_MOST_PAIRS} pairs of values, which "
                         f"{count} of {values} are beyond; let the model end here")  # fmt: skip
    whole = replace(data, chain=_WHOLE)
    firsts = _firsts(importer, whole, count, order * (1 if falling else -1))
    repeated = whole.reshaped(lambda i: np.tile(i, (1,) * (i.ndim - 1) + (count,)))
    chosen = joined(importer, "Mul", firsts, placed(importer, repeated, importer.size(firsts)))
    adds = np.eye(count, dtype=np.float32) - np.eye(count, k=1, dtype=np.float32)
    y = product_of_rows(importer, chosen, Constant(np.repeat(adds, values, axis=0)))
    scale, offset = ew.affine(y.chain) or (np.zeros(1), np.zeros(1))
    assert (scale == 1).all() and (offset == 0).all()
    return replace(y, chain=data.chain)


def _firsts(importer: OnnxImportState, whole: Data, count: int, sign: int) -> Data:
    """Return 1 where value j of a row is among the first ``r + 1``, else 0: ``(..., count * values)`` in r and j."""
    values = whole.shape[-1]
    first, second = np.triu_indices(values, 1)
    pairs = np.arange(len(first))
    differences = np.zeros((values, len(pairs)), dtype=np.float32)
    differences[first, pairs], differences[second, pairs] = sign, -sign
    ranks = np.zeros((len(pairs), values), dtype=np.float32)
    ranks[pairs, second], ranks[pairs, first] = 1, -1
    others = np.arange(values)[::-1]  # behind each value: as many pairs as it is the first of
    if values == 1:
        raise ModelError("a row of one value has nothing to put in order")
    d = product_of_rows(importer, whole, Constant(differences))
    before = add_function(importer, d, lambda v: (v >= 0).astype(np.int64), Unsigned(1))
    tiled = Constant(np.tile(ranks, (1, count)))
    rank = product_of_rows(importer, Data(before, d.index, _WHOLE), tiled)
    offset = (np.tile(others, count) - np.repeat(np.arange(count), values)).astype(np.float32)
    rank = rank.then(ew.WithConstant("add", offset))
    return Data(add_function(importer, rank, lambda v: (v <= 0).astype(np.int64), Unsigned(1)), rank.index, _WHOLE)
