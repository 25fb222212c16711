"""QONNX quantizers as functions to integer codes; the semantics are qonnx's own (Pappalardo and others 2022)."""

from dataclasses import dataclass

import numpy as np
from qonnx.custom_op.general.quant import quant, resolve_rounding_mode

from .formats import Bipolar, Format, Signed, Unsigned
from .onnxfile import ModelError

__all__ = ["BipolarQuantizer", "UniformQuantizer"]


@dataclass(frozen=True, eq=False)
class UniformQuantizer:
    """QONNX ``Quant``: ``code = round(clip(x/scale + zero))`` in float32, for 1 to 8 bits; scale and zero arrays."""

    scale: np.ndarray
    zero: np.ndarray
    format: Format
    rounding: str

    @classmethod
    def of(cls, where, scale, zero, bits, *, signed, narrow, rounding):
        """From the operands of a node; ``where`` names the node in errors."""
        scale, zero = (np.asarray(a, dtype=np.float32) for a in (scale, zero))
        if np.size(bits) != 1 or int(np.asarray(bits).flat[0]) != np.asarray(bits).flat[0]:
            raise ModelError(f"{where}: bit width must be one whole number for the whole tensor, not {bits}")
        bits = int(np.asarray(bits).flat[0])
        if not 1 <= bits <= 8:
            raise ModelError(f"{where}: bit width must be 1 to 8, not {bits}")
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ModelError(f"{where}: scale must be positive and finite, not {scale.flat[np.argmin(scale)]}")
        if not np.isfinite(zero).all() or (zero != np.rint(zero)).any():
            raise ModelError(f"{where}: zero point must be a whole number, not {zero.flat[0]}")
        try:
            resolve_rounding_mode(rounding)
        except ValueError:
            raise ModelError(f"{where}: rounding mode {rounding!r} is not one of QONNX's") from None
        if signed and bits == 1:
            fmt = Bipolar()
        elif signed:
            fmt = Signed(bits, narrow=bool(narrow))
        else:
            fmt = UnsignedNarrow(bits) if narrow else Unsigned(bits)
        return cls(scale, zero, fmt, rounding)

    def codes(self, x, scale=None, zero=None):
        """int64 codes of float32 ``x``; the arguments replace the operands where these were laid out anew."""
        scale = self.scale if scale is None else scale
        zero = self.zero if zero is None else zero
        y = np.asarray(x, dtype=np.float32) / scale + zero
        signed = isinstance(self.format, Signed | Bipolar)
        narrow = bool(getattr(self.format, "narrow", False))
        bits = np.float32(self.format.bits)
        one, nought = np.float32(1), np.float32(0)
        return np.asarray(quant(y, one, nought, bits, signed, narrow, self.rounding)).astype(np.int64)


@dataclass(frozen=True)
class UnsignedNarrow(Unsigned):
    """Unsigned without its largest value: QONNX's reading of unsigned and narrow, 0 to ``2**bits - 2``."""

    narrow = True

    @property
    def hi(self):
        return max(1, 2**self.bits - 2) if self.bits > 1 else 0


@dataclass(frozen=True, eq=False)
class BipolarQuantizer:
    """QONNX ``BipolarQuant``: ``+scale`` where ``x >= 0``, else ``-scale``."""

    scale: np.ndarray
    format = Bipolar()

    @property
    def zero(self):
        return np.zeros(1, dtype=np.float32)

    @classmethod
    def of(cls, where, scale):
        scale = np.asarray(scale, dtype=np.float32)
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ModelError(f"{where}: scale must be positive and finite, not {scale.flat[np.argmin(scale)]}")
        return cls(scale)

    def codes(self, x, scale=None, zero=None):
        """-1 or +1 as int64."""
        return np.where(np.asarray(x, dtype=np.float32) >= 0, 1, -1).astype(np.int64)
