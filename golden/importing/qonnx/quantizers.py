"""QONNX's uniform quantizers (Pappalardo and others 2022) as functions to codes, by `golden.methods`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden import methods
from fewbit.golden.importing.layout import by_channel
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import all_operands, constant, data_of
from fewbit.golden.importing.quantizers import quantized, quantized_data
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.domains import ONNX, QONNX_DOMAINS
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.formats import Bipolar, Format, Signed, Unsigned, UnsignedNarrow

__all__ = ["DOMAINS", "QUANTIZERS", "BipolarQuantizer", "UniformQuantizer"]

MOST_BITS = 32  # of a constant
_MOST_DATA_BITS = 16
DOMAINS = (*QONNX_DOMAINS, ONNX)  # some files leave the domain out


def _scale(scale: ArrayLike) -> np.ndarray:
    """Return a scale in float32, which must be finite and not 0; it may be negative."""
    scale = np.asarray(scale, dtype=np.float32)
    good = np.isfinite(scale) & (scale != 0)
    if not (scale.size and good.all()):
        raise ModelError(f"its scale must be finite and not 0, not {scale[~good].flat[0] if scale.size else 'empty'}")
    return scale


def _without_zeros(scale: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the scale of a constant with 1 in place of every 0 that belongs to zeros alone: those of a pruned channel.

    QONNX's executor divides by it, and gives NaN; trained networks mean 0.
    """
    scale = np.asarray(scale, dtype=np.float32)
    if (np.where(np.broadcast_to(scale, np.broadcast_shapes(scale.shape, x.shape)) == 0, x, 0) != 0).any():
        raise ModelError("its scale is 0 for weights that are not 0; give it the scale that they were trained with")
    return np.where(scale == 0, np.float32(1), scale)


def _whole(values: ArrayLike, what: str) -> np.ndarray:
    """Return whole numbers in float32."""
    values = np.asarray(values, dtype=np.float32)
    if not (values.size and np.isfinite(values).all() and (values == np.rint(values)).all()):
        raise ModelError(
            f"its {what} must be a whole number, not {values.flat[0] if values.size == 1 else values.tolist()}"
        )
    return values


def _format(bits: int, signed: bool, narrow: bool) -> Format:
    """Return the format of a quantizer of so many bits; of one signed bit QONNX makes the sign."""
    if not signed:
        return (UnsignedNarrow if narrow else Unsigned)(bits)
    return Bipolar() if bits == 1 else Signed(bits, narrow=narrow)


def _lowest(fmt: Format) -> int:
    return int(fmt.lo)


def _highest(fmt: Format) -> int:
    return int(fmt.hi)


@dataclass(frozen=True, eq=False)
class UniformQuantizer:
    """QONNX ``Quant``: ``code = round(clip(x/scale + zero))`` in float32, for 1 to 32 bits; scale and zero arrays.

    ``ends`` are the smallest and the largest code, in float32, where bit widths differ within the tensor.
    """

    scale: np.ndarray
    zero: np.ndarray
    format: Format
    rounding: str
    ends: tuple[Any, Any] | None = None

    OPERANDS = ("scale", "zero point", "bit width")

    @classmethod
    def of(cls, operands: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> "UniformQuantizer":
        """Return the quantizer of a node.

        Parameters
        ----------
        operands : sequence of arrays
            The operands behind the tensor that is quantized, as `OPERANDS` names them.
        attributes : dict
            The node's attributes as Python values.

        Raises
        ------
        ModelError
            If one of them is nothing that a quantizer of 1 to 32 bits can have.
        """
        scale, zero = _scale(operands[0]), _whole(operands[1], "zero point")
        width = _whole(operands[2], "bit width")
        if (width < 1).any() or (width > MOST_BITS).any():
            raise ModelError(f"its bit width must be 1 to {MOST_BITS}, not {width.tolist()}")
        for name in ("signed", "narrow"):
            if attributes.get(name) not in (0, 1):
                raise ModelError(f"its attribute {name!r} must be 0 or 1, not {attributes.get(name)!r}")
        rounding = attributes.get("rounding_mode", "ROUND")
        if str(rounding).upper() not in methods.ROUNDINGS:
            *others, last = methods.ROUNDINGS
            raise ModelError(f"its rounding mode must be {', '.join(others)} or {last}, not {rounding!r}")
        formats = [_format(int(bits), bool(attributes["signed"]), bool(attributes["narrow"])) for bits in width.flat]
        if len(set(formats)) == 1:
            return cls(scale, zero, formats[0], rounding.upper())
        if any(fmt.is_sign for fmt in formats):
            raise ModelError("a signed bit width of 1, which is a sign, stands beside others; use 2 bits and narrow")
        ends = [np.reshape([end(f) for f in formats], width.shape).astype(np.float32) for end in (_lowest, _highest)]
        return cls(scale, zero, max(formats, key=_highest), rounding.upper(), (ends[0], ends[1]))

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``; the arguments replace operands that have been laid out anew."""
        scale = self.scale if scale is None else scale
        zero = self.zero if zero is None else zero
        x, fmt = np.asarray(x, dtype=np.float32), self.format
        with np.errstate(over="ignore"):
            if fmt.is_sign:  # of one signed bit QONNX makes the sign
                return _integers(methods.sign(np.asarray(x / scale + zero)))
            lo, hi = self.ends or (fmt.lo, fmt.hi)
            return _integers(methods.uniform_level(x, scale, lo=lo, hi=hi, zero=zero, rounding=self.rounding))


@dataclass(frozen=True, eq=False)
class BipolarQuantizer:
    """QONNX ``BipolarQuant``: ``+scale`` where ``x >= 0``, else ``-scale``."""

    scale: np.ndarray
    format = Bipolar()
    zero = np.zeros(1, dtype=np.float32)

    OPERANDS = ("scale",)

    @classmethod
    def of(cls, operands: Sequence[np.ndarray], attributes: Mapping[str, Any]) -> "BipolarQuantizer":
        """Return the quantizer of a node; see `UniformQuantizer.of`."""
        (scale,) = operands
        return cls(_scale(scale))

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return -1 or +1 (int64) for every float32 of ``x``."""
        return _integers(methods.sign(np.asarray(x, dtype=np.float32)))


def _integers(values: ArrayLike) -> np.ndarray:
    return np.asarray(values).astype(np.int64)


QUANTIZERS: dict[str, type[UniformQuantizer] | type[BipolarQuantizer]] = {
    "Quant": UniformQuantizer,
    "IntQuant": UniformQuantizer,
    "BipolarQuant": BipolarQuantizer,
}


@handles(*QUANTIZERS, domains=DOMAINS, role=Role.QUANTIZER, keeps_integers=True)
def quantize(importer, node, inputs, attributes):
    """Import QONNX ``Quant``, which older files call ``IntQuant``, and ``BipolarQuant``."""
    kind = QUANTIZERS[node.op_type]
    x, *operands = all_operands(inputs, 1 + len(kind.OPERANDS))
    operands = [constant(t, name, infinite=True) for t, name in zip(operands, kind.OPERANDS, strict=True)]
    if isinstance(x, Constant):
        operands[0] = _without_zeros(operands[0], constant(x, "the tensor that it quantizes"))
    quantizer = kind.of(operands, attributes)
    if not isinstance(x, Constant) and quantizer.format.bits > _MOST_DATA_BITS:
        raise ModelError(
            f"codes of data may have {_MOST_DATA_BITS} bits, not {quantizer.format.bits}; only constants may "
            f"have up to {MOST_BITS}"
        )
    if isinstance(x, Constant) or not isinstance(quantizer, UniformQuantizer) or quantizer.ends is None:
        return [quantized(importer, x, quantizer)]
    return [_of_several_widths(importer, data_of(x), quantizer)]


def _of_several_widths(importer: OnnxImportState, data: Data, quantizer: UniformQuantizer) -> Data:
    """Return data behind a quantizer whose bit widths differ between channels, or between pixels."""
    assert quantizer.ends is not None
    for operand in (quantizer.scale, quantizer.zero, *quantizer.ends):  # one of them may make the data flat
        data, _ = by_channel(importer, data, operand)
    lo, hi = (by_channel(importer, data, end)[1] for end in quantizer.ends)
    return quantized_data(importer, data, replace(quantizer, ends=(lo, hi)), parameters=(lo, hi))
