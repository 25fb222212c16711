"""How a layer's products are made: the ways that one layer of integer weights can be computed, and the choice.

Each of them has its name in `hw.folding.PRODUCTS`, and all give the same sums. They differ in what the weight memory
holds, in what a PE is made of, and in whether something is left to do once a neuron (`hw.activation.planes`):

- `Plain`: weights are integers in their smallest format, products as `hw.heap.partial_products` has them.
- `Decoded`: the memory holds codes of a codebook that all neurons share, and a table in front of every lane gives the
  integer.
- `Shifted`: weights are signed powers of two, which put the bits of x into the columns that they belong to.
- `Dsp`, `Summed`: products, or accumulators, in DSPs.
- `Planes`: a heap for every plane of digits (`golden.numbers.coding`), each with weights of one bit: XNOR planes of
  LQ-Nets, a plus and a minus heap of TTQ, or a heap for every cluster. Their sums are multiplied by the neuron's
  coefficients once a row. Where the activations are levels of a basis too, there is a plane for every pair of basis
  bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fewbit.golden.network.dense import Dense
from fewbit.golden.numbers.coding import Coding
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import Bipolar, Unsigned, powers_of_two
from fewbit.hw.activation.planes_plan import combined_luts
from fewbit.hw.arrays.coded_plan import HeapPart
from fewbit.hw.arrays.cost import pe_luts, row_flip_flops, row_luts
from fewbit.hw.arrays.dsp_plans import DspArrayPlan, DspSumArrayPlan
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.targets.target import Target
from fewbit.hw.xilinx.dsp48 import sums_of
from fewbit.hw.xilinx.dsp_packing import FieldTerms, best_packing, packed_weights

from .arithmetic import Arithmetic, Plain
from .shape import LayerShape

__all__ = ["Dsp", "Summed", "chosen", "options_of"]

_MOST_PLANES = 16


class Shifted(Plain):
    """Weights are powers of two with a sign, or zero: the bits of x go into the columns that they belong to."""

    name = "shift"
    in_words = "LUTs, shifted"

    def _format(self) -> Format:
        found = powers_of_two(self.dense.weights)
        if found is None:
            raise ValueError(f"{self.dense.name}: its weights are not all powers of two")
        return found

    @classmethod
    def fits(cls, dense: Dense) -> bool:
        """Return whether the layer's weights are powers of two, of which one at least is more than 1."""
        found = powers_of_two(dense.weights)
        return found is not None and found.most > 0


class Decoded(Plain):
    """Weights are codes of a codebook that all neurons share; a table in front of every lane gives the integer."""

    name = "decode"
    in_words = "LUTs, weights decoded"

    def __init__(self, dense: Dense, x_format: Format):
        super().__init__(dense, x_format)
        coding = _coding_of(dense)
        self.weight_bits, self.codes = coding.bits, coding.codes
        table = coding.tables[0]
        self.pad_weight = int(np.abs(table).argmin())
        self._pad_value = int(table[self.pad_weight])
        padded = np.append(table, [table[-1]] * ((1 << coding.bits) - len(table)))
        whole = tuple(range(self.lane_format.bits))
        self.parts = (HeapPart(self.lane_format, self.w_format, whole, tuple(self.w_format.encode(padded).tolist())),)

    @classmethod
    def fits(cls, dense: Dense) -> bool:
        """Return whether all neurons share a codebook whose codes are shorter than the integers."""
        coding = dense.coding
        return coding is not None and coding.bits < dense.weight_format.bits and (
            (coding.tables == coding.tables[0]).all()
        )  # fmt: skip

    @property
    def pad_heap(self) -> int:
        return int(self.terms.heap(self.pad_value, self._pad_value))

    def pe_luts(self, simd, acc, feedback):
        return super().pe_luts(simd, acc, feedback) + _table_luts(self.parts[0].w_codes, self.weight_bits) * simd


class Planes(Arithmetic):
    """A PE has a heap for every plane of digits, and the sums of planes are multiplied by coefficients once a row."""

    name = "planes"
    parts: tuple[HeapPart, ...]
    coefficients: np.ndarray

    def __init__(self, dense: Dense, x_format: Format):
        super().__init__(dense, x_format)
        coding = _coding_of(dense)
        self.weight_bits, self.codes, self.pad_weight = coding.bits, coding.codes, 0
        self._digits = np.pad(coding.digits, ((0, 0), (0, (1 << coding.bits) - coding.digits.shape[1])), mode="edge")
        self.w_format = Bipolar() if coding.bipolar else Unsigned(1)
        self.coefficients = coding.coefficients
        self._paired = bool(x_format.basis) and coding.bipolar
        if self._paired:
            self._sums = dense.weights.sum(axis=1, dtype=np.int64)
            self._pair_up(x_format)
        else:
            self._x = [(self.lane_format, tuple(range(self.lane_format.bits)))]
        self.terms = product_terms(self._x[0][0], self.w_format)
        self.scale = self.terms.scale
        tables = [tuple(self.w_format.encode(row).tolist()) for row in self._digits]
        self.parts = tuple(HeapPart(fmt, self.w_format, bits, table) for table in tables for fmt, bits in self._x)
        self.in_words = f"{len(self.parts)} planes"

    def _pair_up(self, x_format):
        """Make a plane for every pair of basis bits, of activations that are levels of a basis."""
        self._base = x_format.base
        self.x_table = tuple(x_format.patterns())
        self.lane_format = Unsigned(len(x_format.basis))
        if self.x_table == tuple(range(1 << x_format.bits)):
            self.x_table = None
        self._x = [(x_format.digit, (j,)) for j in range(len(x_format.basis))]
        basis = np.array(x_format.basis, dtype=np.int64)
        self.coefficients = (self.coefficients[:, :, None] * basis).reshape(len(self.coefficients), -1)

    @classmethod
    def fits(cls, dense: Dense, x_format: Format) -> bool:
        """Return whether the layer's weights are planes of digits, and not too many of them."""
        coding = dense.coding
        if coding is None:
            return False
        pairs = len(x_format.basis) if coding.bipolar else 1
        return len(coding.digits) * max(1, pairs) <= _MOST_PLANES

    def _x_values(self, value):
        """Return the values that the parts of a plane have for a value of the stream."""
        if not self._paired:
            return [value]
        pattern = self.x_format.patterns()[int(self.x_format.encode([value])[0])]
        return [int(fmt.decode(pattern >> j & 1)) for j, (fmt, _) in enumerate(self._x)]

    @property
    def offsets(self) -> np.ndarray:
        by_plane = np.array([row[self.codes].sum(axis=1) for row in self.terms.offset(self._digits)])  # (planes, N)
        heaps = (self.coefficients * np.repeat(by_plane, len(self._x), axis=0).T).sum(axis=1)
        return heaps + (self._base * self._sums if self._paired else 0)

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError("of planes together they follow from the model's accumulator")

    @property
    def pad_heap(self) -> np.ndarray:
        digits = self._digits[:, self.pad_weight]
        heaps = [self.terms.heap(x, d) for d in digits for x in self._x_values(self.pad_value)]
        return self.coefficients @ np.array(heaps, dtype=np.int64)

    def pe_luts(self, simd: int, acc: int, feedback: bool) -> float:
        part = self.parts[0]
        decoders = sum(_table_luts(p.w_codes, self.weight_bits) for p in self.parts[:: len(self._x)])
        width = (sum(1 << e for e in self.terms.exponents)).bit_length() + simd.bit_length()
        return len(self.parts) * pe_luts(part.x_format, part.w_format, simd, width, feedback) + decoders * simd

    def beside(self, shape: LayerShape, acc: int) -> int:
        width = (shape.inputs * sum(1 << e for e in self.terms.exponents)).bit_length()
        return shape.lanes * combined_luts(self.coefficients, width, acc, shape.places)


class Dsp(Plain):
    """Products in DSPs, several by each (`hw.xilinx.dsp_packing`).

    Parameters
    ----------
    places : int array (N,)
        Number of each neuron in its group's part of a row, from 0; neighbours share a multiplier.
    others : as of `Arithmetic`
    """

    name = "dsp"
    in_words = "DSPs"

    def __init__(self, dense: Dense, x_format: Format, places: np.ndarray):
        super().__init__(dense, x_format)
        weights = dense.weights
        self.packing = best_packing(self.lane_format, *dense.weight_range)
        self.weight_bits = self.packing.weight_bits
        packed = packed_weights(weights, self.packing, places % self.packing.weights)
        self.codes = packed & ((1 << self.weight_bits) - 1)
        self.terms = FieldTerms(self.lane_format, self.w_format, self.packing)
        self.pad_weight = self.terms.pad_weight

    def array(self, *, target: Target, **common: Any) -> DspArrayPlan:
        return DspArrayPlan(
            x_format=self.lane_format, w_format=self.w_format, packing=self.packing, target=target, **common
        )


class Summed(Plain):
    """Products as `Plain` has them, and accumulators in DSPs (`hw.arrays.dsp_sums`) if the target has netlists."""

    name = "sums"
    in_words = "LUTs, sums in DSPs"
    starts_at_zero = True

    def pe_luts(self, simd: int, acc: int, feedback: bool) -> float:
        return row_luts(self.lane_format, self.w_format, simd)

    def pe_flip_flops(self, simd: int, acc: int, feedback: bool) -> float:
        return row_flip_flops(self.lane_format, self.w_format, simd)

    def dsps(self, pe: int, acc: int) -> int:
        return -(-pe // sums_of(acc))

    def array(self, *, target: Target, **common: Any) -> IntegerArrayPlan:
        if not target.netlists:
            return super().array(target=target, **common)
        return DspSumArrayPlan(x_format=self.lane_format, w_format=self.w_format, target=target, **common)


def _coding_of(dense: Dense) -> Coding:
    """Return how the weights of a layer are written, where a way needs that (its `fits` says whether they are)."""
    if dense.coding is None:
        raise ValueError(f"{dense.name}: its weights have no coding")
    return dense.coding


def _table_luts(codes, bits):
    """Return about the LUTs of a function of a weight's code; an output that is a bit of the code takes none."""
    width = max(max(codes).bit_length(), 1)
    columns = {tuple(c >> k & 1 for c in codes) for k in range(width)}
    own = {tuple(n >> k & 1 for n in range(len(codes))) for k in range(bits)}
    return len(columns - own) * max(1, 1 << bits - 6 if bits > 6 else 1)


def options_of(dense: Dense, x_format: Format) -> list[Arithmetic]:
    """Return every way but DSPs that the layer can be computed in, the plain one first."""
    found: list[Arithmetic] = [Plain(dense, x_format)]
    if Decoded.fits(dense):
        found.append(Decoded(dense, x_format))
    if Shifted.fits(dense):
        found.append(Shifted(dense, x_format))
    if Planes.fits(dense, x_format):
        found.append(Planes(dense, x_format))
    return found


def chosen(options: Sequence[Arithmetic], shape: LayerShape, acc: int, name: str | None = None) -> Arithmetic:
    """Return the option of that name, or without a name the one that takes the fewest LUTs.

    Parameters
    ----------
    options : sequence of Arithmetic
        Ways of one layer, as `options_of` gives them.
    shape : hw.layer.shape.LayerShape
    acc : int
        Bits of an accumulator.
    name : str or None
        One of `hw.folding.PRODUCTS`.

    Raises
    ------
    ValueError
        If there is no option of that name.
    """
    if name is not None:
        found = [o for o in options if o.name == name]
        if not found:
            raise ValueError(f"products must be one of {', '.join(o.name for o in options)}, not {name!r}")
        return found[0]
    return options[0] if len(options) == 1 else min(options, key=lambda option: option.luts(shape, acc))
