"""Every number of a folded layer: derived once, for the hardware, the cycle model and the reports."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.hw.folding import LayerFolding
from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.memory.placement import Contents, Placement
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .layout import MEMORY_LATENCY, start_contents, weight_contents
from .loadable import LoadableNumbers
from .numbers import numbers_of
from .shape import LayerShape

__all__ = ["LayerPlan"]


class LayerPlan:
    """A `Dense` or `FloatDense` node in a folding, and the activation behind it.

    Parameters
    ----------
    dense, act : golden nodes; ``act`` is a Threshold, Rescale, Score or None
    edges : dict of golden edges
    folding : hw.folding.LayerFolding
    order : int array or None
        Order in which the inputs come, as columns of the weights, if not from the first to the last.
    target : hw.targets.target.Target

    Attributes
    ----------
    shape : hw.layer.shape.LayerShape
        The plan has its numbers under the same names.
    numbers : hw.layer.numbers.IntegerNumbers or FloatNumbers
        What its kind of number decides.
    weights, starts : hw.memory.placement.Contents
        Contents of the memory of weights, and of the memory of what accumulators start a row with.
    loadable : bool
        Whether software may replace what the layer was trained to.
    memories : dict of str to hw.memory.placement.Contents
        Memories that are loadable, by name, in the order in which they are loaded.
    array, combine, activation : plans
        The array, what adds up its planes (``None`` where there are none), and what makes codes of its sums.
    latency : int
        Cycles from the issue of a row's last step to the write of its first codes into the output FIFO.
    dsps : int
        DSPs of the array and of what is behind it.
    depth : int
        Entries of the output FIFO: a row reserves its room before it begins, and none waits if the reader does not.

    Raises
    ------
    ValueError
        If the folding does not fit the layer, or its weights come from where no hardware takes them; the layer's name
        is in the message.
    """

    tile = 1  # vectors that a row of neurons is computed for before the next one
    # Those of `hw.folding.WEIGHTS` that there is hardware for, and what decides their numbers.
    WEIGHTS: ClassVar[dict[str, Callable[[Any], Any]]] = {"fixed": numbers_of, "loadable": LoadableNumbers}

    def __init__(
        self,
        dense: Dense | FloatDense,
        act: Threshold | Rescale | Score | None,
        edges: Mapping[str, Edge],
        folding: LayerFolding,
        *,
        order: np.ndarray | None = None,
        target: Target = DEFAULT,
    ):
        if folding.weights not in self.WEIGHTS:
            raise ValueError(
                f"{dense.name}: weights {folding.weights!r} are not supported, only {', '.join(self.WEIGHTS)}"
            )
        self.dense, self.act, self.order, self.target = dense, act, order, target
        self.products, self.dsp, self.sums = folding.products, folding.products == "dsp", folding.products == "sums"
        self.loadable = folding.weights == "loadable"
        self.name, self.x = dense.name, dense.x
        self.y = act.y if act is not None else dense.y
        self.x_format, self.format = edges[dense.x].format, edges[self.y].format
        self.acc_edge = edges[dense.y]
        self.shape = LayerShape.of(dense, edges[dense.x], folding)
        self._take_shape(self.shape)
        self.numbers = found = self.WEIGHTS[folding.weights](self)
        self.whole = found.whole
        self.array, self.combine, self.activation = found.array, found.combine, found.activation
        units = [unit for unit in (self.array, self.combine, self.activation) if unit is not None]
        self.dsps = sum(unit.dsps for unit in units)
        self.latency = MEMORY_LATENCY + sum(unit.latency for unit in units)
        in_flight = -(-(self.steps + self.latency + self.row_beats + 3) // self.steps) + 1
        self.depth = self.row_beats * in_flight

    def _take_shape(self, shape: LayerShape) -> None:
        self.pixels, self.inputs, self.pe, self.simd = shape.pixels, shape.inputs, shape.pe, shape.simd
        self.parallel, self.vectors, self.neurons = shape.parallel, shape.vectors, shape.neurons
        self.steps, self.rows, self.cycles = shape.steps, shape.rows, shape.cycles
        self.lanes_in, self.lanes, self.row_beats = shape.lanes_in, shape.lanes, shape.row_beats
        self.beats_out, self.last_row_beats = shape.beats_out, shape.last_row_beats

    @property
    def out_bits(self) -> int:
        """Bits of a code that leaves."""
        return self.format.bits

    @cached_property
    def weights(self) -> Contents:
        found = self.numbers
        return weight_contents(self.shape, found.codes, found.weight_bits, found.pad_weight)

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return self.numbers.memories(self.weights, self.starts) if self.loadable else {}

    @cached_property
    def starts(self) -> Contents:
        return start_contents(self.shape, self.numbers.starts, self.numbers.array_shape.width)

    @property
    def products_in(self) -> str:
        """How products are made, in words."""
        return self.numbers.in_words

    @property
    def weights_in(self) -> str:
        """Where the weights are and what they take there, in words."""
        if self.numbers.constant:
            return "constants"
        if "weights" in self.memories:
            found = writable_placement(self.weights.width, len(self.weights.words))
            return f"{_taken(found)}, loadable"
        return _taken(self.weights.placement)


def _taken(found: Placement) -> str:
    """Return what a memory takes, in words."""
    return {"luts": f"{found.luts} LUTs", "block": f"{found.bram18} BRAM18"}.get(found.where, "constants")
