"""Import of non-uniform quantizers: what they make of constants, and of data.

Integers are exact wherever the levels are one scale times whole numbers, as floats that were rounded to a fixed-point
grid are. Elsewhere the levels are rounded to so many bits as `golden.importing.precision` chooses, and the network says
so (`Network.notes`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden import methods
from fewbit.golden.importing.operands import all_operands, constant, data_of
from fewbit.golden.importing.quantizers import quantized_data
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Digits, Integers
from fewbit.golden.importing.whole_multiples import FIXED_POINT_BITS, whole_multiples
from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.domains import EXCHANGE, ONNX
from fewbit.golden.model_file.file import ModelError, describe
from fewbit.golden.numbers.formats import Format, levels_format

__all__ = ["DOMAINS", "LevelQuantizer", "quantized_levels"]

DOMAINS = (EXCHANGE, ONNX)  # a file may leave the domain out
OPERANDS = {  # what an error calls the operands behind x
    "LevelQuant": ("levels",),
    "BasisQuant": ("basis",),
    "TernaryQuant": ("delta", "positive", "negative"),
}


# What a node makes of an array: its parameters (..., P), whose axes but the last broadcast with the array, the floats
# and the codes in the array's shape, and the digits (P, L) of every code.
_Coded = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class LevelQuantizer:
    """A quantizer of data to a table of integers: ``scale * integer`` is the level (but for rounding, if not exact).

    Attributes
    ----------
    index : callable
        Function from float32 data to the number of its level, the lowest being 0.
    table : int64 array (levels,)
        The integer of each level.
    scale : float64 array of one number
    format : Format
        The format of the integers.
    exact : bool
        Whether levels are in whole ratios, so that no integer is rounded.
    """

    index: Callable[[np.ndarray], np.ndarray]
    table: np.ndarray
    scale: np.ndarray
    format: Format
    exact: bool
    zero = np.zeros(1, dtype=np.float32)

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``."""
        return self.table[self.index(x)]

    @classmethod
    def of(
        cls, kind: str, operands: Sequence[np.ndarray], bits: int = FIXED_POINT_BITS, *, digits: str = "bipolar"
    ) -> "LevelQuantizer":
        """Return the quantizer of a node on data.

        Parameters
        ----------
        kind : str
            The operator's name.
        operands : list of arrays
            The operands behind x, as `OPERANDS` names them.
        bits : int
            Bits of levels, as of `whole_multiples`.
        digits : str
            Which digits a basis has (`golden.methods.DIGITS`).

        Raises
        ------
        ModelError
            If there is more than one row of levels, or they fall.
        """
        if kind == "TernaryQuant":
            delta, positive, negative = (_one(v, name) for v, name in
                                         zip(operands, ("delta", "positive", "negative"), strict=True))  # fmt: skip
            levels, basis = np.array([-negative, 0, positive]), np.zeros(0, dtype=np.float32)

            def index(x: np.ndarray) -> np.ndarray:
                return 1 + _signs(x, delta)
        else:
            given = np.asarray(operands[0], dtype=np.float32)
            if given.size != given.shape[-1]:
                raise ModelError("on data it must have one row of levels for the whole tensor")
            given = given.reshape(-1)
            levels = _checked(exchange.basis_levels(given, digits) if kind == "BasisQuant" else given)
            basis = given if kind == "BasisQuant" else given[:0]
            middles = exchange.midpoints(levels)

            def index(x: np.ndarray) -> np.ndarray:
                return exchange.level_index(x, middles)

        whole, scale, exact = whole_multiples(np.concatenate([levels, basis]), bits)
        table, whole_basis = whole[: len(levels)], whole[len(levels) :]
        if len(basis) and not exact:
            table = exchange.basis_levels(whole_basis, digits).astype(np.int64)
        fmt = levels_format(table, np.abs(whole_basis))
        return cls(index, table, np.full(1, scale), fmt, exact)


def _one(value: ArrayLike, name: str) -> np.ndarray:
    """Return an operand that must be one finite number, as a float32 array of no axes."""
    value = np.asarray(value, dtype=np.float32)
    if value.size != 1 or not np.isfinite(value).all():
        raise ModelError(f"on data its {name} must be one finite number, not of shape {value.shape}")
    return value.reshape(())


def _checked(levels: np.ndarray) -> np.ndarray:
    """Return levels, which must be finite and ascending."""
    try:
        exchange.midpoints(levels)
    except ValueError as error:
        raise ModelError(f"{error}") from None
    return levels


def quantized_levels(
    kind: str,
    array: np.ndarray,
    operands: Sequence[np.ndarray],
    bits: int = FIXED_POINT_BITS,
    **attributes: str,
) -> tuple[Constant, bool]:
    """Return the `Constant` that a node makes of a constant ``array``, and whether its integers are exact.

    The arguments are those of `LevelQuantizer.of`, with ``digits`` among the attributes of a ``BasisQuant``.

    Raises
    ------
    ModelError
        If operands do not fit the array, or levels are too many, not finite, or fall.
    """
    array = np.asarray(array, dtype=np.float32)
    find = _CODINGS[kind]
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


def _spread(array: np.ndarray, *values: np.ndarray) -> np.ndarray:
    """Return parameters side by side on a last axis, in the shape that they broadcast to."""
    shape = np.broadcast_shapes(*(v.shape for v in values))
    if np.broadcast_shapes(shape, array.shape) != array.shape:
        raise ModelError(f"its parameters of shape {shape} do not fit a tensor of shape {array.shape}")
    return np.stack([np.broadcast_to(v, shape) for v in values], axis=-1)


def _ternary(array: np.ndarray, operands: list[np.ndarray]) -> _Coded:
    delta, positive, negative = operands
    values = exchange.ternary_quant(array, delta, positive, negative)
    rows = _spread(array, positive, -negative)
    return rows, values, _signs(array, delta) % 3, np.array([[0, 1, 0], [0, 0, 1]])


def _signs(x: ArrayLike, delta: ArrayLike) -> np.ndarray:
    """Return -1, 0 or +1 (int64) for every float of ``x``."""
    return exchange.ternary_quant(x, delta, 1, 1).astype(np.int64)


def _fits(array: np.ndarray, parameters: np.ndarray) -> None:
    """Check that parameters, but for their last axis, broadcast to the array's shape."""
    lead = parameters.shape[:-1]
    if parameters.ndim < 1 or np.broadcast_shapes(lead, array.shape) != array.shape:
        raise ModelError(f"its parameters of shape {parameters.shape} do not fit a tensor of shape {array.shape}")


def _basis(array: np.ndarray, operands: list[np.ndarray], *, digits: str = "bipolar") -> _Coded:
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


def _levels(array: np.ndarray, operands: list[np.ndarray]) -> _Coded:
    (levels,) = operands
    _fits(array, levels)
    if levels.shape[-1] > 256:
        raise ModelError(f"it must have at most 256 levels, not {levels.shape[-1]}")
    codes = exchange.level_index(array, exchange.midpoints(_checked(levels)))
    return levels, exchange.level_quant(array, levels), codes, np.eye(levels.shape[-1], dtype=np.int64)


_CODINGS: dict[str, Callable[..., _Coded]] = {"TernaryQuant": _ternary, "BasisQuant": _basis, "LevelQuant": _levels}


@handles(*OPERANDS, domains=DOMAINS, role=Role.QUANTIZER, keeps_integers=True)
def quantize_to_levels(importer, node, inputs, attributes):
    """Import exchange ``LevelQuant``, ``BasisQuant`` and ``TernaryQuant``."""
    names = OPERANDS[node.op_type]
    x, *operands = all_operands(inputs, 1 + len(names))
    operands = [constant(t, name) for t, name in zip(operands, names, strict=True)]
    digits = attributes.get("digits", "bipolar")
    if digits not in methods.DIGITS:
        raise ModelError(f"its digits must be {' or '.join(methods.DIGITS)}, not {digits!r}")
    given = {"digits": digits} if node.op_type == "BasisQuant" else {}
    if isinstance(x, Constant):
        array = constant(x, "the tensor that it quantizes")
        result, exact = quantized_levels(node.op_type, array, operands, importer.precision, **given)
    else:
        quantizer = LevelQuantizer.of(node.op_type, operands, importer.precision, **given)
        result, exact = quantized_data(importer, data_of(x), quantizer), quantizer.exact
    if not exact:
        importer.result.rounds_levels = True
        importer.note(
            f"{describe(node)}: its levels are in no whole ratios; they are {importer.precision}-bit fixed point here, "
            "so that codes and labels may differ from the model's (fewbit run counts those of its samples)"
        )
    return [result]
