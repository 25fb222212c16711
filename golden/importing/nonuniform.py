"""Non-uniform quantizers of the exchange domain: what they make of constants, and of data.

Integers are found, not rounded, wherever the levels are one scale times whole numbers (as floats that were rounded
to a fixed-point grid are). Elsewhere the levels are rounded to so many bits as `golden.importing.precision` chooses,
and the network says so (`Network.notes`).
"""

from dataclasses import dataclass

import numpy as np

from fewbit.golden import methods
from fewbit.golden.model_file import domain as exchange
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.formats import Format, levels_format

from .tensors import Constant, Digits, Integers

__all__ = ["FIXED_POINT_BITS", "LevelQuantizer", "quantized_levels", "whole_multiples"]

FIXED_POINT_BITS = 10  # of the largest level's magnitude, where levels are in no whole ratios and nobody says how many
_MOST_MULTIPLE = 1023  # of the scale that is looked for
_TOLERANCE = 2.0**-22  # of the largest level: float32 rounds it, and sums of a few basis values, at half of that


def whole_multiples(levels, bits=FIXED_POINT_BITS):
    """``(integers, scale, exact)``: ``levels == scale * integers`` but for float32 rounding, the smallest integers.

    Where there are none, the nearest of ``bits`` bits; ``exact`` is then False.
    """
    levels = np.asarray(levels, dtype=np.float64)
    largest = np.abs(levels).max(initial=0)
    if largest == 0:
        return np.zeros(levels.shape, dtype=np.int64), 1.0, True
    top = np.arange(1, _MOST_MULTIPLE + 1)  # what the largest level may be a multiple of
    wanted = levels[levels != 0]
    multiples = wanted[None, :] * (top[:, None] / largest)
    fits = (np.abs(multiples - np.rint(multiples)) <= _TOLERANCE * top[:, None]).all(axis=1)
    fits &= (np.rint(multiples) != 0).all(axis=1)
    exact = bool(fits.any())
    most = int(top[fits.argmax()]) if exact else (1 << bits) - 1
    whole = np.rint(levels * (most / largest)).astype(np.int64)
    return whole, _fitted(levels, whole), exact


def _fitted(levels, whole):
    """The scale of least squares, which for levels on a grid is the grid's step but for their rounding."""
    scale = float((levels * whole).sum() / (whole * whole).sum())
    power = 2.0 ** np.rint(np.log2(scale))
    return power if abs(power - scale) <= _TOLERANCE * scale else scale


@dataclass(frozen=True, eq=False)
class LevelQuantizer:
    """A quantizer of data to a table of integers: ``scale * integer`` is the level (but for rounding, if not exact).

    ``index`` gives the number of the level of float32 data, and ``table`` the integer of each.
    """

    index: object
    table: np.ndarray
    scale: np.ndarray
    format: Format
    exact: bool
    zero = np.zeros(1, dtype=np.float32)

    def codes(self, x, scale=None, zero=None):
        """Integers (int64) of float32 ``x``."""
        return self.table[self.index(x)]

    @classmethod
    def of(cls, kind, operands, bits=FIXED_POINT_BITS, *, digits="bipolar"):
        """From the operands of a node; ``bits`` as of `whole_multiples`, ``digits`` those of a basis."""
        if kind == "TernaryQuant":
            delta, positive, negative = (_one(v, name) for v, name in
                                         zip(operands, ("delta", "positive", "negative"), strict=True))  # fmt: skip
            levels, basis = np.array([-negative, 0, positive]), ()

            def index(x):
                return 1 + _signs(x, delta)
        else:
            given = np.asarray(operands[0], dtype=np.float32)
            if given.size != given.shape[-1]:
                raise ModelError("on data it must have one row of levels for the whole tensor")
            given = given.reshape(-1)
            levels = _checked(exchange.basis_levels(given, digits) if kind == "BasisQuant" else given)
            basis = given if kind == "BasisQuant" else ()
            middles = exchange.midpoints(levels)

            def index(x):
                return exchange.level_index(x, middles)

        whole, scale, exact = whole_multiples(np.concatenate([levels, basis]), bits)
        table, whole_basis = whole[: len(levels)], whole[len(levels) :]
        if len(basis) and not exact:
            table = exchange.basis_levels(whole_basis, digits).astype(np.int64)
        fmt = levels_format(table, np.abs(whole_basis))
        return cls(index, table, np.full(1, scale), fmt, exact)


def _one(value, name):
    value = np.asarray(value, dtype=np.float32)
    if value.size != 1 or not np.isfinite(value).all():
        raise ModelError(f"on data its {name} must be one finite number, not of shape {value.shape}")
    return value.reshape(())


def _checked(levels):
    try:
        exchange.midpoints(levels)
    except ValueError as error:
        raise ModelError(f"{error}") from None
    return levels


def quantized_levels(kind, array, operands, bits=FIXED_POINT_BITS, **attributes):
    """The `Constant` that a node makes of a constant, and whether its integers are exact."""
    array = np.asarray(array, dtype=np.float32)
    find = {"TernaryQuant": _ternary, "BasisQuant": _basis, "LevelQuant": _levels}[kind]
    rows, values, codes, digits = find(array, [np.asarray(v, dtype=np.float32) for v in operands], **attributes)
    # Parameters by row, of which every element of the array has one.
    distinct, which = np.unique(rows.reshape(-1, rows.shape[-1]), axis=0, return_inverse=True)
    found = [whole_multiples(row, bits) for row in distinct]
    which = which.reshape(rows.shape[:-1])
    scale = np.broadcast_to(np.array([f[1] for f in found])[which], array.shape)
    whole = np.broadcast_to(np.array([f[0] for f in found])[which], (*array.shape, rows.shape[-1]))
    integers = np.einsum("...p,p...->...", whole, digits[:, codes])
    coefficients = tuple(np.moveaxis(whole, -1, 0))
    known = Integers(integers, scale, np.zeros(array.shape), Digits(codes, digits, coefficients))
    return Constant(values, known), all(f[2] for f in found)


def _spread(array, *values):
    """Parameters side by side on a last axis, by what they broadcast to."""
    shape = np.broadcast_shapes(*(v.shape for v in values))
    if np.broadcast_shapes(shape, array.shape) != array.shape:
        raise ModelError(f"its parameters of shape {shape} do not fit a tensor of shape {array.shape}")
    return np.stack([np.broadcast_to(v, shape) for v in values], axis=-1)


def _ternary(array, operands):
    delta, positive, negative = operands
    values = exchange.ternary_quant(array, delta, positive, negative)
    rows = _spread(array, positive, -negative)
    return rows, values, _signs(array, delta) % 3, np.array([[0, 1, 0], [0, 0, 1]])


def _signs(x, delta):
    """-1, 0 and +1 as int64."""
    return exchange.ternary_quant(x, delta, 1, 1).astype(np.int64)


def _fits(array, parameters):
    lead = parameters.shape[:-1]
    if parameters.ndim < 1 or np.broadcast_shapes(lead, array.shape) != array.shape:
        raise ModelError(f"its parameters of shape {parameters.shape} do not fit a tensor of shape {array.shape}")


def _basis(array, operands, *, digits="bipolar"):
    (basis,) = operands
    _fits(array, basis)
    count = basis.shape[-1]
    if not 1 <= count <= 8:
        raise ModelError(f"it must have 1 to 8 basis values, not {count}")
    levels = _checked(exchange.basis_levels(basis, digits))
    table = np.array(methods.code_table(count, digits), dtype=np.int64).T
    order = np.argsort(exchange.digit_sums(basis, digits), axis=-1, kind="stable")
    index = exchange.level_index(array, exchange.midpoints(levels))
    order = np.broadcast_to(order, (*array.shape, 1 << count))
    codes = np.take_along_axis(order, index[..., None], axis=-1)[..., 0]
    return basis, exchange.level_quant(array, levels), codes, table


def _levels(array, operands):
    (levels,) = operands
    _fits(array, levels)
    if levels.shape[-1] > 256:
        raise ModelError(f"it must have at most 256 levels, not {levels.shape[-1]}")
    codes = exchange.level_index(array, exchange.midpoints(_checked(levels)))
    return levels, exchange.level_quant(array, levels), codes, np.eye(levels.shape[-1], dtype=np.int64)
