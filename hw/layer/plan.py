# amaranth: UnusedElaboratable=no
"""Every number of a folded layer: derived once, for the hardware, the cycle model and the reports."""

from collections import Counter

import numpy as np
from amaranth.hdl import Shape, signed, unsigned

from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.formats import Float32
from fewbit.hw.activation import units as activation
from fewbit.hw.activation.affine import Affine
from fewbit.hw.activation.planes import Combine
from fewbit.hw.arrays.constant import ConstantArray
from fewbit.hw.arrays.dsp_products import DspArray
from fewbit.hw.arrays.dsp_sums import DspSumArray
from fewbit.hw.arrays.float32 import FloatArray
from fewbit.hw.arrays.integer import IntegerArray
from fewbit.hw.memory.rom import Rom
from fewbit.hw.streams import beats, pack
from fewbit.hw.target import DEFAULT, Luts

from .replay import Replay
from .ways import Dsp, Plain, Summed, chosen, options_of

__all__ = ["LayerPlan"]


class LayerPlan:
    """A `Dense` or `FloatDense` node, ``pe`` neurons by ``simd`` inputs a cycle, and the activation behind it.

    A pixel comes as one vector; of a layer with groups as several, one after the other, each with weights of its own: a
    vector for every group, or, with PE a multiple of a group's neurons, one for as many groups as that computes at a
    time, each on lanes of its own (depthwise layers: one channel a PE).

    Parameters
    ----------
    dense, act : golden nodes; ``act`` is a Threshold, Rescale, Score or None
    edges : dict of golden edges
    pe, simd : int
    products : str or None
        How they are made, one of `hw.layer.ways.NAMES`: ``dsp`` for DSPs, several products by each
        (`hw.arrays.dsp_products`); ``sums`` for accumulators in DSPs (`hw.arrays.dsp_sums`); ``None`` for what takes
        the fewest LUTs.
    order : int array or None
        In which order the inputs come, if not as they stand in the weights.
    target : hw.target.Target

    Attributes
    ----------
    vectors, parallel : int
        Vectors of a pixel; groups that each of them has. Their product is the layer's groups.
    neurons, inputs : int
        Of a vector: neurons that it goes to, inputs that each of them reads.
    lanes_in : int
        ``parallel * simd``, codes of a beat that enters.
    steps, rows : int
        ``ceil(inputs/simd)`` and ``ceil(neurons/pe)``: a vector takes ``steps*rows`` cycles.
    cycles : int
        Cycles of a frame, ``pixels*vectors*steps*rows``.
    lanes, row_beats, beats_out : int
        Codes of a beat that leaves; beats of a row, ``pe/lanes``, the fewest lanes that keep up; beats of a vector.
    latency : int
        Cycles from the issue of a row's last step to the write of its first codes into the output FIFO.
    depth : int
        Entries of the output FIFO: a row reserves its room before it begins, and none waits if the reader does not.
    """

    def __init__(self, dense, act, edges, *, pe, simd, products=None, order=None, target=DEFAULT):
        self.dense, self.act, self.pe, self.simd, self.target = dense, act, pe, simd, target
        self.products, self.dsp, self.sums = products, products == "dsp", products == "sums"
        self.name, self.x = dense.name, dense.x
        self.y = act.y if act is not None else dense.y
        self.x_format, self.format = edges[dense.x].format, edges[self.y].format
        self._plan_vectors()
        self.pixels = edges[dense.x].pixels
        self.steps, self.rows = beats(self.inputs, simd), beats(self.neurons, pe)
        self.cycles = self.pixels * self.vectors * self.steps * self.rows
        self.lanes = next(n for n in range(1, pe + 1) if pe % n == 0 and pe // n <= self.steps)
        self.row_beats = pe // self.lanes
        self.beats_out = beats(self.neurons, self.lanes)
        self.is_float = not self.x_format.integral
        self.whole = self.is_float
        (self._plan_float if self.is_float else self._plan_integer)(edges)
        if order is not None:
            self.codes = self.codes[:, order]
        self.array, self.combine, self.activation = self.make_array(), self.make_combine(), self.make_activation()
        units = [unit for unit in (self.array, self.combine, self.activation) if unit is not None]
        for unit in units:
            unit._MustUse__silence = True  # they are made here for their latencies only
        self.latency = Replay.LATENCY + sum(unit.LATENCY for unit in units)
        in_flight = -(-(self.steps + self.latency + self.row_beats + 3) // self.steps) + 1
        self.depth = self.row_beats * in_flight

    def _plan_vectors(self):
        pe, simd, groups = self.pe, self.simd, self.dense.groups
        neurons, self.inputs = self.dense.weights.shape
        group = neurons // groups
        most = neurons if groups == 1 or pe > group else group
        for name, value, limit in ("PE", pe, most), ("SIMD", simd, self.inputs):
            if value not in range(1, limit + 1):
                raise ValueError(f"{self.name}: {name} must be in 1 to {limit}, not {value!r}")
        self.parallel = 1 if groups == 1 or pe <= group else pe // group
        if self.parallel > 1 and (pe % group or groups % self.parallel):
            raise ValueError(
                f"{self.name}: PE must be at most {group}, the neurons of a group, or that times a divisor of the "
                f"{groups} groups, not {pe}"
            )
        self.vectors = groups // self.parallel
        self.neurons = group * self.parallel
        self.lanes_in = simd * self.parallel

    @property
    def constant(self):
        """Whether every weight is a constant of the hardware, which then shares sums."""
        unfolded = self.steps == self.rows == self.vectors == 1 and self.products is None
        return unfolded and not self.is_float and self.target.luts is not Luts.OPERATORS

    @property
    def dsps(self):
        """DSPs of its array and of what is behind it."""
        return sum(unit.dsps for unit in (self.array, self.combine, self.activation) if unit is not None)

    @property
    def is_sign(self):
        """Whether a code is the sign of an accumulator that began at minus its threshold."""
        return isinstance(self.act, Threshold) and self.format.bits == 1 and not self.sums

    @property
    def out_bits(self):
        return self.format.bits

    @property
    def last_row_beats(self):
        """Beats of a vector's last row; those that are padding altogether are not written."""
        return self.beats_out - (self.rows - 1) * self.row_beats

    # The array

    def make_array(self):
        common = dict(pe=self.pe, simd=self.simd, steps=self.steps, lanes=self.lanes, groups=self.parallel)
        if self.is_float:
            return FloatArray(dsp=self.target.dsp, **common)
        if self.constant:
            return ConstantArray(
                x_format=self.lane_format, w_format=self.dense.weight_format, acc_shape=self.acc_shape, init=self.init,
                weights=self.arithmetic.w_format.decode(self.codes), groups=self.parallel,
                luts=self.target.luts,
            )  # fmt: skip
        found = self.arithmetic
        common |= dict(
            x_format=self.lane_format, w_format=found.w_format, acc_shape=self.array_shape, luts=self.target.luts
        )
        if self.dsp:
            return DspArray(packing=found.packing, **common)
        in_dsps = self.sums and self.target.luts is not Luts.OPERATORS
        kind = DspSumArray if in_dsps else IntegerArray
        return kind(weight_bits=self.weight_bits, parts=found.parts, **common)

    def make_combine(self):
        """What adds up planes, or ``None``."""
        if self.is_float or self.arithmetic.coefficients is None:
            return None
        coefficients = self._padded_rows(self.arithmetic.coefficients)
        return Combine(
            width=Shape.cast(self.array_shape).width // coefficients.shape[1], coefficients=coefficients.tolist(),
            addends=self.init, acc_bits=Shape.cast(self.acc_shape).width, lanes=self.lanes,
            beats=self.vectors * self.rows * self.row_beats, luts=self.target.luts,
        )  # fmt: skip

    def _padded(self, per_neuron, filler=0):
        """One number for each of the layer's neurons as a list of ``rows*pe`` a vector, with ``filler`` for padding."""
        return [int(v) for v in self._padded_rows(np.asarray(per_neuron, dtype=object)[:, None], filler)[:, 0]]

    def _padded_rows(self, rows, filler=0):
        """Rows of an array, one for each neuron, likewise."""
        rows = np.asarray(rows)
        blocks = rows.reshape(self.vectors, self.neurons, rows.shape[1])
        rest = self.rows * self.pe - self.neurons
        padded = np.pad(blocks, ((0, 0), (0, rest), (0, 0)), constant_values=filler)
        return padded.reshape(-1, rows.shape[1])

    def make_weights(self):
        """Codes of step s of row r of vector v at ``(v*rows + r)*steps + s``; lane s of PE p is code ``p*simd + s``."""
        lanes = np.full((self.vectors * self.rows * self.pe, self.steps * self.simd), self.pad_weight, dtype=np.int64)
        lanes[:, : self.inputs] = self._padded_rows(self.codes, self.pad_weight)
        words = lanes.reshape(-1, self.pe, self.steps, self.simd).swapaxes(1, 2).reshape(-1, self.pe * self.simd)
        words = [pack(codes, self.weight_bits) for codes in words.tolist()]
        return Rom(
            width=self.weight_bits * self.pe * self.simd, words=words, latency=Replay.LATENCY, luts=self.target.luts
        )

    @property
    def weights_in(self):
        """Where the weights are and what they take there, in words."""
        if self.constant:
            return "constants"
        found = self.make_weights().placement
        return {"luts": f"{found.luts} LUTs", "block": f"{found.bram18} BRAM18"}.get(found.where, "constants")

    @property
    def products_in(self):
        """How products are made, in words."""
        if self.is_float:
            return "DSPs" if self.target.dsp else "LUTs"
        if self.constant:
            return "LUTs"
        words = {
            "plain": "LUTs",
            "dsp": "DSPs",
            "sums": "LUTs, sums in DSPs",
            "decode": "LUTs, weights decoded",
            "shift": "LUTs, shifted",
        }
        return words.get(self.arithmetic.name, f"{len(self.arithmetic.parts or ())} planes")

    def make_init(self):
        """What the accumulators start a row with, by row; PE 0 lowest. Those of planes start with nothing."""
        width = Shape.cast(self.array_shape).width
        init = self.init if self.combine is None else [0] * len(self.init)
        words = [pack(init[n : n + self.pe], width) for n in range(0, len(init), self.pe)]
        return Rom(width=width * self.pe, words=words, latency=Replay.LATENCY, luts=self.target.luts)

    def _plan_float(self, edges):
        self.acc_shape, self.weight_bits, self.pad_weight = unsigned(32), 32, 0
        self.array_shape, self.lane_format, self.x_table = self.acc_shape, self.x_format, None
        self.codes = Float32().encode(self.dense.weights)
        self.init = self._padded(Float32().encode(self.dense.bias))

    def _plan_integer(self, edges):
        dense, edge = self.dense, edges[self.dense.y]
        self.arithmetic = found = self._arithmetic(edge)
        self.scale, self.pad_weight, self.weight_bits, self.codes = (
            found.scale, found.pad_weight, found.weight_bits, found.codes
        )  # fmt: skip
        self.lane_format, self.x_table = found.lane_format, found.x_table
        self.terms = Counter(found.exponents)
        pads = self.steps * self.simd - self.inputs
        # The accumulator of the model is scale*heap + base, for each neuron.
        self.base = found.offsets - self.scale * pads * found.pad_heap
        if found.coefficients is None:
            lo, hi = (bound + pads * found.pad_heap for bound in found.bounds)
            start = np.zeros(len(dense.weights), dtype=np.int64)
        else:  # some planes may count negatively
            lo, hi = ((bound - self.base) // self.scale for bound in (edge.lo, edge.hi))
            start = np.maximum(0, -lo)
        if self.sums and self.act is None:
            raise ValueError(f"{self.name}: sums in DSPs begin at zero, which needs an activation behind them")
        if self.is_sign:
            self._plan_sign(edge, lo, hi)
        elif self.act is None:
            self.init = self._padded(self.base // self.scale)
            rest = self.base % self.scale
            self._shape(((edge.lo - rest) // self.scale).min(), ((edge.hi - rest) // self.scale).max())
        else:
            self.base, self.heap_hi = self.base - self.scale * start, int((hi + start).max())
            self.init = self._padded(start)
            self._shape(0, self.heap_hi)
        self.array_shape = self.acc_shape
        if found.coefficients is not None:
            each = self.steps * self.simd * sum(1 << e for e in found.exponents)
            self.array_shape = unsigned(each.bit_length() * found.coefficients.shape[1])

    def _arithmetic(self, edge):
        places = np.arange(len(self.dense.weights)) % self.neurons % self.pe % (self.pe // self.parallel)
        try:
            if self.dsp:
                return Dsp(self.dense, self.x_format, places)
            if self.sums:
                return Summed(self.dense, self.x_format)
            if self.constant:
                return Plain(self.dense, self.x_format)
            shape = dict(
                pe=self.pe, simd=self.simd, lanes=self.lanes, steps=self.steps, inputs=self.inputs,
                words=self.steps * self.rows * self.vectors, rows=self.vectors * self.rows * self.row_beats,
                acc=edge.format.bits,
            )  # fmt: skip
            return chosen(options_of(self.dense, self.x_format), shape, self.products)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def _shape(self, lo, hi):
        lo, hi = int(lo), int(hi)
        bits = max((-lo - 1).bit_length() if lo < 0 else 0, max(hi, 0).bit_length())
        self.acc_shape = signed(bits + 1) if lo < 0 else unsigned(max(1, bits))

    def _in_heap(self, thresholds):
        """Thresholds of the model's accumulator as thresholds of the heap: ``scale*h + base >= t``."""
        base = self.base if thresholds.ndim == 1 else self.base[:, None]
        return -((base - thresholds) // self.scale)

    def _plan_sign(self, edge, lo, hi):
        """One bit: the accumulator starts at minus its threshold, and its sign is the code."""
        count = len(self.dense.weights)
        table = np.broadcast_to(self.format.encode(self.act.table()), (count, self.act.thresholds.shape[1] + 1))
        thresholds = np.broadcast_to(self.act.thresholds, (count, table.shape[1] - 1))
        if table.shape[1] > 2 and (np.abs(np.diff(table, axis=1)).sum(axis=1) > 1).any():
            raise ValueError(f"{self.act.name}: a one-bit code that changes more than once is not supported")
        changes = np.diff(table, axis=1) != 0
        at = np.where(changes.any(axis=1), changes.argmax(axis=1), 0) if changes.shape[1] else np.zeros(count, int)
        never = edge.hi + 1
        where = thresholds[np.arange(count), at] if changes.shape[1] else never
        limit = self._in_heap(np.where(changes.any(axis=1), where, never))
        self.flips = self._padded(table[:, 0])
        self.init = self._padded(-limit)
        self._shape((lo - limit).min(), (hi - limit).max())

    # The activation

    def make_activation(self):
        act, lanes, count = self.act, self.lanes, self.vectors * self.rows * self.row_beats
        common = dict(lanes=lanes, beats=count, luts=self.target.luts)
        if self.is_float:
            return activation.FloatRelu(relu=self.dense.relu, **common)
        common["acc_shape"] = self.acc_shape
        if self.is_sign:
            return activation.Sign(flips=self.flips, **common)
        common["bits"] = self.format.bits
        if act is None:
            return activation.Whole(scale=self.scale, rests=self._padded(self.base % self.scale), **common)
        if isinstance(act, Rescale | Score):
            multipliers = self._padded(self.scale * act.multiplier, filler=1)
            addend, limits = act.addend, {}
            if isinstance(act, Rescale):  # to codes, read as numbers
                addend = addend - (self.format.origin << act.shift)
                limits = dict(
                    shift=act.shift, lo=self.format.lo - self.format.origin, hi=self.format.hi - self.format.origin
                )
            addends = self._padded(addend + act.multiplier * self.base)
            return Affine(multipliers=multipliers, addends=addends, **limits, **common)
        return activation.Search(**self._search(), **common)

    def _search(self):
        """Arguments of `Search`: rising rows of ``2**n - 1`` thresholds, and how an index becomes a code."""
        count = len(self.dense.weights)
        thresholds = np.broadcast_to(self.act.thresholds, (count, self.act.thresholds.shape[1]))
        thresholds = np.clip(self._in_heap(thresholds), 0, self.heap_hi + 1)
        codes, xor, front = None, 0, 0
        if self.act.codes is None:
            size = 2**self.format.bits
            if self.format.signed:  # index 0 is the most negative code, narrow or not
                xor, front = size // 2, self.format.lo + size // 2
        else:
            size = 2 ** max(1, int(self.act.codes.shape[1] - 1).bit_length())
            table = np.broadcast_to(self.format.encode(self.act.codes), (count, self.act.codes.shape[1]))
            last = np.repeat(table[:, -1:], size - table.shape[1], axis=1)
            codes = self._padded_rows(np.hstack([table, last])).tolist()
        back = size - 1 - front - thresholds.shape[1]
        rows = self._padded_rows(thresholds)
        rows = np.hstack([
            np.zeros((len(rows), front), dtype=np.int64), rows, np.full((len(rows), back), self.heap_hi + 1)
        ])  # fmt: skip
        return dict(thresholds=rows.tolist(), xor=xor, codes=codes)
