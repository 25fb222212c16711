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

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fewbit.golden.numbers.formats import Bipolar, Unsigned, format_for, powers_of_two
from fewbit.hw.activation.planes_plan import combined_luts
from fewbit.hw.arrays.cost import pe_luts, rom_luts, row_luts
from fewbit.hw.arrays.dsp_plans import DspArrayPlan, DspSumArrayPlan
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.xilinx.dsp48 import sums_of
from fewbit.hw.xilinx.dsp_packing import FieldTerms, best_packing, packed_weights

__all__ = ["Dsp", "HeapPart", "Summed", "chosen", "options_of"]

_MOST_PLANES = 16


@dataclass(frozen=True)
class HeapPart:
    """One heap of a PE: formats of its operands, which bits of the lane's code x is, and its weight by weight code."""

    x_format: object
    w_format: object
    x_bits: tuple
    w_codes: tuple


class Arithmetic:
    """What all of them share.

    Attributes
    ----------
    x_format : Format
        Of the stream.
    lane_format : Format
        Of what enters the array, and ``x_table``: its code for every code of the stream, or ``None`` if they are equal.
    weight_bits : int
        Of a weight in memory.
    parts : tuple of `HeapPart`, or None for one whose weights are as the memory has them
    scale : int
        The model's accumulator is ``scale*heap`` plus a number a neuron.
    coefficients : int64 (N, parts) or None
        What the sums of the parts count.
    in_words : str
        How products are made, for reports.
    starts_at_zero : bool
        Whether accumulators can start with nothing else than zero.
    """

    name = None
    parts = None
    coefficients = None
    in_words = "LUTs"
    starts_at_zero = False

    def __init__(self, dense, x_format):
        self.dense, self.x_format = dense, x_format
        self.lane_format, self.x_table = x_format, None
        if not x_format.linear:
            self.lane_format = format_for(x_format.values)
            every = x_format.decode(np.arange(1 << x_format.bits))
            self.x_table = tuple(self.lane_format.encode(every).tolist())
        self.pad_value = int(x_format.decode(0))

    @property
    def offsets(self):
        """By neuron what is added to ``scale*heap``, pads not counted."""
        return self.terms.offset(self.dense.weights).sum(axis=1)

    @property
    def bounds(self):
        """Smallest and largest heap of every neuron, pads not counted."""
        ends = [self.terms.heap(end, self.dense.weights) for end in (self.x_format.lo, self.x_format.hi)]
        return np.minimum(*ends).sum(axis=1), np.maximum(*ends).sum(axis=1)

    @property
    def exponents(self):
        """Of the bits of a lane."""
        return self.terms.exponents

    def luts(self, shape, acc):
        """About the LUTs that a `LayerShape` takes with it; ``acc`` is the bits of an accumulator."""
        memory = rom_luts(self.weight_bits * shape.pe * shape.simd, shape.words)
        return shape.pe * self.pe_luts(shape.simd, acc, shape.steps > 1) + memory + self.beside(shape, acc)

    def beside(self, shape, acc):
        """LUTs of what is there once, not for every PE."""
        return 0

    def dsps(self, pe, acc):
        """DSPs of so many PEs with accumulators of ``acc`` bits."""
        return 0

    def array(self, **common):
        """Return the plan of an array with these products; parameters as of
        `hw.arrays.integer_plan.IntegerArrayPlan`, formats and weights aside."""
        return IntegerArrayPlan(
            x_format=self.lane_format, w_format=self.w_format, weight_bits=self.weight_bits, parts=self.parts, **common
        )


class Plain(Arithmetic):
    name = "plain"

    def __init__(self, dense, x_format):
        super().__init__(dense, x_format)
        self.w_format = self._format()
        self.terms = product_terms(self.lane_format, self.w_format)
        self.scale, self.weight_bits = self.terms.scale, self.w_format.bits
        self.pad_weight = self.terms.pad_weight

    def _format(self):
        return self.dense.weight_format

    @cached_property
    def codes(self):
        return self.w_format.encode(self.dense.weights)

    @property
    def pad_heap(self):
        """By neuron, or one number: the heap of a lane that is padding."""
        return int(self.terms.heap(self.pad_value, self.w_format.decode(self.pad_weight)))

    def pe_luts(self, simd, acc, feedback):
        """LUTs of a PE of so many lanes, with an accumulator of ``acc`` bits."""
        return pe_luts(self.lane_format, self.w_format, simd, acc, feedback)


class Shifted(Plain):
    name = "shift"
    in_words = "LUTs, shifted"

    def _format(self):
        return powers_of_two(self.dense.weights)

    @classmethod
    def fits(cls, dense):
        found = powers_of_two(dense.weights)
        return found is not None and found.most > 0


class Decoded(Plain):
    name = "decode"
    in_words = "LUTs, weights decoded"

    def __init__(self, dense, x_format):
        super().__init__(dense, x_format)
        coding = dense.coding
        self.weight_bits, self.codes = coding.bits, coding.codes
        table = coding.tables[0]
        self.pad_weight = int(np.abs(table).argmin())
        self._pad_value = int(table[self.pad_weight])
        padded = np.append(table, [table[-1]] * ((1 << coding.bits) - len(table)))
        whole = tuple(range(self.lane_format.bits))
        self.parts = (HeapPart(self.lane_format, self.w_format, whole, tuple(self.w_format.encode(padded).tolist())),)

    @classmethod
    def fits(cls, dense):
        coding = dense.coding
        return coding is not None and coding.bits < dense.weight_format.bits and (
            (coding.tables == coding.tables[0]).all()
        )  # fmt: skip

    @property
    def pad_heap(self):
        return int(self.terms.heap(self.pad_value, self._pad_value))

    def pe_luts(self, simd, acc, feedback):
        return super().pe_luts(simd, acc, feedback) + _table_luts(self.parts[0].w_codes, self.weight_bits) * simd


class Planes(Arithmetic):
    name = "planes"

    def __init__(self, dense, x_format):
        super().__init__(dense, x_format)
        coding = dense.coding
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
        """A plane for every pair of basis bits."""
        self.x_table = tuple(x_format.patterns())
        self.lane_format = Unsigned(len(x_format.basis))
        if self.x_table == tuple(range(1 << x_format.bits)):
            self.x_table = None
        self._x = [(x_format.digit, (j,)) for j in range(len(x_format.basis))]
        basis = np.array(x_format.basis, dtype=np.int64)
        self.coefficients = (self.coefficients[:, :, None] * basis).reshape(len(self.coefficients), -1)

    @classmethod
    def fits(cls, dense, x_format):
        coding = dense.coding
        if coding is None:
            return False
        pairs = len(x_format.basis) if coding.bipolar else 1
        return len(coding.digits) * max(1, pairs) <= _MOST_PLANES

    def _x_values(self, value):
        """What the parts of a plane see of a value of the stream."""
        if not self._paired:
            return [value]
        pattern = self.x_format.patterns()[int(self.x_format.encode([value])[0])]
        return [int(fmt.decode(pattern >> j & 1)) for j, (fmt, _) in enumerate(self._x)]

    @property
    def offsets(self):
        by_plane = np.array([row[self.codes].sum(axis=1) for row in self.terms.offset(self._digits)])  # (planes, N)
        heaps = (self.coefficients * np.repeat(by_plane, len(self._x), axis=0).T).sum(axis=1)
        return heaps + (self.x_format.base * self._sums if self._paired else 0)

    @property
    def bounds(self):
        raise NotImplementedError("of planes together they follow from the model's accumulator")

    @property
    def pad_heap(self):
        digits = self._digits[:, self.pad_weight]
        heaps = [self.terms.heap(x, d) for d in digits for x in self._x_values(self.pad_value)]
        return self.coefficients @ np.array(heaps, dtype=np.int64)

    def pe_luts(self, simd, acc, feedback):
        part = self.parts[0]
        decoders = sum(_table_luts(p.w_codes, self.weight_bits) for p in self.parts[:: len(self._x)])
        width = (sum(1 << e for e in self.terms.exponents)).bit_length() + simd.bit_length()
        return len(self.parts) * pe_luts(part.x_format, part.w_format, simd, width, feedback) + decoders * simd

    def beside(self, shape, acc):
        width = (shape.inputs * sum(1 << e for e in self.terms.exponents)).bit_length()
        return shape.lanes * combined_luts(self.coefficients, width, acc, shape.places)


class Dsp(Plain):
    """Products in DSPs, several by each (`hw.xilinx.dsp_packing`); ``places`` of neurons among those that share one."""

    name = "dsp"
    in_words = "DSPs"

    def __init__(self, dense, x_format, places):
        super().__init__(dense, x_format)
        weights = dense.weights
        self.packing = best_packing(self.lane_format, int(weights.min()), int(weights.max()))
        self.weight_bits = self.packing.weight_bits
        packed = packed_weights(weights, self.packing, places % self.packing.weights)
        self.codes = packed & ((1 << self.weight_bits) - 1)
        self.terms = FieldTerms(self.lane_format, self.w_format, self.packing)
        self.pad_weight = self.terms.pad_weight

    def array(self, **common):
        return DspArrayPlan(x_format=self.lane_format, w_format=self.w_format, packing=self.packing, **common)


class Summed(Plain):
    """Products as they are, accumulators in DSPs (`hw.arrays.dsp_sums`); of operators, beside them."""

    name = "sums"
    in_words = "LUTs, sums in DSPs"
    starts_at_zero = True

    def pe_luts(self, simd, acc, feedback):
        return row_luts(self.lane_format, self.w_format, simd)

    def dsps(self, pe, acc):
        return -(-pe // sums_of(acc))

    def array(self, *, target, **common):
        if not target.netlists:
            return super().array(target=target, **common)
        return DspSumArrayPlan(x_format=self.lane_format, w_format=self.w_format, target=target, **common)


def _table_luts(codes, bits):
    """LUTs of a function of a weight's code: none for the bits of it themselves."""
    width = max(max(codes).bit_length(), 1)
    columns = {tuple(c >> k & 1 for c in codes) for k in range(width)}
    own = {tuple(n >> k & 1 for n in range(len(codes))) for k in range(bits)}
    return len(columns - own) * max(1, 1 << bits - 6 if bits > 6 else 1)


def options_of(dense, x_format):
    """Every way but DSPs, the plain one first."""
    found = [Plain(dense, x_format)]
    if Decoded.fits(dense):
        found.append(Decoded(dense, x_format))
    if Shifted.fits(dense):
        found.append(Shifted(dense, x_format))
    if Planes.fits(dense, x_format):
        found.append(Planes(dense, x_format))
    return found


def chosen(options, shape, acc, name=None):
    """The option of that name, or the one that takes the fewest LUTs in a `LayerShape` with accumulators of ``acc``
    bits.

    Raises ValueError if there is none of the name.
    """
    if name is not None:
        found = [o for o in options if o.name == name]
        if not found:
            raise ValueError(f"products must be one of {', '.join(o.name for o in options)}, not {name!r}")
        return found[0]
    return options[0] if len(options) == 1 else min(options, key=lambda option: option.luts(shape, acc))
