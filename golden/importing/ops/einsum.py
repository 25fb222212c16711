"""Import of ``Einsum`` of data and constant weights: a matrix product of axes laid out anew."""

import math

import numpy as np

from fewbit.golden.importing.operands import all_operands, data_of, shape_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant
from fewbit.golden.model_file.file import ModelError

from .matrix_products import product_of_rows


@handles("Einsum", role=Role.PRODUCT)
def einsum(importer, node, inputs, attributes):
    """Import ONNX ``Einsum`` of data and constant weights that have no other axis in common than those summed over."""
    operands = all_operands(inputs, 2)
    data, weights = operands if isinstance(operands[1], Constant) else operands[::-1]
    if not isinstance(weights, Constant) or isinstance(data, Constant):
        raise ModelError("one operand must be data, the other constant weights; products of two tensors of data are "
                         "the host's")  # fmt: skip
    left, right, out = _axes(attributes["equation"], swapped=data is not operands[0])
    summed = [a for a in left if a in right and a not in out]
    kept, free = [a for a in left if a in out], [a for a in right if a in out]
    ranks = len(left) == len(shape_of(data)) and len(right) == weights.array.ndim
    if not ranks or set(kept) & set(free) or set(left + right) - set(summed + kept + free) or not summed:
        raise ModelError(f"its equation {attributes['equation']!r} is no product of data and one matrix of weights")
    sizes = dict(zip(right, weights.array.shape, strict=True)) | dict(zip(left, shape_of(data), strict=True))
    count = math.prod(sizes[a] for a in summed)
    order = [left.index(a) for a in kept + summed]
    rows = data_of(data).reshaped(lambda i: i.transpose(order).reshape(*(sizes[a] for a in kept), count))
    turned = [right.index(a) for a in summed + free]
    matrix = weights.reshaped(lambda w: w.transpose(turned).reshape(count, -1))
    y = product_of_rows(importer, rows, matrix)
    made = kept + free
    y = y.reshaped(lambda i: i.reshape([sizes[a] for a in made]))
    return [y.reshaped(lambda i: np.transpose(i, [made.index(a) for a in out]))]


def _axes(equation: str | bytes, *, swapped: bool) -> tuple[list[str], list[str], list[str]]:
    """Return the letters of the axes of the data, of the weights and of the result.

    Raises
    ------
    ModelError
        If the equation has an ellipsis or no result, or a letter stands twice in a term.
    """
    text = (equation.decode() if isinstance(equation, bytes) else equation).replace(" ", "")
    terms, _, out = text.partition("->")
    left, comma, right = terms.partition(",")
    found = [list(term) for term in (left, right, out)]
    if not (comma and out) or "." in text or any(len(set(term)) < len(term) for term in found):
        raise ModelError(f"its equation {text!r} must name every axis of two operands and of the result once")
    return (found[1], found[0], found[2]) if swapped else (found[0], found[1], found[2])
