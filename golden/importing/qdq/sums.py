"""Import of onnxruntime's sums and products of two tensors of integers: ``QLinearAdd`` and ``QLinearMul``."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.ops.branches import joined
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Constant, Data, Tensor
from fewbit.golden.model_file.domains import MICROSOFT
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

from .operands import PLAIN, integer_data, one_scale, one_zero, type_name, whole_numbers
from .quantizers import requantized

F32 = np.float32
_Function = Callable[[ArrayLike, ArrayLike], np.ndarray]  # of integers of both operands


@dataclass(frozen=True)
class _Steps:
    """Scale and zero point of both operands and of the output."""

    scales: tuple[np.float32, np.float32, np.float32]
    zeros: tuple[int, int, int]

    def added(self, a: ArrayLike, b: ArrayLike) -> np.ndarray:
        """Return the float32 that onnxruntime's ``QLinearAdd`` rounds, the zero point in it, for integers.

        Its vector instructions multiply and add with one rounding, of AVX2 and AVX-512 alike.
        """
        p, q = (F32(scale / self.scales[2]) for scale in self.scales[:2])
        az, bz, yz = (F32(zero) for zero in self.zeros)
        return _fused(a, p, _fused(b, q, yz - _fused(p, az, F32(q * bz))))

    def multiplied(self, a: ArrayLike, b: ArrayLike) -> np.ndarray:
        """Return the float32 that onnxruntime's ``QLinearMul`` rounds, the zero point in it, for integers."""
        scale = F32(F32(self.scales[0] * self.scales[1]) / self.scales[2])
        product = _single(a, self.zeros[0]) * _single(b, self.zeros[1])
        return np.asarray(F32(product * scale) + F32(self.zeros[2]))


def _fused(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> np.ndarray:
    """Return float32 ``x*y + z`` with one rounding: the sum in double errs far below it for products of a code."""
    x, y, z = (np.asarray(v, dtype=np.float64) for v in (x, y, z))
    return (x * y + z).astype(F32)


def _single(codes: ArrayLike, zero: int) -> np.ndarray:
    return np.asarray(codes, dtype=F32) - F32(zero)


@handles("QLinearAdd", domains=(MICROSOFT,), role=Role.AFFINE, takes_integers=True, is_quantized=True, sums=True)
@handles("QLinearMul", domains=(MICROSOFT,), role=Role.AFFINE, takes_integers=True, is_quantized=True, sums=True)
def q_linear_join(importer, node, inputs, attributes):
    """Import onnxruntime's ``QLinearAdd`` and ``QLinearMul`` of two tensors, one of which may be a constant."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = [*inputs, None][:8]
    if not isinstance(y_zero, Constant):
        raise ModelError("its output's zero point, which gives the type of its codes, must be a constant")
    named = [(a_scale, a_zero, "an operand's"), (b_scale, b_zero, "an operand's"), (y_scale, y_zero, "its output's")]
    steps = _Steps(tuple(one_scale(s, f"{of} scale") for s, _, of in named),
                   tuple(one_zero(z, f"{of} zero point") for _, z, of in named))  # fmt: skip
    adds = node.op_type == "QLinearAdd"
    function = steps.added if adds else steps.multiplied
    if isinstance(a, Constant) or isinstance(b, Constant):
        data = _with_constant(importer, a, b, function)
    else:
        data = _of_both(importer, (a, b), steps, "Add" if adds else "Mul", function)
    return [requantized(importer, data, F32(1), F32(0), type_name(y_zero.array.dtype))]


def _of_both(
    importer: OnnxImportState,
    operands: tuple[Tensor | None, Tensor | None],
    steps: _Steps,
    kind: str,
    function: _Function,
) -> Data:
    """Return the join of two tensors of integers, whose floats are those of ``function`` for every pair."""
    given = [
        (ew.Dequantize(np.full(1, float(s)), np.full(1, float(z))),)
        for s, z in zip(steps.scales, steps.zeros, strict=True)
    ]
    datas = [replace(integer_data(t), chain=c, dtype=FLOAT32) for t, c in zip(operands, given, strict=False)]
    y = joined(importer, kind, *datas)
    known = importer.sums[y.edge]
    importer.sums[y.edge] = replace(known, chains=(PLAIN, PLAIN), combine=function, parts=(None, None))
    # Where there are too many pairs to visit, the exact join stands for the function.
    first = y.chain[0]
    assert isinstance(first, ew.Dequantize)
    unit = first.scale / float(steps.scales[2])
    return replace(y, chain=(ew.Dequantize(unit, first.zero - steps.zeros[2] / unit),))


def _with_constant(
    importer: OnnxImportState,
    a: Tensor | None,
    b: Tensor | None,
    function: _Function,
) -> Data:
    """Return a function of one tensor of integers; the other operand is a constant, which may differ by place."""
    swapped = isinstance(a, Constant)
    data, values = integer_data(b if swapped else a), whole_numbers(a if swapped else b, "its constant operand")
    data, c = by_channel(importer, data, values)
    call = ew.Call("QLinear", (lambda x, c: function(c, x)) if swapped else function, (c,))
    return replace(data.then(call), dtype=FLOAT32)
