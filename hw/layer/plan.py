"""Every number of a folded layer: derived once, for the hardware, the cycle model and the reports."""

from functools import cached_property

from fewbit.hw.packing import beats
from fewbit.hw.targets.named import DEFAULT

from .layout import MEMORY_LATENCY, start_contents, weight_contents
from .numbers import numbers_of

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
    target : hw.targets.target.Target

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
    numbers : hw.layer.numbers.IntegerNumbers or FloatNumbers
        What its kind of number decides.
    weights, starts : hw.memory.placement.Contents
        Of the memories of weights, and of what accumulators start a row with.
    array, combine, activation : plans
        The array, what adds up its planes (``None`` where there are none), and what makes codes of its sums.
    latency : int
        Cycles from the issue of a row's last step to the write of its first codes into the output FIFO.
    dsps : int
        DSPs of the array and of what is behind it.
    depth : int
        Entries of the output FIFO: a row reserves its room before it begins, and none waits if the reader does not.
    """

    def __init__(self, dense, act, edges, *, pe, simd, products=None, order=None, target=DEFAULT):
        self.dense, self.act, self.pe, self.simd, self.order, self.target = dense, act, pe, simd, order, target
        self.products, self.dsp, self.sums = products, products == "dsp", products == "sums"
        self.name, self.x = dense.name, dense.x
        self.y = act.y if act is not None else dense.y
        self.x_format, self.format = edges[dense.x].format, edges[self.y].format
        self.acc_edge = edges[dense.y]
        self._plan_vectors()
        self.pixels = edges[dense.x].pixels
        self.steps, self.rows = beats(self.inputs, simd), beats(self.neurons, pe)
        self.cycles = self.pixels * self.vectors * self.steps * self.rows
        self.lanes = next(n for n in range(1, pe + 1) if pe % n == 0 and pe // n <= self.steps)
        self.row_beats = pe // self.lanes
        self.beats_out = beats(self.neurons, self.lanes)
        self.numbers = found = numbers_of(self)
        self.whole = found.whole
        self.array, self.combine, self.activation = found.array, found.combine, found.activation
        units = [unit for unit in (self.array, self.combine, self.activation) if unit is not None]
        self.dsps = sum(unit.dsps for unit in units)
        self.latency = MEMORY_LATENCY + sum(unit.latency for unit in units)
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
    def out_bits(self):
        """Bits of a code that leaves."""
        return self.format.bits

    @property
    def last_row_beats(self):
        """Beats of a vector's last row; those that are padding altogether are not written."""
        return self.beats_out - (self.rows - 1) * self.row_beats

    @cached_property
    def weights(self):
        found = self.numbers
        return weight_contents(self, found.codes, found.weight_bits, found.pad_weight)

    @cached_property
    def starts(self):
        return start_contents(self, self.numbers.starts, self.numbers.array_shape.width)

    @property
    def products_in(self):
        """How products are made, in words."""
        return self.numbers.in_words

    @property
    def weights_in(self):
        """Where the weights are and what they take there, in words."""
        if self.numbers.constant:
            return "constants"
        found = self.weights.placement
        return {"luts": f"{found.luts} LUTs", "block": f"{found.bram18} BRAM18"}.get(found.where, "constants")
