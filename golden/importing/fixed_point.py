"""Quantizers of more levels than thresholds are made for: a multiply, add and shift from the model's own scales.

Sums of float32 are rounded in an order that ONNX leaves open, by more than the levels of such a quantizer are apart in
a model's last bits. So its codes are those of the exact sum, of exact operations behind it, and of one rounding: a
line that is clipped. Where the slope is a power of two, or another short binary fraction, the line is that function
itself, ties included. Elsewhere it is nearer to it, everywhere, than one rounding of float32 at the largest level.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.numbers.elementwise import Chain, apply
from fewbit.golden.numbers.formats import Format
from fewbit.golden.numbers.thresholds import MOST_LEVELS

from .code_quantizer import CodeQuantizer
from .onnx_import_state import OnnxImportState
from .quantizer_rounding import Rounding, rounding_of
from .tensors import Data

__all__ = ["add_line", "is_fine"]

_MOST_FACTOR = 1 << 24  # a multiplier
_MOST_SHIFT = 60
_FAR = 1 << 62  # beyond any addend, and any code
_WHOLE = 1 << 24  # integers up to it are float32 numbers
_FLOAT32 = Fraction(1, 1 << 24)  # relative error of a float32 rounding
_SAMPLES = 1000  # integers of each channel at which line and model are compared
_CLAMPS = ("Relu", "Clip")
Codes = Callable[[np.ndarray], np.ndarray]  # from floats to codes


def is_fine(quantizer: CodeQuantizer, edge: Edge) -> bool:
    """Say whether a `CodeQuantizer` behind an edge has more levels, and takes more integers, than suit thresholds."""
    return quantizer.format.linear and quantizer.format.levels > MOST_LEVELS < int((edge.hi - edge.lo).max())


def add_line(
    importer: OnnxImportState, data: Data, quantizer: CodeQuantizer, scale: np.ndarray, zero: np.ndarray
) -> str:
    """Append the `Rescale` of a quantizer that `is_fine`, and return its edge.

    Parameters
    ----------
    importer : OnnxImportState
    data : Data
        What it quantizes.
    quantizer : golden.importing.code_quantizer.CodeQuantizer
    scale, zero : arrays, one number or one a channel of the data's edge

    Raises
    ------
    ModelError
        If what is in front of it is no line.
    """
    edge, rounding = importer.edge(data.edge), rounding_of(quantizer, zero)
    line = _Line.of(data.chain, edge)
    if rounding is None or line is None:
        raise ModelError(
            f"codes of {quantizer.format.bits} bits are supported behind sums, products, additions of constants, ReLU "
            f"and Clip, rounded to the nearest, down or up; quantize to {MOST_LEVELS} levels or fewer here"
        )
    line = line.quantized(scale, zero)
    name = importer.new("rescale")
    node, exact = _rescale(name, data.edge, line, edge, quantizer.format, rounding)
    read = np.unique(data.index % edge.channels)
    _check(node, data.chain, lambda y: quantizer.codes(y, scale, zero), edge, line, read)
    if not exact or int(np.maximum(edge.hi, -edge.lo).max()) > _WHOLE:
        importer.note(
            f"codes of {quantizer.format.bits} bits are those of exact sums, rounded once; a model's float32 sums, "
            "which are rounded in their own order, may give the next code"
        )
    return importer.add(node)


@dataclass(frozen=True)
class _Line:
    """``min(max(slope*x + start, least), most)`` by channel, and how far float32 may be from it.

    All are float64 arrays ``(C,)``; what is a short binary fraction is so exactly.
    """

    slope: np.ndarray
    start: np.ndarray
    least: np.ndarray
    most: np.ndarray
    noise: np.ndarray

    @classmethod
    def of(cls, chain: Chain, edge: Edge) -> "_Line | None":
        """Return the line of a chain on an edge, or None where it is none."""
        ones = np.ones(edge.channels)
        line = cls(ones, 0 * ones, -np.inf * ones, np.inf * ones, 0 * ones)
        for op in chain:
            if op.coefficients is not None:
                line = line._through(*op.coefficients)
            elif getattr(op, "name", None) in _CLAMPS:
                ends = (np.broadcast_to(np.float64(op(np.float32(end) * ones.astype(np.float32))), ones.shape)
                        for end in (-np.inf, np.inf))  # fmt: skip
                least, most = ends
                line = cls(line.slope, line.start, np.clip(line.least, least, most), np.clip(line.most, least, most),
                           line.noise)  # fmt: skip
            else:
                return None
            far = np.maximum(np.abs(line.slope * edge.lo + line.start), np.abs(line.slope * edge.hi + line.start))
            line = cls(line.slope, line.start, line.least, line.most, line.noise + far * float(_FLOAT32))
        usable = all(np.isfinite(v).all() for v in (line.slope, line.start, line.noise))
        return line if usable else None

    def _through(self, factor: np.ndarray, addend: np.ndarray) -> "_Line":
        """Return the line behind ``factor*y + addend``."""
        some = factor != 0  # where it is nothing, what bounded y bounds nothing
        ends = [np.where(some, np.where(some, factor, 1) * end + addend, end) for end in (self.least, self.most)]
        ends = [np.where(some, end, far) for end, far in zip(ends, (-np.inf, np.inf), strict=True)]
        return _Line(self.slope * factor, self.start * factor + addend, np.minimum(*ends), np.maximum(*ends),
                     self.noise * np.abs(factor))  # fmt: skip

    def quantized(self, scale: np.ndarray, zero: np.ndarray) -> "_Line":
        """Return the line in units of codes."""
        scale, zero = np.asarray(scale, dtype=np.float64), np.asarray(zero, dtype=np.float64)
        return _Line(self.slope / scale, self.start / scale + zero, self.least / scale + zero, self.most / scale + zero,
                     self.noise / scale)  # fmt: skip


def _rescale(name: str, x: str, line: _Line, edge: Edge, fmt: Format, rounding: Rounding) -> tuple[Rescale, bool]:
    """Return the node, and whether it is the line itself."""
    ends = {(rounding(_fraction(least)), rounding(_fraction(most)))
            for least, most in zip(line.least.tolist(), line.most.tolist(), strict=True)}  # fmt: skip
    if len(ends) > 1:
        raise ModelError("a Clip whose bounds become other codes in other channels is not supported in front of it")
    clip = ends.pop()
    slopes, starts = ([Fraction(v) for v in values.tolist()] for values in (line.slope, line.start))
    found = _exact(slopes, starts, rounding)
    exact = found is not None
    if found is None:
        reach = _reach(line, edge, clip)
        found = _nearest(slopes, starts, reach, fmt, rounding)
    multipliers, addends, shift, ties = found
    if shift > _MOST_SHIFT or max(map(abs, addends)) >= _FAR:
        raise ModelError(f"its scales make codes of {fmt.bits} bits of numbers that are too far from them")
    narrow = None if clip == (fmt.lo, fmt.hi) else clip
    multiplier, addend = (np.array(values, dtype=np.int64) for values in (multipliers, addends))
    return Rescale(name, x, name, multiplier, addend, shift, fmt, narrow, ties=ties), exact


def _fraction(value: float) -> Fraction:
    """Return a number, an infinite one as one that is beyond all codes."""
    return Fraction(max(-float(_FAR), min(float(_FAR), value)))


_Numbers = tuple[list[int], list[int], int, int | None]  # multipliers, addends, shift, and what ties go to


def _exact(slopes: list[Fraction], starts: list[Fraction], rounding: Rounding) -> _Numbers | None:
    """Return the numbers of a `Rescale` that is these lines, rounded; None where slopes are no short fractions."""
    shift = max(slope.denominator for slope in slopes).bit_length() - 1
    if max(abs(slope) for slope in slopes) * (1 << shift) > _MOST_FACTOR:
        return None
    ties = rounding.ties
    numbers = [(start + rounding.shift) * (1 << shift) for start in starts]
    if ties is not None and all(number.denominator > 1 for number in numbers):
        ties = None  # no integer is half-way
    if ties is not None and any(number.denominator > 1 for number in numbers):
        shift, numbers = shift + 1, [2 * number for number in numbers]  # the lowest bit says that nothing is half-way
        addends = [math.floor(number / 2) * 2 + (number.denominator > 1 or number % 2 == 1) for number in numbers]
    elif rounding.up:
        addends = [math.ceil(number) + (1 << shift) - 1 for number in numbers]
    else:
        addends = [math.floor(number) for number in numbers]
    return [int(slope * (1 << shift)) for slope in slopes], addends, shift, ties


def _reach(line: _Line, edge: Edge, clip: tuple[int, int]) -> np.ndarray:
    """Return, by channel, the integers of the edge between which the line is not clipped, ``(C, 2)``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.sort([(clip[0] - 2 - line.start) / line.slope, (clip[1] + 2 - line.start) / line.slope], axis=0)
    ends = np.where(line.slope == 0, [[-np.inf], [np.inf]], ends)
    return np.clip(ends, edge.lo - 1, edge.hi + 1).T


def _nearest(
    slopes: list[Fraction], starts: list[Fraction], reach: np.ndarray, fmt: Format, rounding: Rounding
) -> _Numbers:
    """Return the numbers of a `Rescale` that is within a float32 rounding of the largest level of these lines."""
    far = max(1, math.ceil(np.abs(reach).max()))
    # Rounding a slope and a start to multiples of 2**-shift takes an integer x off by (x + 1)/2 of them.
    shift = max(0, math.ceil((far + 1) / (2 * _FLOAT32 * (fmt.levels // 2))).bit_length())
    addend = rounding.shift + (1 if rounding.up else 0)
    unit = 1 << shift
    return [round(s * unit) for s in slopes], [round((b + addend) * unit) for b in starts], shift, None


def _check(node: Rescale, chain: Chain, codes: Codes, edge: Edge, line: _Line, read: np.ndarray) -> None:
    """Compare the node with the model's own float32 at some integers; they are apart by rounding only.

    Raises
    ------
    ModelError
        If they are further apart.
    """
    part = np.linspace(0, 1, _SAMPLES)[:, None]
    x = edge.lo + np.rint((edge.hi - edge.lo) * part).astype(np.int64)
    y = apply(chain, x)
    if np.isnan(y[:, read]).any():
        raise ModelError("its input can be NaN")
    apart = np.abs(node.values(x) - codes(y))[:, read].max(axis=0)
    allowed = 1 + np.ceil(line.noise + float(_FLOAT32) * node.format.levels)[read]
    if (apart > allowed).any():
        raise ModelError(f"its float32 operations are {int(apart.max())} codes from what their scales say")
