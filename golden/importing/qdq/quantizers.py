"""Import of ``QuantizeLinear`` and ``DequantizeLinear``: floats to a tensor of integers, and back.

A tensor of integers is `Data` of an integer type whose chain gives the integers themselves. ``QuantizeLinear`` ends a
chain of floats in one, ``DequantizeLinear`` begins a chain of floats behind one; what stands between them (Clip,
MaxPool, Reshape, Concat) works on the integers as on floats. A pair of the two is exactly one quantizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike

from fewbit.golden.importing.layout import by_channels
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of, shape_of
from fewbit.golden.importing.quantizers import quantized_data
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Closed, Constant, Data, Integers, Tensor
from fewbit.golden.model_file.domains import MICROSOFT, ONNX
from fewbit.golden.model_file.file import ModelError, evaluate
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import Format, format_for

from .operands import PLAIN, along_axis, format_of_type, integer_data, scales, type_name, whole_numbers

__all__ = ["LinearQuantizer", "dequantized_constant", "requantized"]

DOMAINS = (ONNX, MICROSOFT)  # onnxruntime had its own for types that ONNX took later
_TYPES = {  # of the attribute output_dtype; ONNX's default is uint8
    onnx.TensorProto.UNDEFINED: "uint8", onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.UINT16: "uint16", onnx.TensorProto.INT16: "int16", onnx.TensorProto.UINT4: "uint4",
    onnx.TensorProto.INT4: "int4",
}  # fmt: skip
_MOST_TRIED = 1 << 16  # integers of a tensor
_EXACT = 1 << 24  # integers up to it are float32 numbers


@dataclass(frozen=True, eq=False)
class LinearQuantizer:
    """ONNX's ``QuantizeLinear``: ``code = clip(round(x / scale) + zero)`` in float32.

    Halves are rounded to even in front of the zero point, which is why it is not QONNX's ``Quant``.

    Attributes
    ----------
    scale, zero : float32 arrays
    format : Format
        A format that holds the integers ``lo`` to ``hi``.
    lo, hi : int
        The smallest and the largest code.
    """

    scale: np.ndarray
    zero: np.ndarray
    format: Format
    lo: int
    hi: int

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``; the arguments replace parameters laid out anew."""
        scale = self.scale if scale is None else scale
        zero = self.zero if zero is None else zero
        with np.errstate(over="ignore"):
            steps = np.rint(np.asarray(x, dtype=np.float32) / scale)
        return (np.clip(steps, self.lo - zero, self.hi - zero) + zero).astype(np.int64)


@handles("QuantizeLinear", domains=DOMAINS, role=Role.QUANTIZER, keeps_integers=True, takes_integers=True)
def quantize_linear(importer, node, inputs, attributes):
    """Import ONNX ``QuantizeLinear``, also of onnxruntime's own domain."""
    x, operands = inputs[0], [None, *inputs[1:], None][1:3]
    if isinstance(x, Closed):
        return [_on_host(importer, node, inputs, x)]
    name = _code_type(operands[1], attributes)
    scale, zero = _parameters(operands, attributes, shape_of(x))
    fmt = format_of_type(name)
    if isinstance(x, Constant):
        quantizer = LinearQuantizer(scale, zero.astype(np.float32), fmt, fmt.lo, fmt.hi)
        return [Constant(quantizer.codes(constant(x, "the tensor that it quantizes")).astype(_held(name)))]
    return [requantized(importer, data_of(x), scale, zero, name, _clip_behind(importer, node.output[0]))]


def _held(name: str) -> str:
    """Return the type of NumPy's that holds integers of one of ONNX's types."""
    return {"int4": "int8", "uint4": "uint8"}.get(name, name)


def _code_type(zero: Tensor | None, attributes: dict[str, Any]) -> str:
    """Return the type of a quantizer's codes: the zero point's, or the attribute's."""
    if isinstance(zero, Constant):
        return type_name(zero.array.dtype)
    number = attributes.get("output_dtype", 0)
    if number not in _TYPES:
        raise ModelError(f"its codes must be integers of 4 to 16 bits, not of ONNX type {number}")
    return _TYPES[number]


def _parameters(
    operands: Sequence[Tensor | None], attributes: dict[str, Any], shape: Sequence[int], *, of_constant: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return scale (float32) and zero point (int64), laid out to broadcast against a tensor of ``shape``."""
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    scale = scales(operands[0], "its scale", of_constant=of_constant)
    zero = np.zeros((), dtype=np.int64) if operands[1] is None else whole_numbers(operands[1], "its zero point")
    return along_axis(scale, shape, axis, block), along_axis(zero, shape, axis, block)


def _clip_behind(importer: OnnxImportState, name: str) -> tuple[int | None, int | None]:
    """Return the bounds of a Clip that alone reads ``name``, None where there is none: codes of fewer bits.

    Without them the codes would enter the hardware with all the bits of their type.
    """
    readers = [node for node in importer.file.nodes if name in node.input] if importer.readers[name] == 1 else []
    if len(readers) != 1 or readers[0].op_type != "Clip" or readers[0].input[0] != name:
        return None, None
    bounds: list[int | None] = []
    for given in [*readers[0].input[1:], "", ""][:2]:
        tensor = importer.tensors.get(given)
        known = isinstance(tensor, Constant) and tensor.array.size == 1
        bounds.append(int(whole_numbers(tensor, "a bound").flat[0]) if known else None)
    return bounds[0], bounds[1]


def requantized(
    importer: OnnxImportState,
    data: Data,
    scale: ArrayLike,
    zero: ArrayLike,
    name: str,
    bounds: tuple[int | None, int | None] = (None, None),
) -> Data:
    """Return the tensor of integers that `LinearQuantizer` makes of float data.

    Parameters
    ----------
    importer : OnnxImportState
    data : Data
    scale, zero : arrays that broadcast against the data
    name : str
        The integers' type, ``uint8`` and the like.
    bounds : (int or None, int or None)
        The smallest and the largest code, where these are narrower than the type.

    Raises
    ------
    ModelError
        If the data cannot be quantized there, or no code is left.
    """
    fmt = format_of_type(name)
    lo = fmt.lo if bounds[0] is None else max(bounds[0], fmt.lo)
    hi = fmt.hi if bounds[1] is None else min(bounds[1], fmt.hi)
    if lo > hi:
        raise ModelError(f"its codes cannot be within {lo} to {hi}")
    if (lo, hi) != (fmt.lo, fmt.hi):
        fmt = format_for([lo, min(lo + 1, hi), hi])
    quantizer = LinearQuantizer(np.asarray(scale, dtype=np.float32), np.asarray(zero, dtype=np.float32), fmt, lo, hi)
    return replace(quantized_data(importer, data, quantizer), chain=PLAIN, dtype=name)


def _on_host(
    importer: OnnxImportState, node: onnx.NodeProto, inputs: Sequence[Tensor | None], tensor: Closed
) -> Closed:
    """Return the tensor with the node behind it: what follows an operation of the host, the host computes, too."""
    operands = [None if t is None else constant(t, "its second operand") for t in inputs[1:]]
    operands += [None] * (len(node.input) - len(inputs))

    def function(y: np.ndarray) -> np.ndarray:
        return evaluate(importer.file, node, [y, *operands])[0]

    return replace(tensor, closing=(*tensor.closing, (node.op_type, function)))


@handles("DequantizeLinear", domains=DOMAINS, role=Role.QUANTIZER, keeps_integers=True, takes_integers=True)
def dequantize_linear(importer, node, inputs, attributes):
    """Import ONNX ``DequantizeLinear``, ``scale * (code - zero)``, of data, and of constants, whose codes are kept."""
    x, operands = inputs[0], [None, *inputs[1:], None][1:3]
    if isinstance(x, Closed):
        return [_on_host(importer, node, inputs, x)]
    scale, zero = _parameters(operands, attributes, shape_of(x), of_constant=isinstance(x, Constant))
    if isinstance(x, Constant):
        return [dequantized_constant(whole_numbers(x, "its operand"), scale, zero)]
    data, (scale, zero) = by_channels(importer, integer_data(x), scale.astype(np.float64), zero.astype(np.float64))
    return [replace(data, chain=_scaled(importer, data, scale, zero), dtype="float32")]


def _scaled(importer: OnnxImportState, data: Data, scale: np.ndarray, zero: np.ndarray) -> ew.Chain:
    """Return the chain of ``scale * float32(integer - zero)`` behind a tensor of integers."""
    importer.known(data)
    edge = importer.edge(data.edge)
    first = PLAIN[0] if _changes_nothing(data.chain, edge) else data.chain[0]
    if len(data.chain) > 1 and first is not PLAIN[0] or not isinstance(first, ew.Dequantize):
        return (*data.chain, ew.Dequantize(scale, zero))
    zero = first.zero + zero
    if max(np.abs(edge.lo - zero).max(), np.abs(edge.hi - zero).max()) <= _EXACT:
        return (ew.Dequantize(scale, zero),)
    return ew.Dequantize(np.ones(1), zero), ew.WithConstant("mul", scale.astype(np.float32))


def _changes_nothing(chain: ew.Chain, edge: Edge) -> bool:
    """Say whether a chain gives every integer of an edge itself: a Clip, say, to what the codes are anyway."""
    if len(chain) == 1 and isinstance(chain[0], ew.Dequantize):
        return bool((chain[0].scale == 1).all() and (chain[0].zero == 0).all())
    lo, hi = int(edge.lo.min()), int(edge.hi.max())
    if hi - lo > _MOST_TRIED:
        return False
    integers = np.arange(lo, hi + 1)[:, None]
    channels = 1 if ew.is_shared(chain) else edge.channels
    return bool((ew.apply(chain, np.broadcast_to(integers, (len(integers), channels))) == integers).all())


def dequantized_constant(codes: np.ndarray, scale: ArrayLike, zero: ArrayLike) -> Constant:
    """Return ``scale * float32(codes - zero)``, with the integers beside it; all arrays broadcast with ``codes``."""
    scale, zero = np.asarray(scale, dtype=np.float32), np.asarray(zero, dtype=np.int64)
    array = (codes - zero).astype(np.float32) * scale
    spread = [np.broadcast_to(number.astype(np.float64), codes.shape) for number in (scale, zero)]
    return Constant(array, Integers(codes, spread[0], spread[1]))
