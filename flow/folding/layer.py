"""A layer as a folding sees it: what PE and SIMD it may have, and how long it takes with them."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Windows
from fewbit.golden.numbers.format import Format
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.arithmetic import Arithmetic
from fewbit.hw.layer.external import channel_of, check_external, checked_tile
from fewbit.hw.layer.product_forms import Summed
from fewbit.hw.layer.shape import LayerShape, legal_together
from fewbit.hw.memory.external_plan import DEFAULT_BUS, ChannelPlan, check_bus
from fewbit.hw.pipeline.abreast import legal_abreast
from fewbit.hw.stages.window_plan import cycles_of_window, simd_of_window
from fewbit.hw.xilinx.dsp_packing import Packing, best_packing

__all__ = ["FoldableLayer", "Option"]

_FLOAT_BIT_PRODUCTS = 24 * 24  # a float32 product counts as its mantissas'


class Option(NamedTuple):
    """A folding that a layer may have. The least option is the cheapest; of equally cheap ones it is the fastest.

    Attributes
    ----------
    cost : float
        About its LUTs, to compare options by.
    cycles : int
        Cycles of a frame.
    pe, simd : int
    """

    cost: float
    cycles: int
    pe: int
    simd: int

    @property
    def folding(self) -> LayerFolding:
        """The option as a folding."""
        return LayerFolding(self.pe, self.simd)


@dataclass(frozen=True, kw_only=True)
class FoldableLayer:
    """What a layer's folding depends on.

    Attributes
    ----------
    name : str
    pixels : int
        Pixels of a frame that the layer gives.
    groups, neurons, inputs : int
        Groups; neurons of a group; inputs that each of them reads.
    x_format, weight_format : golden.numbers.format.Format
        Formats of the inputs and of the weights.
    weight_range : tuple of int (float32: float)
        The smallest weight and the largest.
    accumulator_bits, levels : int
        Bits of what a neuron sums up; levels of what leaves the layer.
    window : golden.network.spatial.Windows or None
        The window in front of it.
    source : golden.network.graph.Edge
        The edge in front of the window, or of the layer without one.
    channels : int
        Channels of a group, in front of the window.
    ways : tuple of hw.layer.arithmetic.Arithmetic
        Ways in which its products can be made, DSPs not counted.
    summed : hw.layer.product_forms.Summed or None
        Its products with accumulators in DSPs, if they can be there: an activation is behind them.
    """

    name: str
    pixels: int
    groups: int
    neurons: int
    inputs: int
    x_format: Format
    weight_format: Format
    weight_range: tuple[float, float]
    accumulator_bits: int
    levels: int
    window: Windows | None
    source: Edge
    channels: int
    ways: tuple[Arithmetic, ...] = ()
    summed: Summed | None = None

    @property
    def macs(self) -> int:
        """Multiplications of a frame."""
        return self.pixels * self.groups * self.neurons * self.inputs

    @property
    def bits(self) -> int:
        """Bit products of one multiplication."""
        return _FLOAT_BIT_PRODUCTS if not self.x_format.integral else self.x_format.bits * self.weight_format.bits

    @cached_property
    def packing(self) -> Packing | None:
        """How products share DSPs, or None if they cannot be in them."""
        try:
            return best_packing(self.ways[0].lane_format, *map(int, self.weight_range))
        except (ValueError, IndexError):
            return None

    @property
    def packed(self) -> Packing:
        """The `packing`, of a layer whose products can be in DSPs.

        Raises
        ------
        ValueError
            If they cannot.
        """
        if self.packing is None:
            raise ValueError(f"layer {self.name}: its products cannot be in DSPs")
        return self.packing

    @cached_property
    def heap_bits(self) -> int:
        """Bits of the largest sum of a neuron's products, as a PE of plain products counts them."""
        return max(1, int(self.ways[0].ends[1].max()).bit_length())

    @cached_property
    def abreast(self) -> tuple[int, ...]:
        """How many pixels the layer may compute at a time, if it has one group; rising from 1."""
        return tuple(legal_abreast(None if self.window is None else self.window.window, self.source.size))

    def shape(self, folding: LayerFolding) -> LayerShape:
        """Return what follows from a folding of the layer.

        Raises
        ------
        ValueError
            If PE or SIMD is beyond the layer.
        """
        return LayerShape(
            name=self.name, pixels=self.pixels, groups=self.groups, group_neurons=self.neurons, inputs=self.inputs,
            pe=folding.pe, simd=folding.simd, legal_abreast=self.abreast,
        )  # fmt: skip

    def channel(self, folding: LayerFolding, bus: int | None = None, bits: int | None = None) -> ChannelPlan:
        """Return how its weights come from memory outside, where the folding has them there.

        ``bus`` are the port's bits, and ``bits`` those of a weight, by default those of its format.

        Raises
        ------
        ValueError
            If they cannot come from there, or its tile does not divide the pixels; the line has the reason.
        """
        shape, bus = self.shape(folding), check_bus(bus or DEFAULT_BUS)
        check_external(
            self.name, integral=self.x_format.integral, groups=self.groups, together=shape.together, words=shape.words
        )
        tile = checked_tile(shape, folding, self.weight_format.bits, bus)
        return channel_of(shape, bits or self.weight_format.bits, tile=tile, bus=bus)

    def dsps(self, shape: LayerShape) -> int:
        """Return how many DSPs its products take, where they are in DSPs.

        Raises
        ------
        ValueError
            If they cannot be in DSPs.
        """
        return shape.together * self.packed.dsps(shape.pe // shape.together) * shape.simd

    def pes(self) -> list[int]:
        """Return every PE that is legal, rising."""
        several = legal_together(self.groups, self.abreast)[1:]
        return list(range(1, self.neurons + 1)) + [self.neurons * n for n in several]

    def simds(self, pe: int) -> list[int]:
        """Return every SIMD that is legal with this PE, rising."""
        together = pe > self.neurons
        if self.window is not None:
            return simd_of_window(self.window, self.source, parallel=together)
        return [self.inputs] if together else list(range(1, self.inputs + 1))

    def cycles(self, folding: LayerFolding) -> int:
        """Return the cycles of a frame, those that its window takes in included."""
        return self._cycles(self.shape(folding))

    def _cycles(self, shape: LayerShape) -> int:
        if self.window is None:
            return shape.cycles
        window = cycles_of_window(self.window, self.channels, shape.simd, shape.parallel, shape.abreast)
        return max(shape.cycles, window)

    def useful(self) -> Iterator[LayerFolding]:
        """Yield the legal foldings of which no smaller one is as fast."""
        rows = None
        for pe in self.pes():
            if pe <= self.neurons and -(-self.neurons // pe) == rows:
                continue
            rows, steps = -(-self.neurons // pe), None
            for simd in self.simds(pe):
                if -(-self.inputs // simd) != steps:
                    steps = -(-self.inputs // simd)
                    yield LayerFolding(pe, simd)

    @cached_property
    def options(self) -> list[Option]:
        """All foldings that are useful.

        Their cost is that of products, accumulators and stream lanes, and of a PE or SIMD that does not divide the
        layer.
        """
        options = []
        for folding in self.useful():
            pe, simd, shape = folding.pe, folding.simd, self.shape(folding)
            uneven = (self.inputs % simd > 0) * simd * 4 + (self.neurons % pe > 0 and pe < self.neurons) * pe * 4
            cost = pe * simd * self.bits * 1.3 + pe * 20 + simd * shape.parallel * 4 + uneven
            options.append(Option(cost, self._cycles(shape), pe, simd))
        return options

    @property
    def least_cycles(self) -> int:
        """Cycles of a frame where the layer is unfolded as far as it can be."""
        return self._by_cycles[0][0]

    def cheapest(self, cycles: int) -> Option | None:
        """Return the cheapest of its `options` that takes no more than ``cycles`` a frame, or None if there is none."""
        reached, best = self._by_cycles
        count = bisect_right(reached, cycles)
        return best[count - 1] if count else None

    @cached_property
    def _by_cycles(self) -> tuple[list[int], list[Option]]:
        """Cycles of all options, rising, and the cheapest option that takes no more than each of them."""
        rising = sorted(self.options, key=lambda option: option.cycles)
        return [option.cycles for option in rising], list(accumulate(rising, min))
